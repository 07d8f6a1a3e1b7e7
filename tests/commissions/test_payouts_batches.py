"""The bank's file: out with clear numbers and a trace, back with every row accounted for."""

import csv
import io
from datetime import timedelta

import openpyxl
import pytest

from backend.core.errors import NotAllowed, NotFound, WrongState
from backend.core.models import AuditEntry
from commissions import payouts
from commissions.models import Journal, Payout, PayoutBatch
from seeds.factories import AccountFactory
from tests.commissions.money_out import (
    AT,
    CARD,
    approved,
    cash,
    checker,
    credit,
    earner,
    maker,
    money_of,
    officer,
)


def banked(amount_fen: int = 1_000) -> Payout:
    """An approved payout to a bank card."""
    return approved(earner(number=CARD, provider="bank_file"), amount_fen)


def answer(*rows: str, total: str, count: int) -> bytes:
    """A bank's answer file."""
    lines = ["number,amount_yuan,result,reason", *rows, f"TOTAL,{total},{count},"]
    return "\r\n".join(lines).encode("utf-8-sig")


def test_a_batch_takes_the_approved_once_and_the_file_says_who_gets_what(db: None) -> None:
    first, second = banked(1_000), banked(250_000 // 100)
    approved(earner())  # to the sandbox: not the bank's
    by = maker()
    batch = payouts.build_batch(by=by, at=AT)
    assert (batch.payouts_count, batch.total_fen, batch.built_by) == (2, 3_500, by)
    assert set(Payout.objects.filter(batch=batch).values_list("status", flat=True)) == {"sending"}
    with pytest.raises(payouts.NothingToBatch):
        payouts.build_batch(by=by, at=AT)
    content = payouts.batch_file(number=batch.number, kind="csv", by=by, at=AT)
    assert list(csv.reader(io.StringIO(content.decode("utf-8-sig")))) == [
        ["number", "holder_name", "account_number", "amount_yuan"],
        [first.number, "李小鱼", CARD, "10.00"],
        [second.number, "李小鱼", CARD, "25.00"],
        ["TOTAL", "", "2", "35.00"],
    ]
    book = payouts.batch_file(number=batch.number, kind="xlsx", by=by, at=AT)
    sheet = openpyxl.load_workbook(io.BytesIO(book)).active
    assert sheet is not None
    assert [cell.value for cell in sheet[2]] == [first.number, "李小鱼", CARD, "10.00"]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value} == {"s"}
    downloads = AuditEntry.objects.filter(action="payout_batch.download")
    assert [row.data["kind"] for row in downloads.order_by("id")] == ["csv", "xlsx"]


def test_files_are_for_people_with_the_right_alone(db: None) -> None:
    banked()
    nobody = AccountFactory.create(is_staff=True)
    looker = officer("view_payout")
    for by in (nobody, looker):
        with pytest.raises(NotAllowed):
            payouts.build_batch(by=by, at=AT)
    batch = payouts.build_batch(by=maker(), at=AT)
    with pytest.raises(NotAllowed):
        payouts.batch_file(number=batch.number, kind="csv", by=looker, at=AT)
    with pytest.raises(NotAllowed):
        payouts.read_answer(number=batch.number, content=b"", by=looker, at=AT)
    with pytest.raises(NotFound):
        payouts.batch_file(number="B0", kind="csv", by=maker(), at=AT)
    assert not AuditEntry.objects.filter(action="payout_batch.download").exists()


