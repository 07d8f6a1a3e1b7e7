"""Running SQL of ours: rows as dictionaries, nothing more."""

from collections.abc import Sequence
from typing import Any

from django.db import connection


def rows(statement: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
    """All rows of a statement, as dictionaries in the order of its columns."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        if cursor.description is None:
            return []
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def value(statement: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Any:
    """The first column of the first row, or None."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        row = cursor.fetchone()
    return row[0] if row else None


def run(statement: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> int:
    """Executes a statement; returns how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return int(cursor.rowcount)
