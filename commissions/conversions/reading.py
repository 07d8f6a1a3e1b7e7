"""Reading a partner's rows: bytes into lines into rows, with bounded memory and positions from
which reading can go on. No database, no clock.

A row is one line of the file: a CSV cell with a line break in it is refused, so that a file can be
taken up at any line.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from backend.core.money import MAX_FEN

HEADER = (
    "order",
    "line",
    "sku",
    "qty",
    "paid_fen",
    "refunded_fen",
    "paid_at",
    "received_at",
    "code",
    "click",
)
_REQUIRED = frozenset({"order", "line", "sku", "paid_fen", "paid_at"})
LONGEST = 16_384
_NAME = re.compile(r"[!-~]{1,64}")
_CODE = re.compile(r"[A-Za-z0-9_-]{0,40}")
_WHOLE = re.compile(r"[0-9]{1,13}")


class Row(NamedTuple):
    """One line of an order made elsewhere, as a partner tells it; amounts in fen, `refunded_fen`
    what is refunded of it in all, the instants as ISO text in UTC (`received_at` may be empty)."""

    order: str
    line: str
    sku: str
    qty: int
    paid_fen: int
    refunded_fen: int
    paid_at: str
    received_at: str
    code: str
    click: str


class Line(NamedTuple):
    """The bytes of a line without its end, None where it is too long to be a row, and the
    position behind it."""

    content: bytes | None
    position: int


def lines(pieces: Iterable[bytes], start: int) -> Iterator[Line]:
    """The lines of these pieces, whose first byte is at `start`; never more in memory than a
    piece and a line. Whatever is longer than 16 KiB is no row."""
    left, position, is_long = b"", start, False
    for piece in pieces:
        left += piece
        begin = 0
        while (end := left.find(b"\n", begin)) >= 0:
            content = left[begin:end]
            position += end + 1 - begin
            begin = end + 1
            yield Line(None if is_long or len(content) > LONGEST else content, position)
            is_long = False
        left = left[begin:]
        if len(left) > LONGEST:
            position, left, is_long = position + len(left), b"", True
    if left or is_long:
        yield Line(None if is_long else left, position + len(left))


def cells(content: bytes | None) -> list[str] | None:
    """The cells of a CSV line, or None where it is none."""
    if content is None:
        return None
    try:
        text = content.decode("utf-8-sig").rstrip("\r")
        found = list(csv.reader([text], strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    return [cell.strip() for cell in found[0]] if found else []


def columns_of(content: bytes | None) -> list[str] | None:
    """The columns that a CSV's first line names; None where these are not rows of conversions."""
    found = cells(content)
    if found is None or len(set(found)) != len(found):
        return None
    fits = _REQUIRED <= set(found) <= set(HEADER)
    return found if fits else None


def csv_row(content: bytes | None, columns: list[str]) -> Row | None:
    """A CSV line as a row, None where it is none."""
    found = cells(content)
    if found is None or len(found) != len(columns):
        return None
    return row_of(dict(zip(columns, found, strict=True)))


def json_row(content: bytes | None) -> Row | None:
    """A JSON line as a row, None where it is none."""
    found = json_object(content)
    return None if found is None else row_of(found)


def json_object(content: bytes | None) -> dict[str, Any] | None:
    """A JSON object, None where these bytes are none, or not such as two programs read alike."""
    try:
        found = json.loads(content or b"", parse_int=_integer, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _integer(text: str) -> int:
    if len(text) > 19:
        raise ValueError("too many digits")
    return int(text)


def row_of(told: dict[str, Any]) -> Row | None:
    """The row that these columns tell, None where one is missing, unknown or cannot be read."""
    if not _REQUIRED <= told.keys() <= set(HEADER):
        return None
    names = [told[name] for name in ("order", "line", "sku")]
    codes = [_given(told, name, "") for name in ("code", "click")]
    amounts = [_whole(told["paid_fen"]), _whole(_given(told, "refunded_fen", 0))]
    qty = _whole(_given(told, "qty", 1))
    received = _given(told, "received_at", "")
    instants = [_instant(told["paid_at"]), _instant(received) if received != "" else ""]
    if broken(names, codes) or None in (*amounts, qty, *instants):
        return None
    made = Row._make([*names, qty, *amounts, *instants, *codes])
    fits = 0 < made.paid_fen <= MAX_FEN and made.refunded_fen <= made.paid_fen
    in_order = not made.received_at or made.paid_at <= made.received_at
    return made if fits and in_order and 0 < made.qty <= 10_000 else None


def broken(names: list[Any], codes: list[Any]) -> bool:
    """Whether a name or a code is not text of its form."""
    return not (
        all(isinstance(name, str) and _NAME.fullmatch(name) for name in names)
        and all(isinstance(code, str) and _CODE.fullmatch(code) for code in codes)
    )


def _whole(told: Any) -> int | None:
    """A number of fen or pieces: a JSON integer, or digits."""
    if isinstance(told, str) and _WHOLE.fullmatch(told):
        return int(told)
    is_number = isinstance(told, int) and not isinstance(told, bool)
    return told if is_number and 0 <= told <= MAX_FEN else None


def _given(told: dict[str, Any], name: str, default: Any) -> Any:
    """What stands in a column that may be left out or empty."""
    value = told.get(name)
    return default if value is None or value == "" else value


def _instant(told: Any) -> str | None:
    """An instant with its zone, as ISO text in UTC."""
    if not isinstance(told, str) or len(told) > 40 or not told.isascii():
        return None
    try:
        at = datetime.fromisoformat(told)
        known = at.tzinfo is not None and 2000 <= at.year <= 2999
        return at.astimezone(UTC).isoformat() if known else None
    except (ValueError, OverflowError):
        return None