def test_the_banks_answer_is_booked_row_by_row_and_twice_is_nothing_new(db: None) -> None:
    good, bad = banked(1_000), banked(2_000)
    by = maker()
    batch = payouts.build_batch(by=by, at=AT)
    content = answer(
        f"{good.number},10.00,paid,",
        f"{bad.number},20.00,failed,account closed",
        total="30.00",
        count=2,
    )
    reading = payouts.read_answer(number=batch.number, content=content, by=by, at=AT)
    assert (reading.paid, reading.failed, reading.again, reading.waiting) == (1, 1, 0, 0)
    assert reading.problems == []
    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.status, bad.status, bad.reason) == ("paid", "failed", "bank: account closed")
    assert (money_of(good.account), money_of(bad.account)) == ((9_000, 0), (10_000, 0))
    assert cash() == 1_000
    assert PayoutBatch.objects.get().status == "answered"
    journals = Journal.objects.count()
    again = payouts.read_answer(number=batch.number, content=content, by=by, at=AT)
    assert (again.paid, again.failed, again.again) == (0, 0, 2)
    assert Journal.objects.count() == journals


def test_a_row_that_is_wrong_moves_nothing_and_is_named(db: None) -> None:
    fine, wrong, missing = banked(1_000), banked(2_000), banked(3_000)
    told_twice, elsewhere = banked(500), approved(earner())
    by = maker()
    batch = payouts.build_batch(by=by, at=AT)
    content = answer(
        f"{wrong.number},20.01,paid,",
        "P000,1.00,paid,",
        f"{elsewhere.number},10.00,paid,",
        f"{fine.number},10.00,paid,",
        f"{told_twice.number},5.00,paid,",
        f"{told_twice.number},5.00,paid,",
        total="51.01",
        count=6,
    )
    reading = payouts.read_answer(number=batch.number, content=content, by=by, at=AT)
    assert [(problem.row, problem.number) for problem in reading.problems] == [
        (2, wrong.number),
        (3, "P000"),
        (4, elsewhere.number),
        (6, told_twice.number),
        (7, told_twice.number),
    ]
    assert reading.problems[0].why == "the amount is 20.00 with us"
    assert (reading.paid, reading.failed, reading.waiting) == (1, 0, 3)
    for payout in (wrong, missing, told_twice):
        payout.refresh_from_db()
        assert payout.status == "sending"
    assert money_of(wrong.account) == (8_000, 2_000)
    assert PayoutBatch.objects.get().status == "built"
    opposite = answer(f"{fine.number},10.00,failed,", total="10.00", count=1)
    reading = payouts.read_answer(number=batch.number, content=opposite, by=by, at=AT)
    assert [problem.why for problem in reading.problems] == ["it is booked as paid"]
    assert (money_of(fine.account), cash()) == ((9_000, 0), 1_000)


@pytest.mark.parametrize("results", [("failed", "paid"), ("paid", "failed"), ("paid", "paid")])
def test_a_number_that_stands_twice_in_an_answer_books_neither_row(
    db: None, results: tuple[str, str]
) -> None:
    """Booked by its first row, "failed", it gave back money that the second says has arrived."""
    payout, other = banked(), banked(2_000)
    by = maker()
    batch = payouts.build_batch(by=by, at=AT)
    rows = [f"{payout.number},10.00,{result}," for result in results]
    content = answer(*rows, f"{other.number},20.00,paid,", total="40.00", count=3)
    reading = payouts.read_answer(number=batch.number, content=content, by=by, at=AT)
    assert [(one.row, one.number, one.why) for one in reading.problems] == [
        (row, payout.number, "this number stands in the file twice") for row in (2, 3)
    ]
    assert (reading.paid, reading.failed, reading.waiting) == (1, 0, 1)
    payout.refresh_from_db()
    assert (payout.status, money_of(payout.account), cash()) == ("sending", (9_000, 1_000), 2_000)
    clean = answer(f"{payout.number},10.00,paid,", total="10.00", count=1)
    reading = payouts.read_answer(number=batch.number, content=clean, by=by, at=AT)
    assert (reading.paid, reading.waiting, cash()) == (1, 0, 3_000)


