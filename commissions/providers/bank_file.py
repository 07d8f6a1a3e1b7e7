"""The bank's batch file 银行批量文件: written for a person to upload, its answer file read back.

No other module knows the columns. Amounts are yuan with two decimals, as banks want them. What a
bank calls them is the setting BANK_FILE_PROFILE: the names of the columns out (`order`), those of
the answer and of its last row (`answer`, with `total`), and its words for paid and failed
(`results`). Under other names the answer's columns may stand in any order, among others.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.conf import settings

from commissions.providers import spreadsheet

HEADER = ("number", "holder_name", "account_number", "amount_yuan")
ANSWER_HEADER = ("number", "amount_yuan", "result", "reason")
TOTAL = "TOTAL"
MAX_BYTES = 4 * 1024 * 1024
MAX_ROWS = 20_000
# A spreadsheet runs cells that begin so, also behind what cannot be seen, and in forms that it or
# somebody's clean-up makes these of: full-width, small, superscript.
_RUNS = frozenset("=+-@\u2212")
_UNSEEN = re.compile(
    r"\A[\s\x00-\x20\x7f-\xa0\u00ad\u180e\u200b-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]*"
)
_AMOUNT = re.compile(r"([0-9]{1,11})\.([0-9]{2})")
# A spreadsheet keeps 12.00 as 12 and 12.50 as 12.5: one number, whatever is shown.
_NUMBER = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,2}))?")


class Unreadable(Exception):
    """The answer file is not one: the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Order:
    """One row of the batch file."""

    number: str
    holder_name: str = field(repr=False)
    account_number: str = field(repr=False)
    amount_fen: int


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One row of the bank's answer; `row` counts from 1 with the header as row 1."""

    row: int
    number: str
    amount_fen: int
    paid: bool
    reason: str


def safe(text: str) -> str:
    """A cell that no spreadsheet will run: an apostrophe in front of what begins like a formula or
    with a control character."""
    seen = _UNSEEN.sub("", text)
    begins = unicodedata.normalize("NFKC", seen[:1])[:1]
    return f"'{text}" if begins in _RUNS or (text and ord(text[0]) < 0x20) else text


def plain_yuan(amount_fen: int) -> str:
    """123456 → '1234.56': no thousands separators in files for machines."""
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"


def _lines(orders: Iterable[Order]) -> Iterator[list[str]]:
    count = total = 0
    named = settings.BANK_FILE_PROFILE.get("order", {})
    yield [named.get(name, name) for name in HEADER]
    for order in orders:
        count, total = count + 1, total + order.amount_fen
        amount = plain_yuan(order.amount_fen)
        yield [order.number, safe(order.holder_name), safe(order.account_number), amount]
    yield [TOTAL, "", str(count), plain_yuan(total)]


def write_csv(orders: Iterable[Order]) -> bytes:
    """The batch as CSV: UTF-8 with a byte order mark, a TOTAL row at the end."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(_lines(orders))
    return text.getvalue().encode("utf-8-sig")


def write_xlsx(orders: Iterable[Order]) -> bytes:
    """The batch as XLSX, every cell a string: a 19-digit number survives a spreadsheet."""
    buffer = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    import xlsxwriter  # 40 ms of every start, for a file now and then

    with xlsxwriter.Workbook(buffer, options) as book:
        sheet = book.add_worksheet("batch")
        sheet.set_column(0, 3, 28)
        for index, line in enumerate(_lines(orders)):
            for column, cell in enumerate(line):
                sheet.write_string(index, column, cell)
    return buffer.getvalue()


def read_answer(content: bytes) -> list[AnswerRow]:
    """The rows of a bank's answer, CSV or XLSX: columns number, amount_yuan, result (paid or
    failed), reason, and a last row TOTAL, Σ amounts, count.

    :raises Unreadable: not such a file, or its totals are not the sums of its rows.
    """
    sheet = spreadsheet.is_xlsx(content)
    lines = _arranged(_parsed(content))
    amount = _NUMBER if sheet else _AMOUNT
    if len(lines) < 2 or lines[-1][0].strip() != _profile().get("total", TOTAL):
        raise Unreadable("the last row must be TOTAL,<amount>,<count>")
    found = [_row(number, line, amount) for number, line in enumerate(lines[1:-1], start=2)]
    total = [*lines[-1], "", ""]
    count = total[2].strip()
    sums = (str(len(found)), sum(row.amount_fen for row in found))
    if (count, _fen(total[1], len(lines), amount)) != sums:
        raise Unreadable(
            f"TOTAL says {total[1]} in {count} rows, the rows are "
            f"{plain_yuan(sums[1])} in {sums[0]} rows"
        )
    return found


def _profile() -> dict[str, str]:
    return dict(settings.BANK_FILE_PROFILE.get("answer", {}))


def _arranged(lines: list[list[str]]) -> list[list[str]]:
    """The rows with our columns in our order.

    :raises Unreadable: the first row does not name them.
    """
    named = _profile()
    wanted = [named.get(name, name) for name in ANSWER_HEADER]
    header = [cell.strip() for cell in lines[0]] if lines else []
    while header and not header[-1]:
        header.pop()
    if not named and header != wanted:
        raise Unreadable(f"row 1 must be {','.join(ANSWER_HEADER)}")
    if any(header.count(name) != 1 for name in wanted):
        raise Unreadable(f"row 1 must name {', '.join(wanted)} once each")
    if not named:
        return [line[: len(wanted)] if not any(line[len(wanted) :]) else line for line in lines]
    places = [header.index(name) for name in wanted]
    return [[line[at] if at < len(line) else "" for at in places] for line in lines]


def _parsed(content: bytes) -> list[list[str]]:
    if len(content) > MAX_BYTES:
        raise Unreadable("the file is larger than 4 MiB")
    if spreadsheet.is_xlsx(content):
        try:
            return spreadsheet.lines(content, max_rows=MAX_ROWS)
        except spreadsheet.UnreadableSheet as error:
            raise Unreadable(str(error)) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030", errors="replace")
    if "\x00" in text:
        raise Unreadable("the file holds null characters; is it really CSV?")
    try:
        lines = [line for line in csv.reader(io.StringIO(text), strict=True) if any(line)]
    except csv.Error as error:
        raise Unreadable(f"not CSV: {error}") from error
    if len(lines) > MAX_ROWS:
        raise Unreadable(f"more than {MAX_ROWS} rows")
    return lines


def _row(row: int, line: list[str], form: re.Pattern[str]) -> AnswerRow:
    if len(line) != len(ANSWER_HEADER):
        raise Unreadable(f"row {row} has {len(line)} columns instead of {len(ANSWER_HEADER)}")
    number, amount, result, reason = (cell.strip() for cell in line)
    result = settings.BANK_FILE_PROFILE.get("results", {}).get(result, result)
    if result not in ("paid", "failed"):
        raise Unreadable(f"row {row}: result must be paid or failed")
    return AnswerRow(row, number, _fen(amount, row, form), result == "paid", reason[:200])


def _fen(text: str, row: int, form: re.Pattern[str]) -> int:
    match = form.fullmatch(text.strip())
    if not match or not text.isascii():
        raise Unreadable(f"row {row}: the amount must be yuan with two decimals, such as 12.00")
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
