"""Statements as files: CSV, XLSX, the signed lines, and a page to print. Each is made of the same
lines, a thousand at a time, so a statement of any length needs little memory."""

import csv
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import IO, Any
from zoneinfo import ZoneInfo

from backend.core.money import yuan
from commissions.models import Statement
from commissions.statements import reading, signing

HEADER = [
    "row", "n", "at", "account", "cause", "journal", "order", "commission", "reference", "reason",
    "late", "amount_fen", "amount_yuan",
]  # fmt: skip
_SHEET_ROWS = 1_000_000  # a sheet holds 1,048,576
_PART = 1 << 16


def _rows(statement: Statement) -> Iterator[list[Any]]:
    """The opening balances, the lines, the closing balances."""
    yield from _balances("opening", statement.opening)
    for line in reading.lines(statement):
        fen = line["amount_fen"]
        told = [line[name] for name in HEADER[1:11]]
        told[1] = f"{line['at']:%Y-%m-%dT%H:%M:%S.%fZ}"
        told[6] = "" if line["commission"] is None else line["commission"]
        told[9] = "late" if line["late"] else ""
        yield ["line", *told, fen, yuan(fen)]
    yield from _balances("closing", statement.closing)


def _balances(row: str, fen: dict[str, int]) -> Iterator[list[Any]]:
    for account in sorted(fen):
        yield [row, "", "", account, "", "", "", "", "", "", "", fen[account], yuan(fen[account])]


class _Line:
    """A file that hands back what was just written to it."""

    text = ""

    def write(self, text: str) -> None:
        """Keeps one line."""
        self.text = text


def csv_file(statement: Statement) -> Iterator[str]:
    """CSV (RFC 4180, UTF-8). Every cell is of our making: numbers, codes and amounts, no words of a
    user's that a spreadsheet could take for a formula."""
    line = _Line()
    writer = csv.writer(line)
    writer.writerow(HEADER)
    kept = [line.text]
    for row in _rows(statement):
        writer.writerow(row)
        kept.append(line.text)
        if len(kept) > 500:
            yield "".join(kept)
            kept.clear()
    yield "".join(kept)


def xlsx_file(statement: Statement) -> Iterator[bytes]:
    """XLSX with amounts as numbers of fen; a new sheet after a million rows. Written row by row to
    a temporary file, which is gone when it has been read."""
    with tempfile.TemporaryFile() as file:
        _write_book(statement, file)
        file.seek(0)
        while part := file.read(_PART):
            yield part


def _write_book(statement: Statement, file: IO[bytes]) -> None:
    import xlsxwriter  # 40 ms of every start, for a file now and then

    book = xlsxwriter.Workbook(
        file,
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False},
    )
    # The date of the statement, not of the download: the same bytes each time.
    book.set_properties({"title": statement.number, "created": statement.closed_at})
    sheet, place = None, 0
    for row in _rows(statement):
        if sheet is None or place == _SHEET_ROWS:
            sheet, place = book.add_worksheet(), 1
            sheet.write_row(0, 0, HEADER)
        for column, value in enumerate(row):
            if isinstance(value, int):
                sheet.write_number(place, column, value)
            elif value:
                sheet.write_string(place, column, str(value))
        place += 1
    book.close()


def jsonl_file(statement: Statement) -> Iterator[bytes]:
    """The signed lines. The chain is made anew from the ledger and must end as it was signed."""
    assert statement.signed_by, "only closed statements are signed"
    kept: list[bytes] = []
    end = ""
    for line, now in signing.chained(statement, statement.signed_by.key_id):
        if len(kept) > 500:
            yield b"\n".join(kept) + b"\n"
            kept.clear()
        kept.append(line)
        end = now
    assert end == statement.digest, f"statement {statement.number} is not what was signed"
    kept[-1] = kept[-1][:-1] + b',"signature":"' + statement.signature.encode() + b'"}'
    yield b"\n".join(kept) + b"\n"


# ---------------------------------------------------------------- to print
_STYLE = (
    "body{font:14px/1.5 system-ui,sans-serif;margin:24px auto;max-width:1100px;color:#111}"
    "table{border-collapse:collapse;width:100%}th,td{padding:4px 8px;border-bottom:1px solid #ddd;"
    "text-align:left;white-space:nowrap}.fen{text-align:right;font-variant-numeric:tabular-nums}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 16px}dd{margin:0;"
    "overflow-wrap:anywhere}.wide{overflow-x:auto}"
    "@media print{body{margin:0}thead{display:table-header-group}tr{break-inside:avoid}}"
)
# Nothing runs, nothing is loaded: this one style and no other.
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-modals"
)


def html_page(statement: Statement) -> Iterator[str]:
    """A page to print, in yuan and in the zone of the statement."""
    period, zone = statement.period, ZoneInfo(statement.period.zone)
    bounds = f"{_local(period.from_at, zone)} – {_local(period.to_at, zone)}"
    facts = {
        "Number 编号": statement.number,
        "For 对象": f"{statement.owner_kind} {statement.owner_id}",
        "Period 周期": f"{period.label}: {bounds}",
        "Zone 时区": period.zone,
        "Lines 行数": f"{statement.lines_count} ({statement.late_count} late 补记)",
        "Chain 摘要": statement.digest,
        "Key 公钥": statement.signed_by.key_id if statement.signed_by else "",
    }
    told = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items())
    yield (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(statement.number)}'
        f"</title><style>{_STYLE}</style></head><body><h1>Statement 结算单</h1><dl>{told}</dl>"
        '<div class="wide"><table><thead><tr><th>#</th><th>When 时间</th><th>Account 账户</th>'
        "<th>Cause 事由</th><th>Order or reference 单号</th><th>Reason 说明</th>"
        '<th class="fen">¥</th></tr></thead><tbody>'
    )
    yield "".join(_sum_rows("Opening 期初", statement.opening))
    kept = []
    for line in reading.lines(statement):
        kept.append(_line_row(line, zone))
        if len(kept) > 500:
            yield "".join(kept)
            kept.clear()
    yield "".join(kept) + "".join(_sum_rows("Closing 期末", statement.closing))
    yield f"</tbody></table></div>{_sums(statement)}</body></html>"


def _local(at: Any, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def _cells(cells: list[str], fen: int) -> str:
    told = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f'<tr>{told}<td class="fen">{yuan(fen)}</td></tr>'


def _line_row(line: dict[str, Any], zone: ZoneInfo) -> str:
    late = " (late 补记)" if line["late"] else ""
    shown = line["order"] or line["reference"]
    cells = [str(line["n"]), _local(line["at"], zone) + late, line["account"], line["cause"]]
    return _cells([*cells, shown, line["reason"]], line["amount_fen"])


def _sum_rows(word: str, fen: dict[str, int]) -> Iterator[str]:
    for account in sorted(fen):
        yield _cells(["", word, account, "", "", ""], fen[account])


def _sums(statement: Statement) -> str:
    told = "".join(
        _cells([cause, account], fen[account])
        for cause, fen in sorted(statement.sums.items())
        for account in sorted(fen)
    )
    return (
        "<h2>Sums 合计</h2><table><thead><tr><th>Cause 事由</th><th>Account 账户</th>"
        f'<th class="fen">¥</th></tr></thead><tbody>{told}</tbody></table>'
    )
