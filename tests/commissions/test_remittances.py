"""What was withheld is paid on to the tax office: recorded by one, agreed to by another, moved
once, never more than was withheld. K5, K6, A5, A7."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from backend.accounts.models import Account
from backend.core.errors import NotAllowed, NotFound, WrongState
from backend.core.models import AuditEntry
from commissions import books, desk, ledger, payouts, remittances, tax
from commissions.models import Journal, TaxRemittance
from tests.commissions.money_out import checker, earner, maker, officer
from tests.commissions.ruled import rule, taxpayer
from tests.desk import acts, signed_in

pytestmark = pytest.mark.django_db
OCTOBER = date(2026, 10, 1)
PAID_AT = datetime(2026, 10, 5, 4, tzinfo=UTC)
LAST = datetime(2026, 10, 31, 15, 59, 59, 999_999, tzinfo=UTC)  # of October in Shanghai
AT = datetime(2026, 11, 10, 4, tzinfo=UTC)
LIST = "/admin/commissions/taxremittance/"
MADE_UP = {
    "a posting's journal moves its amount from pending to available",
    "a journal's id is made of its cause, and the cause exists",
}


@pytest.fixture
def payee(db: None) -> Account:
    """Somebody taxed by the payment, who was paid 5,000.00 in October: 800.00 were withheld."""
    account = earner(5_000_000)
    taxpayer(account)
    rule(PAID_AT, tax_method="labour")
    pay(account, PAID_AT)
    return account


def pay(account: Account, at: datetime) -> None:
    """5,000.00 more, of which 800.00 are withheld."""
    payout = payouts.request(account=account, amount_fen=500_000, at=at)
    payouts.prepare(number=payout.number, by=maker(), at=at)
    payouts.approve(number=payout.number, by=checker(), at=at)
    payouts.send_payouts(at=at)


def record(month: date = OCTOBER, at: datetime = AT, **fields: object) -> TaxRemittance:
    """Somebody's word that the month was paid."""
    told = {"channel": "agreement", "paid_on": date(2026, 11, 10), "receipt": "R-1", **fields}
    by = told.pop("by", None) or officer("record_remittance")
    return remittances.record(month=month, by=by, at=at, **told)


def agree(row: TaxRemittance, at: datetime = AT) -> TaxRemittance:
    """Somebody else's."""
    return remittances.approve(remittance_id=row.pk, by=officer("approve_remittance"), at=at)


def money() -> tuple[int, int]:
    """(owed to the tax office, paid to it) in fen."""
    return ledger.balance(remittances.OWED), ledger.balance(remittances.CASH)


def broken() -> set[str]:
    return {found.name for found in books.check(at=AT)} - MADE_UP


# ---------------------------------------------------------------- a month
def test_a_month_is_recorded_by_one_agreed_to_by_another_and_moved_by_one_journal(
    payee: Account,
) -> None:
    made = record()
    assert (made.kind, made.amount_fen, made.status) == ("whole", 80_000, "recorded")
    assert money() == (80_000, 0), "a word alone moves nothing"
    agree(made)
    assert money() == (0, 80_000)
    journal = Journal.objects.get(kind=Journal.Kind.TAX_REMITTED)
    assert (journal.subject_id, journal.at) == (made.pk, AT)
    told = AuditEntry.objects.filter(action__startswith="tax.remittance").order_by("id")
    assert [(one.action, one.data["amount_fen"]) for one in told] == [
        ("tax.remittance.record", 80_000),
        ("tax.remittance.approve", 80_000),
    ]
    assert broken() == set()
    filed = tax.file_month(month=OCTOBER, receipt="F", by=officer("file_tax"), at=AT)
    assert filed.tax_fen == 80_000
    assert broken() == set()


