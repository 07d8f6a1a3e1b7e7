"""K10: a file of a million orders made elsewhere, taken by one worker in a process of its own:
rows a second, and the worker's memory. The yardstick is COPY of the same rows into a plain table
with the key that makes them idempotent."""

import json
import resource
import time
from datetime import UTC, datetime, timedelta

from django.core.files.base import File
from django.db import connection

from backend.core.sql import run, value
from commissions import conversions
from commissions.models import ConversionImport
from seeds.factories import PlanVersionFactory, PromotionLinkFactory, ShopFactory, SkuFactory
from tests.bench.ground import say, side_by_side
from tests.bench.report import Row

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
LARGE = 1_000_000
MOST_MIB = 300
YARDSTICK = """
CREATE TABLE bench_told (source bigint NOT NULL, "order" text NOT NULL, line text NOT NULL,
    sku text NOT NULL, paid_fen bigint NOT NULL, UNIQUE (source, "order", line))
"""


class _Told(File):
    """A file of rows that is written while it is read: the bench holds no copy of it."""

    def __init__(self, code: str, rows: int) -> None:
        self.code, self.rows = code, rows
        self.line = len(self._row(0))
        self.size = self.line * rows

    def _row(self, place: int) -> bytes:
        told = {
            "order": f"E{place:08}",
            "line": "1",
            "sku": "J1",
            "paid_fen": 10_000,
            "paid_at": AT.isoformat(),
            "code": self.code,
        }
        return json.dumps(told).encode() + b"\n"

    def chunks(self, chunk_size: int | None = None) -> object:
        """Pieces of about the size asked for."""
        step = max(1, (chunk_size or 2**20) // self.line)
        left = b""
        for start in range(0, self.rows, step):
            left += b"".join(
                self._row(place) for place in range(start, min(start + step, self.rows))
            )
            while len(left) >= (chunk_size or 2**20):
                yield left[: chunk_size or 2**20]
                left = left[chunk_size or 2**20 :]
        if left:
            yield left


def _partner() -> tuple[object, str]:
    then = AT - timedelta(days=99)
    PlanVersionFactory.create(starts_at=then, published_at=then)
    sku = SkuFactory.create(product__shop=ShopFactory.create())
    link = PromotionLinkFactory.create(target_id=sku.product_id, created_at=then)
    shop = sku.product.shop
    source, _ = conversions.add_source(
        name="bench", shop_id=shop.pk, fee_bps=500, window_days=15, by=None, at=AT
    )
    conversions.set_goods(
        account=shop.account,
        source_id=source.pk,
        external_sku="J1",
        sku_id=sku.pk,
        rate_bps=2_000,
    )
    return source, link.code


def take_all() -> tuple[int, int]:
    """Takes the whole file, a job's chunks at a time; rows, and this process' peak in MiB."""
    done = 0
    while taken := conversions.run_imports(at=AT, chunks=10):
        done += taken
    return done, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _yardstick(rows: int) -> float:
    run(YARDSTICK)
    began = time.monotonic()
    with connection.cursor() as cursor, cursor.copy("COPY bench_told FROM STDIN") as copy:
        for place in range(rows):
            copy.write_row((1, f"E{place:08}", "1", "J1", 10_000))
    return time.monotonic() - began


def main(lines: int, rounds: int) -> list[Row]:
    """One import of a million rows, or of ten times `lines` where that is less."""
    rows = min(LARGE, lines * 10)
    source, code = _partner()
    job = conversions.upload(
        account=source.shop.account,  # type: ignore[attr-defined]
        source_id=source.pk,  # type: ignore[attr-defined]
        kind="jsonl",
        dry_run=False,
        file=_Told(code, rows),
        at=AT,
    )
    wall, cpu, answers = side_by_side([take_all])
    done, mib = answers[0]
    found = ConversionImport.objects.get(pk=job.pk)
    assert (done, found.counts) == (rows, {"accepted": rows}), found.counts
    owed = "SELECT sum(amount_fen) FROM commissions_commissionsplit WHERE role = 'promoter'"
    assert value(owed) == rows * 1_600
    plain = _yardstick(rows)
    say(f"{rows} rows: {wall:.0f} s ({rows / wall:.0f} a second), {cpu:.0f} s CPU, {mib} MiB")
    return [
        Row(
            id="K10",
            work=f"import of {rows:,} conversions, one worker",
            against="memory",
            figure=f"{mib} MiB",
            reach=f"< {MOST_MIB} MiB",
            met=mib < MOST_MIB,
            more=f"{rows / wall:,.0f} rows a second with accrual; plain COPY took "
            f"{plain / wall:.1%} of the time",
        )
    ]
