"""P7: the hottest reads beside Starlette with a psycopg pool that replays the same statements.

Both count the caller in Redis, both look the token up where the page has one, both run the page's
SQL and encode by msgspec. The product also resolves the address, validates the query, asks its
permissions, shapes the rows, signs the answer with its request's id and its headers.
"""

import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from django.db import connection
from rest_framework.test import APIClient

from tests.bench.ground import say
from tests.bench.load import request
from tests.bench.reading_world import Page, build
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

SECONDS = 2.5
WARM_SECONDS = 0.7
REACH = 0.6


def statements_of(page: Page) -> list[tuple[str, Any]]:
    """What the product sends to PostgreSQL for a page, in order."""
    sent: list[tuple[str, Any]] = []

    def keep(execute: Callable, statement: str, parameters: Any, many: bool, context: Any) -> Any:
        sent.append((statement, parameters))
        return execute(statement, parameters, many, context)

    client = APIClient()
    if page.token:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {page.token}")
    client.get(page.path)
    with connection.execute_wrapper(keep):
        answer = client.get(page.path)
    assert answer.status_code == 200, answer.content
    return sent


def plan(pages: list[Page]) -> dict[str, Any]:
    """What the yardstick replays, and the scripts that it runs in Redis."""
    from backend.accounts import tokens
    from backend.rest import throttles
    from commissions import touches

    replayed, token = {}, None
    for page in pages:
        sent = statements_of(page)
        if page.token:
            token, *sent = sent
            assert token[0] == tokens._FIND
        replayed[page.path.partition("?")[0]] = sent
    scripts = {"limit": throttles._count.text, "pass_by": touches.PASS_BY}
    return {"pages": replayed, "token": token, "scripts": scripts}


def one_page(page: Page, product: Server, yardstick: Server, rounds: int) -> Row:
    """Interleaved rounds on one page."""

    def ask(server: Server, seconds: float) -> Cost:
        return measure(server, [request(page.path, server.port, token=page.token)], seconds)

    found: dict[str, list[Cost]] = {"ours": [], "theirs": []}
    ask(product, WARM_SECONDS)
    ask(yardstick, WARM_SECONDS)
    for _ in range(rounds):
        found["theirs"].append(ask(yardstick, SECONDS))
        found["ours"].append(ask(product, SECONDS))
    ours, theirs = middle(found["ours"]), middle(found["theirs"])
    pairs = list(zip(found["ours"], found["theirs"], strict=True))
    speed = median(a.per_second / b.per_second for a, b in pairs)
    cpu = median(a.cpu_ms / b.cpu_ms for a, b in pairs)
    say(f"  {page.name}: {speed:.2f} of the requests a second, {cpu:.2f} of the CPU")
    tell("Tuike", ours)
    tell("Starlette", theirs)
    return Row(
        "P7",
        page.name,
        "Starlette + psycopg, same SQL",
        f"{speed:.2f} × requests/s, {cpu:.2f} × CPU",
        f"≥ {REACH} × requests/s",
        speed >= REACH,
        f"{ours.per_second:,.0f} against {theirs.per_second:,.0f} a second",
    )


def main(lines: int, rounds: int = 3) -> list[Row]:
    """All pages; a row each."""
    pages = build()
    with tempfile.TemporaryDirectory() as folder, redis_apart():
        path = Path(folder) / "plan"
        path.write_bytes(pickle.dumps(plan(pages)))
        product = Server("product", product_command())
        yardstick = Server(
            "yardstick", yardstick_command("tests.bench.yardstick:app"), YARDSTICK_PLAN=str(path)
        )
        with running(product, yardstick):
            return [one_page(page, product, yardstick, rounds) for page in pages]
