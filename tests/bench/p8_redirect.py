"""P8: the redirect of a click, with the touch recorded, beside Starlette.

Twice: against Starlette that does the same in Redis by the product's own script (where the code
leads, the limit, the stream, the click's key), and against Starlette that writes the stream alone.
Both sides set the visitor's cookie; the product sends its security headers as well. Both run under
granian with two workers, on the same Redis.
"""

import pickle
import tempfile
import time
from pathlib import Path
from statistics import median

from backend.core import redis
from backend.core.clock import now
from backend.core.sql import rows, value
from commissions import touches
from tests.bench.ground import people_and_goods, say
from tests.bench.load import request
from tests.bench.p7_reads import plan
from tests.bench.report import Row
from tests.bench.serving import (
    Cost,
    Server,
    measure,
    middle,
    product_command,
    redis_apart,
    running,
    tell,
    yardstick_command,
)

CODES = 200
SECONDS, WARM_SECONDS = 2.5, 0.7
REACH = 0.8
WAYS = {
    "l": "Starlette + Redis, the same script",
    "x": "Starlette + Redis stream, nothing else",
}


def ask(server: Server, codes: list[str], seconds: float, way: str = "l") -> Cost:
    """One round; the stream is emptied behind it."""
    asked = [request(f"/{way}/{code}", server.port) for code in codes]
    cost = measure(server, asked, seconds, status=b"302")
    assert redis.call("XLEN", touches.STREAM) > 0
    redis.call("DEL", touches.STREAM)
    return cost


def against(way: str, codes: list[str], product: Server, yardstick: Server, rounds: int) -> Row:
    """Interleaved rounds beside one yardstick."""
    ask(product, codes, WARM_SECONDS)
    ask(yardstick, codes, WARM_SECONDS, way)
    pairs = []
    for _ in range(rounds):
        theirs = ask(yardstick, codes, SECONDS, way)
        pairs.append((ask(product, codes, SECONDS), theirs))
    ours, theirs = middle([a for a, _ in pairs]), middle([b for _, b in pairs])
    speed = median(a.per_second / b.per_second for a, b in pairs)
    cpu = median(a.cpu_ms / b.cpu_ms for a, b in pairs)
    say(f"  {WAYS[way]}: {speed:.2f} of the requests a second, {cpu:.2f} of the CPU")
    tell("Tuike", ours)
    tell("Starlette", theirs)
    return Row(
        "P8",
        "redirect of a click, touch recorded",
        WAYS[way],
        f"{speed:.2f} × requests/s, {cpu:.2f} × CPU",
        f"≥ {REACH} × requests/s",
        speed >= REACH,
        f"{ours.per_second:,.0f} against {theirs.per_second:,.0f} a second",
    )


def stored_is_what_was_clicked(codes: list[str], product: Server) -> None:
    """A short load, then the worker's job: every answered click is a row."""
    asked = [request(f"/l/{code}", product.port) for code in codes]
    before = value("SELECT count(*) FROM commissions_touch")
    measure(product, asked, 0.3, status=b"302")
    time.sleep(0.5)  # what was asked when the load ended is answered still
    clicked = redis.call("XLEN", touches.STREAM)
    touches.store_touches()
    assert value("SELECT count(*) FROM commissions_touch") - before == clicked > 0


def main(lines: int, rounds: int = 3) -> list[Row]:
    """A row for each yardstick."""
    people_and_goods()
    with redis_apart():
        return _rows(rounds)


def _rows(rounds: int) -> list[Row]:
    found = rows("SELECT code FROM commissions_promotionlink ORDER BY id")
    codes = [row["code"] for row in found if touches.CODE.fullmatch(row["code"])][:CODES]
    for code in codes:  # as the first reader of each would
        touches.record(code=code, visitor="", account=None, at=now(), counts=False)
    redis.call("DEL", touches.STREAM)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan"
        path.write_bytes(pickle.dumps(plan([])))
        product = Server("product", product_command())
        yardstick = Server(
            "yardstick", yardstick_command("tests.bench.yardstick:app"), YARDSTICK_PLAN=str(path)
        )
        with running(product, yardstick):
            stored_is_what_was_clicked(codes, product)
            return [against(way, codes, product, yardstick, rounds) for way in WAYS]
