"""P1: settle matured commission orders with two workers, beside A: COPY of the gross entries (one
per line and payee, and the shop's) into the usual table with two indexes. At 10,000, 100,000 and
1,000,000 lines, and 1,000,000 more on a ledger of 20 million entries. P11: a worker's memory."""

import resource
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import connection

from backend.core.sql import run, value
from commissions import plans, settlement
from tests.bench.ground import (
    backend_cpu,
    lines_alone,
    people_and_goods,
    say,
    settle_down,
    side_by_side,
)
from tests.bench.report import Row

AT = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SMALL, MIDDLE, LARGE = 10_000, 100_000, 1_000_000
LEDGER = 20_000_000  # entries

# Confirmed commission orders of the newest lines, with their splits.
CONFIRMED = [
    """INSERT INTO commissions_commissionorder (order_line_id, attribution_id, shop_id,
        plan_version_id, base_fen, rate_bps, fee_bps, budget_fen, fee_fen, refunded_fen, status,
        reason, held_reason, matures_at, accrued_at, version)
    SELECT l.id, l.id, o.shop_id, %(plan)s, l.paid_fen, 3000, 500, l.paid_fen * 3 / 10,
           l.paid_fen / 20, 0, 'confirmed', '', '', %(due)s, %(at)s, 2
    FROM shops_orderline l JOIN shops_order o ON o.id = l.order_id
    WHERE l.id > %(after)s ORDER BY l.id""",
    """INSERT INTO commissions_commissionsplit (commission_id, role, payee_id, share_bps,
        amount_fen, reversed_fen)
    SELECT c.id, r.role, CASE r.role WHEN 'promoter' THEN p.account_id
           WHEN 'inviter' THEN i.account_id END, r.bps,
           CASE r.role WHEN 'promoter' THEN c.budget_fen - c.budget_fen / 5
                WHEN 'inviter' THEN c.budget_fen / 5
                WHEN 'platform' THEN c.fee_fen - c.fee_fen / 100 ELSE c.fee_fen / 100 END, 0
    FROM commissions_commissionorder c
    JOIN shops_orderline l ON l.id = c.order_line_id
    JOIN commissions_promotionlink k ON k.code = l.referral_code
    JOIN commissions_promoter p ON p.id = k.promoter_id
    JOIN commissions_promoter i ON i.id = p.sponsor_id
    CROSS JOIN (VALUES (1, 'promoter', 8000), (2, 'inviter', 2000), (3, 'platform', 9900),
                       (4, 'charity', 100)) r(place, role, bps)
    WHERE c.order_line_id > %(after)s ORDER BY c.id, r.place""",
]
YARDSTICK = """
CREATE TABLE bench_gross (id bigserial PRIMARY KEY, account_id bigint NOT NULL,
    line_id bigint NOT NULL, amount_fen bigint NOT NULL, at timestamptz NOT NULL);
CREATE INDEX bench_gross_account ON bench_gross (account_id, id)
"""
GROSS = """
COPY (SELECT coalesce(s.payee_id, 1), c.id, s.amount_fen, '2026-11-01T00:00:00Z'
      FROM commissions_commissionorder c
      JOIN commissions_commissionsplit s ON s.commission_id = c.id WHERE c.matures_at = '{due}'
      UNION ALL SELECT 1000000 + c.shop_id, c.id, -c.budget_fen - c.fee_fen, '2026-11-01T00:00:00Z'
      FROM commissions_commissionorder c WHERE c.matures_at = '{due}') TO STDOUT
"""
INTO = "COPY bench_gross (account_id, line_id, amount_fen, at) FROM STDIN"


@dataclass(frozen=True)
class Taken:
    """One round: seconds of A and of the settlement, wall and CPU, and the workers' memory."""

    lines: int
    a_wall: float
    a_cpu: float
    wall: float
    cpu: float
    mib: int

    @property
    def of_wall(self) -> float:
        """Wall time, in A's."""
        return self.wall / self.a_wall

    @property
    def of_cpu(self) -> float:
        """CPU time, in A's."""
        return self.cpu / self.a_cpu


