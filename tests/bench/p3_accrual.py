"""P3: accrue paid orders through two relays, attribution and split included, beside T(4): pgbench's
TPC-B-like transaction, prepared, with 4 clients. P4: one order alone through the verb, beside T(1)
and beside the way an ordinary Django developer would write it. P5: four workers beside one, all on
the platform's account. P6: statements, counted."""

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from backend.core.sql import rows, run, value
from backend.embedded.binaries import postgres_program
from backend.relay import drain
from commissions import accruals, ledger, plans
from tests.bench import naive_accrual
from tests.bench.ground import (
    paid_orders,
    people_and_goods,
    say,
    settle_down,
    side_by_side,
)
from tests.bench.report import Row

AT = datetime(2026, 11, 1, tzinfo=UTC)
LATER = AT + timedelta(days=1)
WARM = 5_000
ALONE, NAIVE, CREW = 2_000, 200, 4
EVENTS = """
INSERT INTO core_event (kind, subject_id, payload, state, attempts, error, recorded_at, due_at)
SELECT 'order.paid', id, '{}', 'pending', 0, '', %(at)s, %(at)s FROM shops_order
WHERE number LIKE %(tag)s ORDER BY id
"""


@dataclass(frozen=True)
class Taken:
    """One round, in orders and transactions a second."""

    relays: float
    t4: float
    alone: float
    t1: float
    naive: float
    crew: float


def pgbench(clients: int, seconds: int, *more: str) -> float:
    """T: transactions a second."""
    params = connection.get_connection_params()
    where = ["-h", params["host"], "-U", params.get("user") or "postgres"]
    command = [str(postgres_program("pgbench")), *where, *more]
    if not more:
        command += ["-M", "prepared", "-n", "-c", str(clients), "-j", "2", "-T", str(seconds)]
    command.append(params["dbname"])
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"tps = ([0-9.]+)", told.stdout)
    return float(found[1]) if found else 0.0


def one_by_one(order_ids: list[int], accrue: Callable[[int], object]) -> float:
    """Orders a second, one call and one commit each."""
    for order_id in order_ids[:20]:
        accrue(order_id)
    began = time.perf_counter()
    for order_id in order_ids[20:]:
        accrue(order_id)
    return (len(order_ids) - 20) / (time.perf_counter() - began)


def alone(order_id: int) -> int:
    """The verb, on one order."""
    return accruals.reconcile_orders([order_id], at=AT)


def crew(order_ids: list[int]) -> float:
    """Orders a second by so many workers as there are, each with orders of its own."""
    shares = [order_ids[start::CREW] for start in range(CREW)]
    wall, _, _ = side_by_side([partial(one_by_one, share, alone) for share in shares])
    return len(order_ids) / wall


def take(lines: int, number: int) -> Taken:
    """One round; T before and after what it is compared with."""
    tag = f"p3r{number}x"
    paid_orders(lines + 3 * ALONE + NAIVE, tag, AT)
    ids = [row["id"] for row in rows(f"SELECT id FROM shops_order WHERE number LIKE '{tag}%%'")]
    singles, ids = ids[: 2 * ALONE], ids[2 * ALONE :]
    naive, ids = ids[:NAIVE], ids[NAIVE:]
    settle_down()
    t1 = pgbench(1, 2)
    single = one_by_one(singles[:ALONE], alone)
    t1 = (t1 + pgbench(1, 2)) / 2
    by_crew = crew(singles[ALONE:])
    check()
    by_orm = one_by_one(naive, naive_accrual.accrue)
    naive_accrual.mend()
    with transaction.atomic():
        run(EVENTS, {"at": AT, "tag": f"{tag}%"})
    settle_down()
    t4 = pgbench(4, 3)
    wall, _, delivered = side_by_side([partial(drain, at=LATER, limit=len(ids) * 2)] * 2)
    t4 = (t4 + pgbench(4, 3)) / 2
    assert sum(delivered) == len(ids) + 2 * ALONE + NAIVE, delivered
    made = Taken(len(ids) / wall, t4, single, t1, by_orm, by_crew)
    say(
        f"  round {number + 1}: T(4) {t4:,.0f}/s, two relays {made.relays:,.0f} orders/s; T(1)"
        f" {t1:,.0f}/s, alone {single:,.0f}, naive ORM {by_orm:,.0f}, four workers {by_crew:,.0f}"
    )
    return made


