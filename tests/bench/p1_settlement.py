"""P1: settle N matured commission orders with two workers, beside A: COPY of the gross entries
(one per line and payee, and the shop's) into the usual table with two indexes."""

import time
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import connection

from backend.core.sql import run, value
from commissions import settlement
from tests.bench.ground import (
    backend_cpu,
    paid_orders,
    people_and_goods,
    say,
    settle_down,
    side_by_side,
    table,
)

AT = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)

ACCRUED = [
    """INSERT INTO commissions_attribution (order_line_id, rule, source_kind, source_id, touch_id,
        promoter_id, inviter_id, losers, findings, at)
    SELECT l.id, 'named', 'referral', k.id, NULL, k.promoter_id, p.sponsor_id, '[]', '[]', %(at)s
    FROM shops_orderline l JOIN commissions_promotionlink k ON k.code = l.referral_code
    JOIN commissions_promoter p ON p.id = k.promoter_id
    WHERE NOT EXISTS (SELECT 1 FROM commissions_attribution a WHERE a.order_line_id = l.id)
    ORDER BY l.id""",
    """INSERT INTO commissions_commissionorder (order_line_id, attribution_id, shop_id,
        plan_version_id, base_fen, rate_bps, fee_bps, budget_fen, fee_fen, refunded_fen, status,
        reason, held_reason, matures_at, accrued_at, version)
    SELECT l.id, a.id, o.shop_id, %(plan)s, l.paid_fen, 3000, 500, l.paid_fen * 3 / 10,
           l.paid_fen / 20, 0, 'confirmed', '', '', %(due)s, %(at)s, 2
    FROM commissions_attribution a JOIN shops_orderline l ON l.id = a.order_line_id
    JOIN shops_order o ON o.id = l.order_id
    WHERE NOT EXISTS (SELECT 1 FROM commissions_commissionorder c WHERE c.order_line_id = l.id)
    ORDER BY l.id""",
    """INSERT INTO commissions_commissionsplit (commission_id, role, payee_id, share_bps,
        amount_fen, reversed_fen)
    SELECT c.id, r.role, CASE r.role WHEN 'promoter' THEN p.account_id
           WHEN 'inviter' THEN i.account_id END, r.bps,
           CASE r.role WHEN 'promoter' THEN c.budget_fen - c.budget_fen / 5
                WHEN 'inviter' THEN c.budget_fen / 5
                WHEN 'platform' THEN c.fee_fen - c.fee_fen / 100 ELSE c.fee_fen / 100 END, 0
    FROM commissions_commissionorder c JOIN commissions_attribution a ON a.id = c.attribution_id
    JOIN commissions_promoter p ON p.id = a.promoter_id
    JOIN commissions_promoter i ON i.id = a.inviter_id
    CROSS JOIN (VALUES (1, 'promoter', 8000), (2, 'inviter', 2000), (3, 'platform', 9900),
                       (4, 'charity', 100)) r(place, role, bps)
    WHERE c.matures_at = %(due)s ORDER BY c.id, r.place""",
]
YARDSTICK = """
CREATE TABLE bench_gross (id bigserial PRIMARY KEY, account_id bigint NOT NULL,
    line_id bigint NOT NULL, amount_fen bigint NOT NULL, at timestamptz NOT NULL);
CREATE INDEX bench_gross_account ON bench_gross (account_id, id)
"""
GROSS = """
SELECT coalesce(s.payee_id, 1), c.id, s.amount_fen FROM commissions_commissionorder c
JOIN commissions_commissionsplit s ON s.commission_id = c.id WHERE c.matures_at = %s
UNION ALL SELECT 1000000 + c.shop_id, c.id, -c.budget_fen - c.fee_fen
FROM commissions_commissionorder c WHERE c.matures_at = %s
"""


def prepare(lines: int, number: int, plan: int) -> datetime:
    """N confirmed commission orders with their splits; when they mature."""
    due = AT + number * DAY
    paid_orders(lines, f"p1r{number}x", AT)
    for statement in ACCRUED:
        values = {"at": AT, "due": due, "plan": plan}
        run(statement, {name: values[name] for name in values if f"%({name})s" in statement})
    return due


def copy_gross(due: datetime) -> tuple[float, float, int]:
    """A: wall and CPU seconds of COPY of the gross entries, ready in memory; how many."""
    with connection.cursor() as cursor:
        cursor.execute(GROSS, [due, due])
        ready = "".join(
            f"{account}\t{line}\t{fen}\t2026-11-01T00:00:00Z\n"
            for account, line, fen in cursor.fetchall()
        ).encode()
        run("TRUNCATE bench_gross")
        run("CHECKPOINT")
        before, mine, began = backend_cpu(), time.process_time(), time.perf_counter()
        into = "COPY bench_gross (account_id, line_id, amount_fen, at) FROM STDIN"
        with cursor.copy(into) as copy:  # type: ignore[attr-defined]
            for start in range(0, len(ready), 1 << 16):
                copy.write(ready[start : start + (1 << 16)])
    wall = time.perf_counter() - began
    return wall, backend_cpu() - before + time.process_time() - mine, ready.count(b"\n")


def settle(due: datetime) -> int:
    """One worker; how many chunks it settled."""
    chunks = 0
    while settlement.settle_chunk(at=due) is not None:
        chunks += 1
    return chunks


def main(lines: int, rounds: int = 3) -> None:
    """Alternate rounds of A and of the settlement."""
    from commissions import plans

    people_and_goods()
    plan = plans.ensure_default(at=AT).pk
    run(YARDSTICK)
    results = []
    for number in range(rounds):
        due = prepare(lines, number, plan)
        settle_down()
        a_wall, a_cpu, entries = copy_gross(due)
        run("CHECKPOINT")
        wall, cpu, chunks = side_by_side([partial(settle, due)] * 2)
        settled = value(
            "SELECT count(*) FROM commissions_commissionorder"
            " WHERE status = 'settled' AND matures_at = %s",
            [due],
        )
        assert settled == lines, f"{settled} of {lines} settled"
        assert value("SELECT coalesce(sum(amount_fen), 0) FROM commissions_entry") == 0
        results.append((wall / a_wall, cpu / a_cpu))
        say(
            f"  round {number + 1}: A {lines / a_wall:,.0f} lines/s ({entries:,} entries),"
            f" settle {lines / wall:,.0f} lines/s by chunks {chunks}"
        )
    heads = ["P1", "wall ÷ A", "CPU ÷ A"]
    middle = sorted(results)[len(results) // 2]
    table(
        f"P1 settle {lines:,} commission orders, two workers (reach: ≤ 1.5 wall, ≤ 2.0 CPU)",
        heads,
        [[f"round {n + 1}", f"{w:.2f}", f"{c:.2f}"] for n, (w, c) in enumerate(results)]
        + [["median", f"{middle[0]:.2f}", f"{middle[1]:.2f}"]],
    )
