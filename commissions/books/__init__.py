"""The books' audit: every invariant as one set-based statement over the live database.

`manage.py check_books` prints it, the worker runs it every hour. A statement sees one snapshot,
so a rule holds while the market goes on working.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import DataError, transaction

from backend.core.sql import rows, run
from commissions.books import (
    agency_rules,
    case_rules,
    chain_rules,
    commission_rules,
    given_rules,
    ledger_rules,
    metric_rules,
    override_rules,
    payout_rules,
    plan_rules,
    settlement_rules,
    statement_rules,
    tax_rules,
    waiting_rules,
)
from commissions.books.rule import Rule

__all__ = ["RULES", "Finding", "check"]

RULES: list[Rule] = [
    *ledger_rules.RULES,
    *chain_rules.RULES,
    *commission_rules.RULES,
    *agency_rules.RULES,
    *plan_rules.RULES,
    *override_rules.RULES,
    *settlement_rules.RULES,
    *statement_rules.RULES,
    *payout_rules.RULES,
    *tax_rules.RULES,
    *given_rules.RULES,
    *case_rules.RULES,
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
    *,
    at: datetime,
    progress: Progress = lambda line: None,
    rules: Sequence[Rule] = RULES,
    exact: bool = False,
) -> list[Finding]:
    """Evaluates the rules, all by default, as of `at`; the findings, none if the books are clean.

    `progress` is told a line per rule, with the seconds it took. `exact` leaves out the rules'
    quick statements.
    """
    found = []
    look = _Look(at, quick=not exact)
    for number, rule in enumerate(rules, start=1):
        started = time.monotonic_ns()
        finding = None if look.holds(rule) else _finding(rule, at)
        took = (time.monotonic_ns() - started) // 1_000_000
        verdict = f"{finding.count} BROKEN" if finding else "ok"
        seconds = f"{took // 1000}.{took % 1000:03d} s"
        progress(f"{number:2}/{len(rules)} {rule.code:6} {seconds:>9}  {verdict}: {rule.name}")
        if finding:
            found.append(finding)
    return found


class _Look:
    """The quick statements of one check, each run once with the check's own salt."""

    def __init__(self, at: datetime, *, quick: bool) -> None:
        self.values = {"at": at, "salt": secrets.randbits(62)}
        self.quick, self.answers = quick, dict[str, dict[str, Any]]()

    def holds(self, rule: Rule) -> bool:
        """Whether the rule surely needs no exact statement."""
        if not self.quick or rule.quick is None:
            return False
        sql, column = rule.quick.sql, rule.quick.column
        if sql not in self.answers:
            self.answers[sql] = self._ask(sql)
        return bool(self.answers[sql].get(column))

    def _ask(self, sql: str) -> dict[str, Any]:
        used = {name: self.values[name] for name in self.values if f"%({name})s" in sql}
        try:
            with transaction.atomic():
                return _read(sql, used)[0]
        except DataError:
            # A sum beyond bigint: only the exact statement can tell.
            return {}


def _read(statement: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    run("SET LOCAL statement_timeout = '15min'")
    return rows(statement, values)


def _finding(rule: Rule, at: datetime) -> Finding | None:
    statement = f"SELECT count(*) OVER () AS _count, f.* FROM ({rule.sql}) f LIMIT {SHOWN}"
    with transaction.atomic():
        found = _read(statement, {"at": at})
    if not found:
        return None
    count = found[0]["_count"]
    shown = [{name: row[name] for name in row if name != "_count"} for row in found]
    return Finding(rule.code, rule.name, count, shown)
