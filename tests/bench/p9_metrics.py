"""P9: the figures of 90 days at 10 million orders from the rolled-up rows, beside the raw GROUP BY
over the orders; and what 100,000 new orders cost to keep them true."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from statistics import median

from backend.core.models import Event
from backend.core.sql import rows, run, value
from shops import metrics
from tests.bench.ground import backend_cpu, say, settle_down
from tests.bench.report import Row

LAST = date(2026, 10, 31)
DAYS, SHOPS, BUYERS = 90, 1_000, 500_000
AT = datetime(2026, 10, 31, 15, 30, tzinfo=UTC)
BATCH = 200

# An order gets its number when it is placed; shops and owners have no pattern a planner could use.
ORDERS = """
INSERT INTO shops_order (number, checkout_id, shop_id, buyer_id, status, goods_fen, shipping_fen,
    discount_fen, payable_fen, paid_fen, refunded_fen, refunded_shipping_fen, placed_at, paid_at)
SELECT 'm' || n, n, 1 + (n * 7919) %% %(shops)s, 1 + (n * 104729) %% %(buyers)s, 'paid', fen, 0, 0,
       fen, fen, 0, 0, at, at
FROM (SELECT n, 1000 + (n * 31) %% 90000 AS fen, %(last)s::timestamptz
             - make_interval(secs => %(span)s * (%(newest)s - n) / %(orders)s::float8) AS at
      FROM generate_series(%(first)s::bigint, %(until)s::bigint) n) o
"""
# The indexes of the days are built after the rows; those that find single orders are not asked.
INDEXES = """
SELECT i.indexname AS name, i.indexdef AS made, c.conname IS NOT NULL AS constrains
FROM pg_indexes i LEFT JOIN pg_constraint c ON c.conname = i.indexname
WHERE i.tablename = 'shops_order' AND i.indexname <> 'shops_order_pkey'
"""
RAW = """
SELECT placed_day, sum(payable_fen) AS gmv, count(DISTINCT buyer_id) AS dab FROM shops_order
WHERE placed_day > %s GROUP BY placed_day ORDER BY placed_day
"""


def fill(first: int, orders: int, span: int) -> None:
    """Paid orders over the last `span` seconds, foreign keys asleep: only orders are counted."""
    run("SET session_replication_role = replica")
    for start in range(first, first + orders, 1_000_000):
        until = min(start + 1_000_000, first + orders) - 1
        values = {"first": start, "until": until, "last": AT, "span": span}
        values |= {"newest": first + orders - 1, "orders": orders}
        run(ORDERS, {**values, "shops": SHOPS, "buyers": BUYERS})
    run("SET session_replication_role = origin")


@contextmanager
def bare() -> Iterator[None]:
    """Takes the orders' indexes away and gives those of the days back."""
    found = rows(INDEXES)
    for index in found:
        what = f'CONSTRAINT "{index["name"]}"' if index["constrains"] else ""
        run(f"ALTER TABLE shops_order DROP {what}" if what else f'DROP INDEX "{index["name"]}"')
    yield
    for index in found:
        if "_day" in index["name"]:
            run(index["made"])


def main(lines: int, rounds: int = 3) -> list[Row]:
    """`lines` × 100 orders; a day's figures are checked against the raw count."""
    orders, began = lines * 100, time.perf_counter()
    with bare():
        fill(1, orders, DAYS * 86_400)
    settle_down()
    say(f"  {orders:,} orders in {time.perf_counter() - began:.0f} s")
    began = time.perf_counter()
    run(
        "INSERT INTO shops_metricmark (day, marked_at)"
        " SELECT DISTINCT placed_day, %s::timestamptz FROM shops_order",
        [AT],
    )
    while metrics.roll_up(at=AT):
        pass
    say(f"  rolled up in {time.perf_counter() - began:.0f} s")
    raws, reads = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        raw = rows(RAW, [LAST - timedelta(days=DAYS)])
        raws.append(time.perf_counter() - began)
        reads.append(median(read(raw) for _ in range(30)))
    return [dashboard(median(reads), median(raws), orders), upkeep(orders, lines)]


def read(raw: list[dict[str, object]]) -> float:
    """Seconds of one read of the 90 days; it must say what the raw count says."""
    began = time.perf_counter()
    days = metrics.daily(from_day=LAST - timedelta(days=DAYS - 1), to_day=LAST)
    took = time.perf_counter() - began
    assert [day["dab"] for day in days] == [row["dab"] for row in raw]
    assert [day["gmv_fen"] for day in days] == [row["gmv"] for row in raw]
    return took


def dashboard(seconds: float, raw: float, orders: int) -> Row:
    """The claim about the read."""
    return Row(
        "P9",
        f"DAB and GMV of {DAYS} days at {orders:,} orders",
        "raw GROUP BY over the orders",
        f"{seconds * 1000:.2f} ms, 1/{raw / seconds:,.0f} of {raw:.1f} s",
        "≤ 5 ms",
        seconds <= 0.005,
    )


def upkeep(orders: int, lines: int) -> Row:
    """CPU seconds of marking and counting anew what `lines` new orders of one day touch, as they
    come at 1,000 a second and the job looks every second."""
    fill(orders + 1, lines, 20_000)
    found = rows("SELECT id FROM shops_order ORDER BY id DESC LIMIT %s", [lines])
    ids = [row["id"] for row in found]
    events = [Event(kind="order.paid", subject_id=n, recorded_at=AT) for n in ids]
    before, mine, at = backend_cpu(), time.process_time(), AT + timedelta(hours=1)
    for start in range(0, lines, BATCH):
        metrics.mark_days(events[start : start + BATCH])
        at += timedelta(seconds=BATCH / 1_000)
        if start % 1_000 == 0:
            metrics.roll_up(at=at)
    metrics.roll_up(at=at + timedelta(hours=1))
    cpu = backend_cpu() - before + time.process_time() - mine
    counted = value("SELECT sum(orders) FROM shops_dailymetric WHERE shop_id = 0")
    assert counted == orders + lines, counted
    return Row(
        "P9",
        f"upkeep of the figures for {lines:,} new orders of one day, 1,000 a second",
        "one core",
        f"{cpu:.2f} s CPU",
        "≤ 1 s",
        cpu <= 1,
    )
