"""Reading a stranger's XLSX as text, within bounds: what it says it holds is never believed before
it was counted, and nothing in it is run.

calamine lays a sheet out densely: one cell far away would ask for all cells before it. So every
archive is first unpacked against a limit and every cell's place looked at; only then is it read.
"""

import io
import re
import zipfile
from datetime import date, datetime, time
from numbers import Number
from typing import Any
from xml.parsers import expat

MAX_UNPACKED = 48 * 1024 * 1024  # bytes, of all parts together
MAX_PARTS = 200
MAX_COLUMN = 52
_CELL = re.compile(r"([A-Z]{1,2})([0-9]{1,6})")
_CHUNK = 64 * 1024


class UnreadableSheet(Exception):
    """Not an XLSX that can be read; the message says why."""


def is_xlsx(content: bytes) -> bool:
    """Whether it begins like an archive."""
    return content[:4] == b"PK\x03\x04"


def lines(content: bytes, *, max_rows: int) -> list[list[str]]:
    """The first sheet's rows, every cell as text; rows without any text are left out.

    :raises UnreadableSheet: no XLSX, too large unpacked, a cell beyond the bounds, or a formula.
    """
    _look(content, max_rows)
    from python_calamine import CalamineError, CalamineWorkbook  # for a file now and then

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        if not book.sheet_names:
            raise UnreadableSheet("no sheet")
        found = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, ValueError, OSError) as error:
        raise UnreadableSheet("not an XLSX file") from error
    rows = [[_text(cell) for cell in row] for row in found]
    return [row for row in rows if any(row)]


def _look(content: bytes, max_rows: int) -> None:
    """Unpacks every part against the limit, and looks at every cell's place.

    :raises UnreadableSheet: what it finds.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS:
                raise UnreadableSheet("too many parts")
            left = MAX_UNPACKED
            for part in parts:
                left = _look_into(archive, part, left, max_rows)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise UnreadableSheet("not an XLSX file") from error
    except expat.ExpatError as error:
        raise UnreadableSheet("a sheet is not XML") from error


def _look_into(archive: zipfile.ZipFile, part: zipfile.ZipInfo, left: int, max_rows: int) -> int:
    """What is left of the limit after this part."""
    sheet = part.filename.replace("\\", "/").lower().lstrip("/").startswith("xl/worksheets/")
    parser = _parser(max_rows) if sheet and not part.filename.endswith(".rels") else None
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise UnreadableSheet("larger than 48 MiB unpacked")
            if parser:
                parser.Parse(chunk, False)
    if parser:
        parser.Parse(b"", True)
    return left


def _parser(max_rows: int) -> Any:
    """A parser that refuses what must not be in a sheet, and keeps nothing."""

    def element(name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "f":
            raise UnreadableSheet("a cell holds a formula")
        if local == "row" and not _within(attributes.get("r", ""), max_rows):
            raise UnreadableSheet(f"a row beyond {max_rows}, or without its number")
        if local == "c":
            place = _CELL.fullmatch(attributes.get("r", ""))
            if not place or _column(place[1]) > MAX_COLUMN or not _within(place[2], max_rows):
                raise UnreadableSheet("a cell beyond the bounds, or without its place")

    def declared(*_: Any) -> None:
        raise UnreadableSheet("a sheet declares entities")

    parser = expat.ParserCreate()
    parser.StartElementHandler = element
    parser.StartDoctypeDeclHandler = declared
    parser.EntityDeclHandler = declared
    return parser


def _within(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 7 and 1 <= int(text) <= most


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _text(cell: Any) -> str:
    """A cell as a person would have typed it: 294.0 → "294", 12.5 → "12.5", dates as ISO. What a
    number's shortest form is not, such as 1e+20, is no amount to anybody."""
    if isinstance(cell, (datetime, date, time)):
        return cell.isoformat()
    return str(cell).strip().removesuffix(".0") if isinstance(cell, Number) else str(cell).strip()