def check() -> None:
    """Every journal sums to zero and every balance is the sum of its entries."""
    assert value("SELECT coalesce(sum(amount_fen), 0) FROM commissions_entry") == 0
    ledger.fold()
    wrong = value(
        "SELECT count(*) FROM commissions_balance b WHERE balance_fen <> coalesce("
        "(SELECT sum(e.amount_fen) FROM commissions_entry e WHERE e.account_id = b.account_id), 0)"
    )
    assert wrong == 0, f"{wrong} balances are not the sum of their entries"


def main(lines: int, rounds: int = 3) -> list[Row]:
    """Alternate rounds of T, the relays, single orders and the naive way."""
    people_and_goods()
    plans.ensure_default(at=AT)
    pgbench(1, 1, "-i", "-q", "-s", "10")
    # A market that trades already: the planner knows its tables before the clock runs.
    paid_orders(WARM, "warm", AT - timedelta(days=60))
    accruals.reconcile_orders([row["id"] for row in rows("SELECT id FROM shops_order")], at=AT)
    with transaction.atomic():
        counted = count()
        transaction.set_rollback(True)
    taken = [take(lines, number) for number in range(rounds)]
    made = value("SELECT count(*) FROM commissions_commissionorder")
    assert made == value("SELECT count(*) FROM shops_orderline"), made
    deadlocks = value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return [*_rows(taken, lines), *_crew_rows(taken, deadlocks), *counted]


def _rows(taken: list[Taken], lines: int) -> list[Row]:
    relays = median(one.relays / one.t4 for one in taken)
    single = median(one.alone / one.t1 for one in taken)
    naive = median(one.alone / one.naive for one in taken)
    last = taken[-1]
    return [
        Row(
            "P3",
            f"accrue {lines:,} paid orders through two relays",
            "T(4)",
            f"{relays:.2f} ×",
            "≥ 1.0 ×, aim 2",
            relays >= 1,
            f"{last.relays:,.0f} orders/s, T(4) {last.t4:,.0f}/s",
        ),
        Row(
            "P4",
            "accrue one order alone through the verb",
            "T(1)",
            f"{single:.2f} ×",
            "≥ 0.5 ×",
            single >= 0.5,
            f"{last.alone:,.0f} orders/s, T(1) {last.t1:,.0f}/s",
        ),
        Row(
            "P4",
            "the same",
            "the naive ORM way",
            f"{naive:.1f} ×",
            "≥ 5 ×",
            naive >= 5,
            f"naive {last.naive:,.0f} orders/s",
        ),
    ]


def _crew_rows(taken: list[Taken], deadlocks: int) -> list[Row]:
    gain = median(one.crew / one.alone for one in taken)
    return [
        Row(
            "P5",
            "four workers, every order on the platform's account",
            "one worker",
            f"{gain:.2f} ×, {deadlocks} deadlocks",
            "≥ 1.8 ×, 0 deadlocks",
            gain >= 1.8 and deadlocks == 0,
        )
    ]


def count() -> list[Row]:
    """P6: the statements of an order alone and of a batch of 1,000; exact in tests/commissions."""
    paid_orders(1_001, "count", AT)
    ids = [row["id"] for row in rows("SELECT id FROM shops_order WHERE number LIKE 'count%%'")]
    told = []
    for some in (ids[:1], ids[1:]):
        with CaptureQueriesContext(connection) as seen:
            accruals.reconcile_orders(some, at=AT)
        told.append(len([query for query in seen if "SAVEPOINT" not in query["sql"]]))
    figure = f"{told[0]} and {told[1]}"
    work = "statements of an order accrued alone, and of 1,000 in a batch"
    return [Row("P6", work, "—", figure, "small constants", max(told) <= 4)]