def prepare(lines: int, day: int, plan: int) -> datetime:
    """N confirmed commission orders with their splits; when they mature."""
    due = AT + day * DAY
    after = lines_alone(lines, f"p1d{day}x", AT)
    for statement in CONFIRMED:
        values = {"at": AT, "due": due, "plan": plan, "after": after}
        run(statement, {name: values[name] for name in values if f"%({name})s" in statement})
    return due


def copy_gross(due: datetime) -> tuple[float, float]:
    """A: wall and CPU seconds of COPY of the gross entries, ready in memory."""
    with connection.cursor() as cursor:
        with cursor.copy(GROSS.format(due=due.isoformat())) as told:  # type: ignore[attr-defined]
            ready = b"".join(bytes(part) for part in told)
        run("TRUNCATE bench_gross")
        run("CHECKPOINT")
        before, mine, began = backend_cpu(), time.process_time(), time.perf_counter()
        with cursor.copy(INTO) as copy:  # type: ignore[attr-defined]
            for start in range(0, len(ready), 1 << 16):
                copy.write(ready[start : start + (1 << 16)])
    wall = time.perf_counter() - began
    return wall, backend_cpu() - before + time.process_time() - mine


def settle(due: datetime) -> int:
    """One worker; the most memory that its process held, in MiB."""
    while settlement.settle_chunk(at=due) is not None:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def take(lines: int, day: int, plan: int) -> Taken:
    """One round of A and of the settlement, and whether every fen is where it belongs."""
    due = prepare(lines, day, plan)
    settle_down()
    # A in a process of its own, so that this one stays as small as a worker is.
    _, _, ((a_wall, a_cpu),) = side_by_side([partial(copy_gross, due)])
    run("CHECKPOINT")
    wall, cpu, held = side_by_side([partial(settle, due)] * 2)
    check(lines, due)
    made = Taken(lines, a_wall, a_cpu, wall, cpu, max(held))
    say(
        f"  {lines:,} lines: A {lines / a_wall:,.0f} lines/s, settled {lines / wall:,.0f} lines/s;"
        f" wall {made.of_wall:.2f}, CPU {made.of_cpu:.2f}, worker {made.mib} MiB"
    )
    return made


def check(lines: int, due: datetime) -> None:
    """Every line is settled once, and what became available is what its payees were promised."""
    settled = value(
        "SELECT count(*) FROM commissions_commissionorder"
        " WHERE status = 'settled' AND version = 3 AND matures_at = %s",
        [due],
    )
    assert settled == lines, f"{settled} of {lines} settled"
    promised = value(
        "SELECT sum(s.amount_fen) FROM commissions_commissionorder c"
        " JOIN commissions_commissionsplit s ON s.commission_id = c.id WHERE c.matures_at = %s",
        [due],
    )
    posted = value(
        "SELECT sum(p.amount_fen) FROM commissions_settlementposting p"
        " JOIN commissions_settlementrun r ON r.id = p.run_id WHERE r.as_of = %s",
        [due],
    )
    assert posted == promised, f"{posted} fen posted of {promised}"
    journals = value(
        "SELECT sum(e.amount_fen) FROM commissions_entry e"
        " JOIN commissions_ledgeraccount a ON a.id = e.account_id"
        " JOIN commissions_settlementposting p ON e.journal_id = (3::bigint << 56) | p.id"
        " JOIN commissions_settlementrun r ON r.id = p.run_id"
        " WHERE r.as_of = %s AND a.kind = 'available'",
        [due],
    )
    assert journals == promised, f"{journals} fen available of {promised}"


