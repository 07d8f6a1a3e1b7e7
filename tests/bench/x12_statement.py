"""X12: a statement of 100,000 lines, written as each of its files by a process of its own: the most
memory that the process held, beside what it holds before the first line."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from backend.core.sql import run, value
from commissions import plans, statements
from tests.bench.ground import people_and_goods, say, settle_down
from tests.bench.p1_settlement import prepare
from tests.bench.report import Row
from tests.bench.serving import ROOT, environment

AT = datetime(2026, 11, 1, tzinfo=UTC)
MOST_MIB = 100
# One accrual an order, all of them one person's; the shop owes them.
POSTED = [
    """INSERT INTO commissions_ledgeraccount (owner_kind, owner_id, kind)
    SELECT k.owner, (SELECT min(id) FROM accounts_account), k.kind
    FROM (VALUES ('person', 'pending'), ('shop', 'payable')) k(owner, kind)""",
    """INSERT INTO commissions_journal (id, kind, subject_id, at)
    SELECT (1::bigint << 56) + id, 1, id, accrued_at FROM commissions_commissionorder ORDER BY 1""",
    """INSERT INTO commissions_entry (account_id, journal_id, amount_fen, at)
    SELECT a.id, (1::bigint << 56) + c.id,
           CASE a.kind WHEN 'pending' THEN c.budget_fen ELSE -c.budget_fen END, c.accrued_at
    FROM commissions_commissionorder c CROSS JOIN commissions_ledgeraccount a
    ORDER BY a.id, c.id""",
]
FILES = ["CSV", "signed JSONL", "page", "XLSX"]


def write(kind: str, number: str) -> dict[str, float]:
    """A process writes one file: its memory in MiB before and at most, seconds."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.bench.statement_writer", kind, number],
        cwd=ROOT,
        env=environment(DJANGO_SETTINGS_MODULE="backend.settings"),
        check=True,
        stdout=subprocess.PIPE,
    )
    return dict(json.loads(told.stdout))


def main(lines: int, rounds: int) -> list[Row]:
    """One statement, each of its files once, in the order of the table."""
    people_and_goods()
    prepare(lines, 0, plans.ensure_default(at=AT).pk)
    for statement in POSTED:
        run(statement)
    settle_down()
    began = time.perf_counter()
    statements.state_due(at=AT + timedelta(days=40))
    signed = time.perf_counter() - began
    number = value(
        "SELECT number FROM commissions_statement WHERE owner_kind = 'person' AND lines_count = %s",
        [lines],
    )
    rows = []
    for kind in FILES:
        told = write(kind, number)
        before, most, seconds = told["before"], told["most"], told["seconds"]
        say(f"  {kind}: {before} MiB before, {most} MiB at most, {seconds:.1f} s")
        rows.append(
            Row(
                "X12",
                f"memory of a process that writes a statement of {lines:,} lines as {kind}",
                "—",
                f"{most} MiB",
                f"< {MOST_MIB} MiB",
                most < MOST_MIB,
                f"{before} MiB before the first line; {lines / seconds:,.0f} lines/s",
            )
        )
    say(f"  two statements of {lines:,} lines stated and signed in {signed:.1f} s")
    return rows
