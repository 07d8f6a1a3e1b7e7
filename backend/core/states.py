"""State machines as data: a written table of moves, and a compare-and-set UPDATE.

Two people who press at the same moment both pass any check made in Python; only one of them
passes `WHERE status = …` (tests/races).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models

from backend.core.errors import WrongState

Transitions = Mapping[str, frozenset[str]]


def move(
    rows: models.QuerySet[Any],
    *,
    transitions: Transitions,
    to: str,
    only_from: Iterable[str] | None = None,
    field: str = "status",
    **changes: Any,
) -> int:
    """Moves the given rows to the state `to` where the table allows it; returns how many moved.

    `only_from` narrows the allowed states further. Further column changes travel in the same
    UPDATE.
    """
    allowed = {source for source, targets in transitions.items() if to in targets}
    if only_from is not None:
        allowed &= set(only_from)
    assert allowed, f"no state may move to {to}"
    return rows.filter(**{f"{field}__in": sorted(allowed)}).update(**{field: to}, **changes)


def move_one(
    row: models.Model,
    *,
    transitions: Transitions,
    to: str,
    only_from: Iterable[str] | None = None,
    field: str = "status",
    **changes: Any,
) -> None:
    """As `move` for one row that the caller holds; refreshes it.

    :raises WrongState: the row is in a state from which the table knows no way to `to`.
    """
    manager = type(row)._default_manager
    moved = move(
        manager.filter(pk=row.pk),
        transitions=transitions,
        to=to,
        only_from=only_from,
        field=field,
        **changes,
    )
    row.refresh_from_db()
    if not moved:
        current = getattr(row, field)
        raise WrongState(
            f"{row._meta.verbose_name} is {current} and cannot become {to}",
            state=str(current),
            wanted=to,
        )