# Entries of five legs a journal on the payees' own accounts, so that what is settled on top of them
# goes to thousands of places of a large index. Without guards and indexes, which come back.
FILL = [
    "ALTER TABLE commissions_entry DISABLE TRIGGER USER",
    "ALTER TABLE commissions_entry DROP CONSTRAINT commissions_entry_pkey",
    "DROP INDEX entry_journal",
    """INSERT INTO commissions_journal (id, kind, subject_id, at)
    SELECT (1::bigint << 56) | n, 1, n, %(at)s
    FROM generate_series(50000001, 50000000 + %(journals)s) n""",
    """INSERT INTO commissions_entry (account_id, journal_id, amount_fen, at)
    SELECT a.ids[1 + (n * 7 + leg) %% cardinality(a.ids)], (1::bigint << 56) | n,
           CASE leg WHEN 4 THEN -400 ELSE 100 END, %(at)s
    FROM generate_series(50000001, 50000000 + %(journals)s) n, generate_series(0, 4) leg,
         (SELECT array_agg(id ORDER BY id) AS ids FROM commissions_ledgeraccount) a""",
    "SET maintenance_work_mem = '1GB'",
    "ALTER TABLE commissions_entry ADD PRIMARY KEY (account_id, journal_id)",
    "CREATE INDEX entry_journal ON commissions_entry (journal_id)",
    "RESET maintenance_work_mem",
    "ALTER TABLE commissions_entry ENABLE TRIGGER USER",
]


def fill(entries: int) -> float:
    """A ledger of so many entries more; how many seconds that took."""
    began = time.perf_counter()
    values = {"at": AT, "journals": entries // 5}
    for statement in FILL:
        run(statement, {name: values[name] for name in values if f"%({name})s" in statement})
    assert value("SELECT sum(amount_fen) FROM commissions_entry") == 0
    return time.perf_counter() - began


def main(lines: int, rounds: int = 3) -> list[Row]:
    """Small, middle and large on an empty ledger, then large again on one of 20 million entries.
    `lines` other than the default is the largest size, for a quick look."""
    large = LARGE if lines == MIDDLE else lines
    ledger = LEDGER * large // LARGE
    people_and_goods()
    plan = plans.ensure_default(at=AT).pk
    run(YARDSTICK)
    sizes = [SMALL, *[MIDDLE] * (large > MIDDLE), large]
    taken = {size: take(size, day, plan) for day, size in enumerate(sizes)}
    seconds = fill(ledger)
    say(f"  {ledger:,} entries written in {seconds:.0f} s")
    full = take(large, len(sizes), plan)
    return [*_main_rows(taken[large]), *_growth(taken, full, ledger, seconds)]


def _main_rows(large: Taken) -> list[Row]:
    work = f"settle {large.lines:,} commission orders, two workers"
    speed = f"{large.lines / large.wall:,.0f} lines/s, A {large.lines / large.a_wall:,.0f}"
    wall, cpu = large.of_wall, large.of_cpu
    return [
        Row("P1", f"{work}: wall time", "A", f"{wall:.2f} ×", "≤ 1.5 ×", wall <= 1.5, speed),
        Row("P1", f"{work}: CPU time", "A", f"{cpu:.2f} ×", "≤ 2.0 ×", cpu <= 2.0),
        Row(
            "P11",
            f"memory of a worker that settles {large.lines:,} lines",
            "—",
            f"{large.mib} MiB",
            "< 200 MiB",
            large.mib < 200,
        ),
    ]


def _growth(taken: dict[int, Taken], full: Taken, entries: int, seconds: float) -> list[Row]:
    costs = {size: one.of_cpu for size, one in taken.items()}
    told = ", ".join(f"{size:,}: {cost:.2f} ×" for size, cost in costs.items())
    large = taken[full.lines]
    most = max(large.of_cpu / cost for cost in costs.values())
    wall, cpu = full.of_wall / large.of_wall, full.of_cpu / large.of_cpu
    return [
        Row(
            "P1",
            f"a line of {full.lines:,} against a line of fewer",
            f"A ({told})",
            f"{most:.2f} ×",
            "linear: ≤ 1.5 ×",
            most <= 1.5,
        ),
        Row(
            "P1",
            f"the same on a ledger of {entries:,} entries",
            "an empty ledger, both in A",
            f"{wall:.2f} × wall, {cpu:.2f} × CPU",
            "≤ 1.6 ×",
            max(wall, cpu) <= 1.6,
            f"filled in {seconds:.0f} s",
        ),
    ]
