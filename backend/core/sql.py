"""Running SQL of ours: rows as dictionaries or tuples, columns as the text of arrays."""

from collections.abc import Collection, Iterable, Sequence
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


def tuples(
    statement: str, parameters: Sequence[Any] | dict[str, Any] = ()
) -> list[tuple[Any, ...]]:
    """All rows of a statement as they come; for statements of many rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


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


# ---------------------------------------------------------------- columns
# A thousand numbers take psycopg 2 ms as a list, element by element, and 0.1 ms as one text. To be
# cast where they stand: unnest(%s::bigint[]).
def columns(records: Collection[Sequence[Any]], width: int) -> list[Sequence[Any]]:
    """Rows of `width` values as columns; as many empty columns where there is no row."""
    return list(zip(*records, strict=True)) if records else [()] * width


def numbers(values: Iterable[int | None]) -> str:
    """Whole numbers and NULLs as the text of an array."""
    return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"


def texts(values: Collection[str]) -> str:
    """Texts as the text of an array; none of them may be NULL."""
    if not values:
        return "{}"
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * len(values) - 2:
        escaped = (one.replace("\\", "\\\\").replace('"', '\\"') for one in values)
        joined = '","'.join(escaped)
    return f'{{"{joined}"}}'
