"""The books' audit: every invariant as one set-based statement over the live database.

`manage.py check_books` prints it, the worker runs it every hour. A statement sees one snapshot,
so a rule holds while the market goes on working.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from backend.core.sql import rows, run
from commissions.books import (
    commission_rules,
    ledger_rules,
    metric_rules,
    payout_rules,
    settlement_rules,
    waiting_rules,
)
from commissions.books.rule import Rule

__all__ = ["RULES", "Finding", "check"]

RULES: list[Rule] = [
    *ledger_rules.RULES,
    *commission_rules.RULES,
    *settlement_rules.RULES,
    *payout_rules.RULES,
    *waiting_rules.RULES,
    *metric_rules.RULES,
]
SHOWN = 20
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that does not hold: how many rows break it, and the first 20 of them."""

    code: str
    name: str
    count: int
    rows: list[dict[str, Any]] = field(repr=False)


def check(
    *, at: datetime, progress: Progress = lambda line: None, rules: Sequence[Rule] = RULES
) -> list[Finding]:
    """Evaluates the rules, all by default, as of `at`; the findings, none if the books are clean.

    `progress` is told a line per rule, with the seconds it took.
    """
    found = []
    for number, rule in enumerate(rules, start=1):
        started = time.monotonic_ns()
        finding = _finding(rule, at)
        took = (time.monotonic_ns() - started) // 1_000_000
        verdict = f"{finding.count} BROKEN" if finding else "ok"
        seconds = f"{took // 1000}.{took % 1000:03d} s"
        progress(f"{number:2}/{len(rules)} {rule.code:6} {seconds:>9}  {verdict}: {rule.name}")
        if finding:
            found.append(finding)
    return found


def _finding(rule: Rule, at: datetime) -> Finding | None:
    statement = f"SELECT count(*) OVER () AS _count, f.* FROM ({rule.sql}) f LIMIT {SHOWN}"
    with transaction.atomic():
        run("SET LOCAL statement_timeout = '15min'")
        found = rows(statement, {"at": at})
    if not found:
        return None
    count = found[0]["_count"]
    shown = [{name: row[name] for name in row if name != "_count"} for row in found]
    return Finding(rule.code, rule.name, count, shown)
