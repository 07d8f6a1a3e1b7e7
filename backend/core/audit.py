"""The audit trail: noting an act, and reading what was done to a row."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models

from backend.core.models import AuditEntry, RowChange
from backend.core.sql import rows

SHOWN = 100


def note(
    *,
    actor: Any,
    action: str,
    target: models.Model,
    at: datetime,
    reason: str = "",
    **data: Any,
) -> AuditEntry:
    """Records that `actor` (an account, or None for the system) did `action` to `target`.

    Runs in the transaction of the act itself, so there is no act without its row; what the act
    changed in rows that are watched is written by the database and tied to it (RowChange). `data`
    must never hold secrets: no token, no account number.
    """
    return AuditEntry.objects.create(
        at=at,
        actor=actor,
        action=action,
        target_kind=target._meta.label_lower,
        target_id=str(target.pk),
        reason=reason,
        data=data,
    )


@dataclass(slots=True)
class Act:
    """One transaction that touched a row: who, what, why, and the fields it changed, each with
    what stood there before and after. Nobody's, where a job or a hand at the database did it."""

    at: datetime
    entries: list[AuditEntry] = field(default_factory=list)
    changes: list[tuple[str, Any, Any]] = field(default_factory=list)
    operation: str = ""
    database_user: str = ""


def is_watched(model: type[models.Model]) -> bool:
    """Whether the database writes down what happens to rows of this model."""
    return bool(
        rows(
            "SELECT 1 FROM pg_trigger WHERE tgname = %s AND NOT tgisinternal",
            [f"{model._meta.db_table}_watched"],
        )
    )


def acts_on(row: models.Model) -> list[Act]:
    """What was done to a row, the newest first, at most a hundred of either kind; three queries."""
    changes = list(
        RowChange.objects.filter(table_name=row._meta.db_table, row_id=str(row.pk)).order_by("-id")[
            :SHOWN
        ]
    )
    known = models.Q(target_kind=row._meta.label_lower, target_id=str(row.pk))
    entries = list(AuditEntry.objects.filter(known).select_related("actor").order_by("-id")[:SHOWN])
    others = {change.act for change in changes} - {entry.act for entry in entries}
    # An act whose entry names another row: a batch that sends this payout.
    entries += AuditEntry.objects.filter(act__in=others).select_related("actor")[:SHOWN]
    return _by_act(entries, changes)


def _by_act(entries: list[AuditEntry], changes: list[RowChange]) -> list[Act]:
    of_act: dict[Any, list[AuditEntry]] = defaultdict(list)
    for entry in entries:
        of_act[entry.act or entry.pk].append(entry)
    found = []
    for change in changes:
        with_it = of_act.get(change.act, [])
        found.append(
            Act(
                at=with_it[0].at if with_it else change.at,
                entries=with_it,
                changes=fields_of(change),
                operation=change.operation,
                database_user=change.database_user,
            )
        )
    told = {change.act for change in changes}
    found += [
        Act(at=group[0].at, entries=group) for act, group in of_act.items() if act not in told
    ]
    return sorted(found, key=lambda act: act.at, reverse=True)


def fields_of(change: RowChange) -> list[tuple[str, Any, Any]]:
    """The fields that a change touched: name, before, after."""
    before, after = change.before or {}, change.after or {}
    return [(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