def test_a_file_written_again_holds_only_what_the_bank_has_not_answered(db: None) -> None:
    """A maker who sends the rest again must not send along what was given back to its payee."""
    paid, failed, missing = banked(1_000), banked(2_000), banked(3_000)
    by = maker()
    batch = payouts.build_batch(by=by, at=AT)
    content = answer(
        f"{paid.number},10.00,paid,", f"{failed.number},20.00,failed,", total="30.00", count=2
    )
    payouts.read_answer(number=batch.number, content=content, by=by, at=AT)
    again = payouts.batch_file(number=batch.number, kind="csv", by=by, at=AT)
    assert list(csv.reader(io.StringIO(again.decode("utf-8-sig"))))[1:] == [
        [missing.number, "李小鱼", CARD, "30.00"],
        ["TOTAL", "", "1", "30.00"],
    ]
    rest = answer(f"{missing.number},30.00,failed,", total="30.00", count=1)
    payouts.read_answer(number=batch.number, content=rest, by=by, at=AT)
    downloads = AuditEntry.objects.filter(action="payout_batch.download")
    for kind in ("csv", "xlsx"):
        with pytest.raises(payouts.BatchAnswered):
            payouts.batch_file(number=batch.number, kind=kind, by=by, at=AT)
    assert downloads.get().data == {"kind": "csv", "payouts": 1}


@pytest.mark.parametrize(("paid", "after"), [(True, (9_000, 0)), (False, (10_000, 0))])
def test_what_the_bank_never_answers_rightly_is_ended_by_a_person(
    db: None, paid: bool, after: tuple[int, int]
) -> None:
    """The bank paid another amount, or never lists the row: without this only a made-up answer
    file ended it."""
    both = officer("prepare_payout", "approve_payout")
    payout = payouts.request(
        account=earner(number=CARD, provider="bank_file"), amount_fen=1_000, at=AT
    )
    payouts.prepare(number=payout.number, by=both, at=AT)
    payouts.approve(number=payout.number, by=checker(), at=AT)
    batch = payouts.build_batch(by=both, at=AT)
    wrong = answer(f"{payout.number},10.01,paid,", total="10.01", count=1)
    payouts.read_answer(number=batch.number, content=wrong, by=both, at=AT)
    by, number = checker(), payout.number
    said, day = {"paid": paid, "reason": "the bank's letter"}, timedelta(days=1)
    with pytest.raises(payouts.SamePerson):
        payouts.resolve(number=number, by=both, at=AT + day, **said)
    with pytest.raises(NotAllowed):
        payouts.resolve(number=number, by=maker(), at=AT + day, **said)
    if not paid:  # whoever downloaded the file may be about to hand it in
        with pytest.raises(payouts.MayStillPay):
            payouts.resolve(number=number, by=by, at=AT + day - timedelta(seconds=1), **said)
    assert (money_of(payout.account), cash()) == ((9_000, 1_000), 0)
    payouts.resolve(number=number, by=by, at=AT + day, **said)
    assert (money_of(payout.account), cash()) == (after, 1_000 if paid else 0)
    batch.refresh_from_db()
    assert (batch.status, batch.answered_at) == ("answered", AT + day)
    with pytest.raises(WrongState):
        payouts.resolve(number=number, by=by, at=AT + day, **said)
    late = answer(f"{number},10.00,{'failed' if paid else 'paid'},", total="10.00", count=1)
    reading = payouts.read_answer(number=batch.number, content=late, by=both, at=AT + day)
    assert [one.why for one in reading.problems] == [
        f"it is booked as {'paid' if paid else 'failed'}"
    ]
    assert money_of(payout.account) == after


