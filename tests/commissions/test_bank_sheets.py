"""The bank's answer as a spreadsheet, and a bank's own names for its columns: what cannot be read
within bounds is refused whole."""

import io
import zipfile
from datetime import date
from typing import Any

import openpyxl
import pytest
from django.conf import LazySettings

from commissions.providers import bank_file, spreadsheet
from commissions.providers.bank_file import Unreadable

HEADER = list(bank_file.ANSWER_HEADER)


def sheet(*rows: list[Any]) -> bytes:
    """An XLSX of these rows."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def patched(content: bytes, old: bytes, new: bytes) -> bytes:
    """The archive with its sheet's XML changed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(buffer, "w") as made:
        for part in given.infolist():
            text = given.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                assert old in text
                text = text.replace(old, new)
            made.writestr(part, text)
    return buffer.getvalue()


GOOD = [HEADER, ["P1", 294, "paid", None], ["P2", "52.00", "failed", "户名不符"]]


def test_numbers_and_text_and_dates_are_read_alike() -> None:
    content = sheet(*GOOD, ["P3", 0.5, "failed", date(2026, 11, 22)], ["TOTAL", 346.5, 3])
    found = bank_file.read_answer(content)
    assert [(row.number, row.amount_fen, row.paid) for row in found] == [
        ("P1", 29_400, True),
        ("P2", 5_200, False),
        ("P3", 50, False),
    ]
    assert [row.reason for row in found] == ["", "户名不符", "2026-11-22"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (["P3", 0.005, "paid", ""], "two decimals"),
        (["P3", -1, "paid", ""], "two decimals"),
        (["P3", 1e20, "paid", ""], "two decimals"),
        (["P3", True, "paid", ""], "two decimals"),
        (["P3", 1, "perhaps", ""], "paid or failed"),
        (["P3", 1, "paid", "", "more"], "columns"),
        (["P3", "=1+1", "paid", ""], "formula"),
    ],
)
def test_a_row_that_is_none_refuses_the_file(row: list[Any], why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        bank_file.read_answer(sheet(*GOOD, row, ["TOTAL", 347, 3]))


def test_a_wrong_total_refuses_the_file() -> None:
    with pytest.raises(Unreadable, match="TOTAL says"):
        bank_file.read_answer(sheet(*GOOD, ["TOTAL", 346.01, 2]))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'r="A1"', b'r="XFD1048576"'),
        (b'r="A1"', b'r="A1048576"'),
        (b'r="A1"', b'r="CA1"'),
        (b'r="A1"', b""),
        (b'<row r="1"', b'<row r="9999999"'),
        (b'<row r="1"', b"<row"),
        (b"<worksheet", b'<!DOCTYPE w [<!ENTITY a "b">]><worksheet'),
        (b"</worksheet>", b""),
    ],
)
def test_a_sheet_that_would_fill_the_memory_is_refused_unread(old: bytes, new: bytes) -> None:
    with pytest.raises(Unreadable):
        bank_file.read_answer(patched(sheet(*GOOD, ["TOTAL", 346, 2]), old, new))


def test_an_archive_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "MAX_UNPACKED", 1024 * 1024)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/media/zeros", b"\0" * (1024 * 1024 + 1))
    assert len(buffer.getvalue()) < 4_096
    with pytest.raises(Unreadable, match="unpacked"):
        bank_file.read_answer(buffer.getvalue())


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 999, sheet()[:-200]])
def test_what_only_begins_like_an_archive_is_refused(content: bytes) -> None:
    with pytest.raises(Unreadable):
        bank_file.read_answer(content)


def test_too_many_parts_are_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for number in range(spreadsheet.MAX_PARTS + 1):
            made.writestr(f"xl/{number}", b"")
    with pytest.raises(Unreadable, match="parts"):
        bank_file.read_answer(buffer.getvalue())


PROFILE = {
    "order": {"number": "客户流水号", "amount_yuan": "金额"},
    "answer": {
        "number": "客户流水号",
        "amount_yuan": "金额",
        "result": "状态",
        "reason": "备注",
        "total": "合计",
    },
    "results": {"交易成功": "paid", "交易失败": "failed"},
}


def test_a_bank_has_names_and_an_order_of_its_own(settings: LazySettings) -> None:
    settings.BANK_FILE_PROFILE = PROFILE
    out = bank_file.write_csv([bank_file.Order("P1", "李", "6222", 100)]).decode("utf-8-sig")
    assert out.splitlines()[0] == "客户流水号,holder_name,account_number,金额"
    rows = [
        ["日期", "状态", "金额", "客户流水号", "备注"],
        ["2026-11-22", "交易成功", "294.00", "P1", ""],
        ["2026-11-22", "交易失败", "52.00", "P2", "户名不符"],
        ["", "2", "346.00", "合计", ""],
    ]
    text = "\r\n".join(",".join(row) for row in rows).encode("gb18030")
    for content in (text, sheet(*rows)):
        found = bank_file.read_answer(content)
        assert [(row.number, row.amount_fen, row.paid, row.reason) for row in found] == [
            ("P1", 29_400, True, ""),
            ("P2", 5_200, False, "户名不符"),
        ]
    with pytest.raises(Unreadable, match="must name"):
        bank_file.read_answer(b"number,amount_yuan,result,reason\r\nTOTAL,0.00,0,")
    twice = sheet([*rows[0], "状态"], *rows[1:])
    with pytest.raises(Unreadable, match="once each"):
        bank_file.read_answer(twice)
