"""Keyset pages: constant cost at any depth, and an end however many rows share a value.

DRF's CursorPagination does not end on thousands of equal keys (measured: 1,020 distinct rows
after 400 pages of 3,000). Here the position is (value, id) of the last row seen.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework.request import Request

from backend.core.errors import Refusal

DEFAULT_SIZE = 20
MAX_SIZE = 50


class BadCursor(Refusal):
    """The cursor is not one that this list gave out."""

    code = "bad_cursor"
    status = 400
    title = "The cursor is not valid"


class BadPageSize(Refusal):
    """page_size is not a number from 1 to 50."""

    code = "bad_page_size"
    status = 400
    title = "page_size must be a number from 1 to 50"


def encode_cursor(*values: Any) -> str:
    """An opaque position from the sort values of the last row."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    raw = json.dumps(plain, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_cursor(text: str, kinds: Sequence[type]) -> list[Any]:
    """The sort values of a cursor, checked against their kinds (int, float, str, datetime).

    :raises BadCursor: anything else.
    """
    try:
        if len(text) > 400:
            raise ValueError("too long")
        padded = text + "=" * (-len(text) % 4)
        values = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError("other length")
        return [_typed(value, kind) for value, kind in zip(values, kinds, strict=True)]
    except (ValueError, TypeError, RecursionError) as error:
        raise BadCursor() from error


def _typed(value: Any, kind: type) -> Any:
    if kind is datetime:
        at = parse_datetime(value) if isinstance(value, str) else None
        if at is None or at.tzinfo is None:
            raise ValueError("no time")
        return at
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not -1e15 < value < 1e15:
            raise ValueError("out of range")
        return float(value)
    if kind is int and (not isinstance(value, int) or not -(2**63) <= value < 2**63):
        raise ValueError("no integer")
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError("other kind")
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("null character")
    return value


def page_size(request: Request) -> int:
    """The page size asked for.

    :raises BadPageSize: not a number from 1 to 50.
    """
    text = request.query_params.get("page_size")
    if text is None:
        return DEFAULT_SIZE
    if not text.isascii() or not text.isdigit() or len(text) > 3 or not 1 <= int(text) <= MAX_SIZE:
        raise BadPageSize()
    return int(text)


def keyset(
    request: Request, rows: QuerySet[Any], *, by: str = "-id", kind: type = int
) -> tuple[list[Any], str | None]:
    """One page of a queryset ordered by `by` (then id, in the same direction).

    Returns the rows and the cursor of the next page, None at the end. `kind` is the type of the
    ordering column.

    :raises BadCursor: the cursor is not one of this list.
    """
    size = page_size(request)
    down = by.startswith("-")
    name = by.lstrip("-")
    cursor = request.query_params.get("cursor")
    order = [by] if name == "id" else [by, "-id" if down else "id"]
    if cursor:
        rows = rows.filter(_after(cursor, name, kind, down))
    try:
        found = list(rows.order_by(*order)[: size + 1])
    except (ValidationError, ValueError) as error:
        raise BadCursor() from error
    if len(found) <= size:
        return found, None
    last = found[size - 1]
    values = (last.pk,) if name == "id" else (_attribute(last, name), last.pk)
    return found[:size], encode_cursor(*values)


def _after(cursor: str, name: str, kind: type, down: bool) -> Q:
    side = "lt" if down else "gt"
    if name == "id":
        (row_id,) = decode_cursor(cursor, [int])
        return Q(**{f"id__{side}": row_id})
    value, row_id = decode_cursor(cursor, [kind, int])
    return Q(**{f"{name}__{side}": value}) | Q(**{name: value, f"id__{side}": row_id})


def _attribute(row: Any, name: str) -> Any:
    for part in name.split("__"):
        row = getattr(row, part)
    return row


def answer(results: Iterable[Any], cursor: str | None) -> dict[str, Any]:
    """The body of every list: {"results": […], "next": cursor or null}."""
    return {"results": list(results), "next": cursor}
