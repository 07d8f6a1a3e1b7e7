"""P3: accrue paid orders through the relay, attribution and split included, beside T: pgbench's
TPC-B-like transaction, prepared, with 4 clients. P4: one order alone, beside T with 1 client."""

import re
import subprocess
import time
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import connection, transaction

from backend.core.sql import rows, run, value
from backend.embedded.binaries import postgres_program
from backend.relay import drain
from commissions import accruals, plans
from tests.bench.ground import (
    paid_orders,
    people_and_goods,
    say,
    settle_down,
    side_by_side,
    table,
)

AT = datetime(2026, 11, 1, tzinfo=UTC)
WARM = 5_000
EVENTS = """
INSERT INTO core_event (kind, subject_id, payload, state, attempts, error, recorded_at, due_at)
SELECT 'order.paid', id, '{}', 'pending', 0, '', %(at)s, %(at)s FROM shops_order
WHERE number LIKE %(tag)s ORDER BY id
"""


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


def accrue(until: datetime) -> int:
    """One relay worker."""
    return drain(at=until)


def alone(order_ids: list[int]) -> float:
    """Orders a second, one verb call and one commit each."""
    began = time.perf_counter()
    for order_id in order_ids:
        accruals.reconcile_orders([order_id], at=AT)
    return len(order_ids) / (time.perf_counter() - began)


def main(lines: int, rounds: int = 3) -> None:
    """Alternate rounds of T and of the relay."""
    people_and_goods()
    plans.ensure_default(at=AT)
    pgbench(1, 1, "-i", "-q", "-s", "10")
    # A market that trades already: the planner knows its tables before the clock runs.
    paid_orders(WARM, "warm", AT - timedelta(days=60))
    warm = rows("SELECT id FROM shops_order")
    accruals.reconcile_orders([row["id"] for row in warm], at=AT)
    results, single = [], []
    for number in range(rounds):
        tag = f"p3r{number}x"
        paid_orders(lines, tag, AT)
        ids = [
            row["id"]
            for row in rows("SELECT id FROM shops_order WHERE number LIKE %s", [f"{tag}%"])
        ]
        settle_down()
        one, t_one = alone(ids[:1_000]), pgbench(1, 3)
        single.append(one / t_one)
        with transaction.atomic():
            run(EVENTS, {"at": AT, "tag": f"{tag}%"})
        settle_down()
        t = pgbench(4, 5)
        run("CHECKPOINT")
        wall, _, delivered = side_by_side([partial(accrue, AT + timedelta(days=1))] * 2)
        assert sum(delivered) == lines, delivered
        assert value("SELECT count(*) FROM core_event WHERE state <> 'delivered'") == 0
        rate = (lines - min(1_000, lines)) / wall
        results.append(rate / t)
        say(
            f"  round {number + 1}: T(4) {t:,.0f}/s, relay {rate:,.0f} orders/s;"
            f" T(1) {t_one:,.0f}/s, alone {one:,.0f} orders/s"
        )
    total = value("SELECT count(*) FROM commissions_commissionorder")
    assert total == lines * rounds + WARM, total
    assert value("SELECT coalesce(sum(amount_fen), 0) FROM commissions_entry") == 0
    table(
        f"P3 accrue {lines:,} paid orders, two relays (reach ≥ 1.0, aim 2);"
        " P4 one alone (reach ≥ 0.5)",
        ["", "P3 ÷ T(4)", "P4 ÷ T(1)"],
        [
            [f"round {n + 1}", f"{a:.2f}", f"{b:.2f}"]
            for n, (a, b) in enumerate(zip(results, single, strict=True))
        ]
        + [
            [
                "median",
                f"{sorted(results)[len(results) // 2]:.2f}",
                f"{sorted(single)[len(single) // 2]:.2f}",
            ]
        ],
    )