def test_a_batch_is_answered_only_when_its_last_payout_has_ended(db: None) -> None:
    first, second = banked(), banked()
    batch, by, at = payouts.build_batch(by=maker(), at=AT), checker(), AT + timedelta(days=1)
    payouts.resolve(number=first.number, by=by, paid=False, reason="letter", at=at)
    batch.refresh_from_db()
    assert batch.status == "built"
    payouts.resolve(number=second.number, by=by, paid=True, reason="letter", at=at)
    batch.refresh_from_db()
    assert batch.status == "answered"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x01\x02",
        b"PK\x03\x04",
        b"number,amount_yuan,result,reason\r\n",
        b"a,b\r\nTOTAL,0.00,0,\r\n",
        b"number,amount_yuan,result,reason\r\nP1,10.00,paid,\r\nTOTAL,10.01,1,\r\n",
        b"number,amount_yuan,result,reason\r\nP1,10.00,paid,\r\nTOTAL,10.00,2,\r\n",
        b"number,amount_yuan,result,reason\r\nP1,10,paid,\r\nTOTAL,10.00,1,\r\n",
        b"number,amount_yuan,result,reason\r\nP1,1e1,paid,\r\nTOTAL,10.00,1,\r\n",
        b"number,amount_yuan,result,reason\r\nP1,-10.00,paid,\r\nTOTAL,-10.00,1,\r\n",
        b"number,amount_yuan,result,reason\r\nP1,10.00,perhaps,\r\nTOTAL,10.00,1,\r\n",
        b"number,amount_yuan,result,reason\r\nP1,10.00\r\nTOTAL,10.00,1,\r\n",
        b'number,amount_yuan,result,reason\r\n"P1,10.00,paid,\r\nTOTAL,10.00,1,\r\n',
    ],
)
def test_a_file_that_does_not_add_up_is_refused_whole(db: None, content: bytes) -> None:
    payout = banked()
    by = maker()
    batch = payouts.build_batch(by=by, at=AT)
    content = content.replace(b"P1", payout.number.encode())
    with pytest.raises(payouts.AnswerFileBroken):
        payouts.read_answer(number=batch.number, content=content, by=by, at=AT)
    assert money_of(payout.account) == (9_000, 1_000)


def test_an_answer_in_the_banks_own_encoding_is_read(db: None) -> None:
    payout = banked()
    by = maker()
    batch = payouts.build_batch(by=by, at=AT)
    row = f"{payout.number},10.00,failed,户名不符"
    lines = ["number,amount_yuan,result,reason", row, "TOTAL,10.00,1,"]
    content = "\n".join(lines).encode("gb18030")
    reading = payouts.read_answer(number=batch.number, content=content, by=by, at=AT)
    assert reading.failed == 1
    payout.refresh_from_db()
    assert payout.reason == "bank: 户名不符"


def test_a_second_payout_of_one_person_is_a_row_of_its_own(db: None) -> None:
    first = banked(1_000)
    credit(first.account, 0 + 1)
    second = approved(first.account, 2_000)
    batch = payouts.build_batch(by=maker(), at=AT)
    assert {row.number for row in batch.payouts.all()} == {first.number, second.number}


def test_nobody_books_the_banks_word_about_their_own_payout(db: None) -> None:
    """K6: who may upload answers could otherwise say "failed" of money that has arrived, and ask
    for it again. The other rows are booked, and a colleague books this one."""
    officer_and_earner = earner(number=CARD, provider="bank_file")
    mine, other = approved(officer_and_earner), banked(1_000)
    maker_too = officer("prepare_payout")
    officer_and_earner.is_staff = True
    officer_and_earner.save(update_fields=["is_staff"])
    officer_and_earner.user_permissions.set(maker_too.user_permissions.all())
    by = type(maker_too).objects.get(pk=officer_and_earner.pk)
    batch = payouts.build_batch(by=maker_too, at=AT)
    content = answer(
        f"{mine.number},10.00,failed,", f"{other.number},10.00,paid,", total="20.00", count=2
    )
    before = money_of(officer_and_earner)
    reading = payouts.read_answer(number=batch.number, content=content, by=by, at=AT)
    assert (reading.paid, reading.failed, reading.waiting) == (1, 0, 1)
    assert [(p.number, p.why) for p in reading.problems] == [
        (mine.number, "it is your own: somebody else must book it")
    ]
    assert money_of(officer_and_earner) == before
    again = payouts.read_answer(number=batch.number, content=content, by=maker_too, at=AT)
    assert (again.failed, again.again, again.waiting) == (1, 1, 0)
