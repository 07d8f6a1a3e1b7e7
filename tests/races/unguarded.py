"""The naive ways that the guards stand against: read, test, save; and a database that forbids
nothing. Only tests put them in the guards' place, and only for as long as a control runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import models
from django.db.models import QuerySet

from backend.core.errors import WrongState
from backend.core.sql import rows, run
from tests.races.crowd import Meeting


def no_row_locks(patch: pytest.MonkeyPatch) -> None:
    """select_for_update locks nothing and skips nothing."""
    patch.setattr(QuerySet, "select_for_update", lambda found, **_: found.all())


def looking_move(meet: Meeting) -> Callable[..., int]:
    """states.move as read, test, save: who is allowed is read first and written afterwards."""

    def move(
        found: QuerySet[Any],
        *,
        transitions: Any,
        to: str,
        only_from: Any = None,
        field: str = "status",
        **changes: Any,
    ) -> int:
        allowed = _allowed(transitions, to, only_from)
        fit = [row.pk for row in found if getattr(row, field) in allowed]
        meet()
        return found.model._default_manager.filter(pk__in=fit).update(**{field: to}, **changes)

    return move


def looking_move_one(meet: Meeting) -> Callable[..., None]:
    """states.move_one as read, test, save."""

    def move_one(
        row: models.Model,
        *,
        transitions: Any,
        to: str,
        only_from: Any = None,
        field: str = "status",
        **changes: Any,
    ) -> None:
        row.refresh_from_db()
        state = getattr(row, field)
        if state not in _allowed(transitions, to, only_from):
            raise WrongState(state=str(state), wanted=to)
        meet()
        for name, value in {field: to, **changes}.items():
            setattr(row, name, value)
        row.save()

    return move_one


def blind_move(found: QuerySet[Any], *, transitions: Any, to: str, **changes: Any) -> int:
    """states.move without a look: the test was made on something else before."""
    return found.update(status=to, **changes)


def _allowed(transitions: Any, to: str, only_from: Any) -> set[str]:
    allowed = {source for source, targets in transitions.items() if to in targets}
    return allowed & set(only_from) if only_from is not None else allowed


# ---------------------------------------------------------------- what the database holds
_UNIQUE = """
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition,
       c.conname AS constraint, pg_get_constraintdef(c.oid) AS body
FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype = 'u'
WHERE i.indrelid = %s::text::regclass AND i.indisunique AND NOT i.indisprimary
  AND (SELECT array_agg(a.attname::text ORDER BY a.attname) FROM pg_attribute a
       WHERE a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)) = %s::text[]
"""


class Guard:
    """Something of the database that a control drops. Its table is emptied before it comes back:
    what the control wrote would not pass it."""

    def __init__(self, table: str) -> None:
        self.table = table

    def statements(self) -> tuple[list[str], list[str]]:
        """What drops it and what restores it."""
        raise NotImplementedError

    @contextmanager
    def dropped(self) -> Iterator[None]:
        """Without it, for as long as the control runs."""
        drop, restore = self.statements()
        try:
            for statement in drop:
                run(statement)
            yield
        finally:
            if self.table:
                run(f"TRUNCATE {self.table} CASCADE")
            for statement in restore:
                run(statement)


class Unique(Guard):
    """The unique index over these columns of a table, partial or not."""

    def __init__(self, table: str, *columns: str) -> None:
        super().__init__(table)
        self.columns = sorted(columns)

    def statements(self) -> tuple[list[str], list[str]]:
        (found,) = rows(_UNIQUE, [self.table, self.columns])
        if found["constraint"]:
            name = f'"{found["constraint"]}"'
            return (
                [f"ALTER TABLE {self.table} DROP CONSTRAINT {name}"],
                [f"ALTER TABLE {self.table} ADD CONSTRAINT {name} {found['body']}"],
            )
        return [f"DROP INDEX {found['name']}"], [found["definition"]]


class Check(Guard):
    """A CHECK of a table, by name."""

    def __init__(self, table: str, name: str) -> None:
        super().__init__(table)
        self.name = name

    def statements(self) -> tuple[list[str], list[str]]:
        found = rows(
            "SELECT pg_get_constraintdef(oid) AS body FROM pg_constraint"
            " WHERE conrelid = %s::text::regclass AND conname = %s",
            [self.table, self.name],
        )
        return (
            [f"ALTER TABLE {self.table} DROP CONSTRAINT {self.name}"],
            [f"ALTER TABLE {self.table} ADD CONSTRAINT {self.name} {found[0]['body']}"],
        )


class Function(Guard):
    """A function of a trigger, replaced by another body."""

    def __init__(self, name: str, body: str) -> None:
        super().__init__("")
        self.name, self.body = name, body

    def statements(self) -> tuple[list[str], list[str]]:
        found = rows("SELECT pg_get_functiondef(%s::text::regproc) AS body", [self.name])
        return [self.body], [found[0]["body"]]