def test_the_quick_look_at_journals_knows_remittances(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    transit = ledger.AccountKey("person", 1, "in_transit")
    kinds = ledger.JournalKind
    with transaction.atomic():
        withheld = ledger.Posting(kinds.TAX_WITHHELD, 1, [(transit, -5), (remittances.OWED, 5)])
        legs = [(remittances.OWED, -5), (remittances.CASH, 5)]
        ledger.post([withheld, ledger.Posting(kinds.TAX_REMITTED, 1, legs)], at=AT)
    (journals, *_) = [one for one in books.RULES if one.code == "I1 A3"]
    with django_assert_num_queries(4):  # no exact statement runs beside the quick one
        assert books.check(at=AT, rules=[journals]) == []


def test_what_is_withheld_late_is_a_delta_of_its_month_and_nothing_is_paid_twice(
    payee: Account,
) -> None:
    agree(record())
    with pytest.raises(remittances.NothingToRemit):
        record(receipt="R-2")
    pay(payee, LAST)
    pay(payee, LAST + timedelta(microseconds=1))
    with pytest.raises(remittances.ReceiptUsed):
        record()
    delta = record(receipt="R-2")
    assert (delta.kind, delta.amount_fen) == ("delta", 80_000)
    agree(delta)
    assert money() == (80_000, 160_000), "November's stays owed"
    with pytest.raises(remittances.NothingToRemit):
        record(month=date(2026, 11, 1), receipt="R-3")
    assert broken() == set()


def test_what_is_withheld_between_the_two_words_stays_owed(payee: Account) -> None:
    made = record()
    pay(payee, LAST)
    assert agree(made).amount_fen == 80_000
    assert money() == (80_000, 80_000)


def test_a_month_waits_for_one_checker_at_a_time_and_may_be_recorded_anew_once_rejected(
    payee: Account,
) -> None:
    made = record()
    with pytest.raises(remittances.RemittanceOpen):
        record(receipt="R-2")
    by = officer("approve_remittance")
    with pytest.raises(payouts.ReasonMissing):
        remittances.reject(remittance_id=made.pk, by=by, reason=" ", at=AT)
    remittances.reject(remittance_id=made.pk, by=by, reason="not on the statement", at=AT)
    for act in (
        agree,
        lambda row: remittances.reject(remittance_id=row.pk, by=by, reason="x", at=AT),
    ):
        with pytest.raises(WrongState):
            act(made)
    assert money() == (80_000, 0)
    agree(record())
    assert money() == (0, 80_000)
    assert broken() == set()


# ---------------------------------------------------------------- who and what is refused
def test_makers_record_and_checkers_agree_and_nobody_does_both(payee: Account) -> None:
    both = officer("record_remittance", "approve_remittance")
    for wrong in ("approve_remittance", "file_tax"):
        with pytest.raises(NotAllowed):
            record(by=officer(wrong))
    made = record(by=both)
    with pytest.raises(payouts.SamePerson):
        remittances.approve(remittance_id=made.pk, by=both, at=AT)
    with pytest.raises(NotAllowed):
        remittances.approve(remittance_id=made.pk, by=officer("record_remittance"), at=AT)
    with pytest.raises(NotAllowed):
        remittances.reject(remittance_id=made.pk, by=officer("file_tax"), reason="x", at=AT)
    with pytest.raises(NotFound):
        remittances.approve(remittance_id=made.pk + 1, by=both, at=AT)
    assert money() == (80_000, 0)
    remittances.reject(remittance_id=made.pk, by=both, reason="taken back", at=AT)


def test_what_was_not_owed_or_cannot_have_been_paid_is_not_recorded(payee: Account) -> None:
    changes: list[tuple[dict[str, object], type[Exception]]] = [
        ({"receipt": " "}, tax.ReceiptMissing),
        ({"paid_on": date(2026, 10, 31)}, remittances.PaidOnImpossible),
        ({"paid_on": date(2026, 11, 11)}, remittances.PaidOnImpossible),
        ({"month": date(2026, 9, 1)}, remittances.NothingToRemit),
        ({"month": date(2026, 11, 1)}, remittances.NothingToRemit),
        ({"at": LAST, "paid_on": date(2026, 10, 31)}, remittances.NothingToRemit),
    ]
    for change, refusal in changes:
        with pytest.raises(refusal):
            record(**change)
    assert not TaxRemittance.objects.exists()
    assert money() == (80_000, 0)
    # The first instant after the month is early enough.
    at = LAST + timedelta(microseconds=1)
    assert record(at=at, paid_on=date(2026, 11, 1)).amount_fen == 80_000


def test_the_database_refuses_other_facts(payee: Account) -> None:
    made = record()
    rows, said = TaxRemittance.objects.filter(pk=made.pk), "never changes"
    for change in ({"amount_fen": 1}, {"receipt": "other"}, {"month": date(2026, 9, 1)}):
        with pytest.raises(IntegrityError, match=said), transaction.atomic():
            rows.update(**change)
    with pytest.raises(IntegrityError, match=said), transaction.atomic():
        rows.delete()
    agree(made)
    with pytest.raises(IntegrityError, match=said), transaction.atomic():
        rows.update(status="rejected")


def test_the_database_refuses_more_than_was_withheld_and_one_person_for_both(
    payee: Account,
) -> None:
    made = record()
    facts = {
        name: getattr(made, name)
        for name in ("month", "begins_at", "ends_at", "channel", "paid_on", "recorded_at")
    }
    by, other = made.recorded_by, officer()
    wanted = {**facts, "kind": "whole", "status": "approved", "recorded_by": by, "decided_at": AT}
    for fen, decided_by, said in (
        (80_001, other, "more would be remitted"),
        (80_000, by, "tax_remittance_four_eyes"),
    ):
        with pytest.raises(IntegrityError, match=said), transaction.atomic():
            TaxRemittance.objects.create(
                **wanted, amount_fen=fen, receipt="R-9", decided_by=decided_by
            )
    TaxRemittance.objects.create(**wanted, amount_fen=80_000, receipt="R-9", decided_by=other)
    assert (
        "a remittance is agreed to by two, and its journal pays its amount out of the tax owed"
        in (broken())
    )
    with pytest.raises(remittances.NothingToRemit):
        agree(made)


# ---------------------------------------------------------------- the desk
def test_the_desk_says_what_is_owed_from_the_months_end_and_what_is_late_after_the_15th(
    payee: Account,
) -> None:
    for at, owed, late in (
        (LAST, 0, 0),
        (LAST + timedelta(microseconds=1), 1, 0),
        (datetime(2026, 11, 15, 15, 59, tzinfo=UTC), 1, 0),
        (datetime(2026, 11, 15, 16, 0, tzinfo=UTC), 1, 1),
    ):
        found = desk.figures(at=at)
        queues = {row.words: (row.count, row.alarm) for row in found.queues}
        assert queues["Months of tax to remit 待缴税款月份"] == (owed, False)
        assert queues["Tax past its 15th 逾期未缴税款"] == (late, bool(late))
        assert [month.due_on for month in found.tax_owed] == [date(2026, 11, 15)] * owed


def test_the_last_month_of_a_year_is_due_in_the_next() -> None:
    month = tax.Month(date(2026, 12, 1), 1, 500_000, 80_000, 80_000)
    assert (month.due_on, month.owed_fen) == (date(2027, 1, 15), 80_000)


def test_two_of_the_staff_remit_a_month_on_their_pages(
    payee: Account,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for module in ("remittances", "desk_page"):
        monkeypatch.setattr(f"commissions.admin.{module}.now", lambda: AT)
    monkeypatch.setattr("backend.core.deciding.now", lambda: AT)
    one = signed_in(officer("record_remittance", "view_taxremittance", "view_taxfiling"))
    page = one.get(LIST).content.decode()
    for words in ("2026-10", "owed 待缴 ¥800.00", "due by 截止 2026-11-15", "not filed"):
        assert words in page
    fields = {
        "month": "2026-10", "channel": "transfer", "paid_on": "2026-11-10", "receipt": "R-7",
        "amount_fen": "1",
    }  # fmt: skip
    _press(one, f"{LIST}record/", fields)
    row = TaxRemittance.objects.get()
    assert (row.amount_fen, row.channel) == (80_000, "transfer")
    assert "waits for a checker 待复核 ¥800.00" in one.get(LIST).content.decode()
    other = signed_in(officer("approve_remittance", "view_taxremittance"))
    path = f"{LIST}{row.pk}/approve_one/"
    assert "¥800.00" in other.get(path).content.decode()
    assert one.post(path, {"confirmed": "yes"}).status_code in (302, 403)
    assert money() == (80_000, 0)
    _press(other, path, {})
    assert money() == (0, 80_000)
    assert "nothing owed" in one.get(LIST).content.decode()
    assert acts()[-2:] == ["tax.remittance.record", "tax.remittance.approve"]
    with django_assert_num_queries(20, exact=False) as few:
        one.get(LIST)
    pay(payee, LAST)
    agree(record(receipt="R-8"))
    with django_assert_num_queries(len(few)):
        one.get(LIST)


def test_a_filing_says_whether_its_month_was_remitted(payee: Account) -> None:
    client = signed_in(officer("view_taxfiling"))
    filed = tax.file_month(month=OCTOBER, receipt="F", by=officer("file_tax"), at=AT)
    pages = ["/admin/commissions/taxfiling/", f"/admin/commissions/taxfiling/{filed.pk}/change/"]
    for page in pages:
        assert "¥0.00 未缴清" in client.get(page).content.decode()
    agree(record())
    for page in pages:
        shown = client.get(page).content.decode()
        assert "¥800.00" in shown
        assert "未缴清" not in shown


def _press(client: Client, path: str, fields: dict[str, str]) -> None:
    """Answers the page that asks; the code was shown just now."""
    assert client.post(path, {**fields, "confirmed": "yes"}).status_code == 302
