"""Tax withheld from payouts: identities, both methods, failures, certificates, filings. K5, A5."""

import csv
import io
from datetime import date, timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import IntegrityError, transaction
from pytest_django import Settings

from backend.accounts.models import Account
from backend.core.clock import now
from backend.core.errors import Invalid, NotAllowed, NotFound
from backend.core.models import AuditEntry
from commissions import books, ledger, payees, payouts, tax
from commissions.models import Payout, TaxFiling, TaxIdentity, TaxTable, TaxWithholding
from commissions.withholding import STATUTORY
from tests.cast import Person
from tests.commissions.money_out import (
    AT,
    FAIL,
    cash,
    checker,
    credit,
    earner,
    maker,
    money_of,
    officer,
    payee,
)
from tests.commissions.ruled import ID_CARD, NAME, id_card, rule, taxpayer

IDENTITY, CERTIFICATES = "/v1/me/tax-identity", "/v1/me/tax-certificates"
OWED = ledger.AccountKey("platform", 0, "tax")
pytestmark = pytest.mark.django_db


def taxed(fen: int = 5_000_000, method: str = "labour", **where: str) -> Account:
    """Somebody with money, an account to be paid on, and a tax identity."""
    account = earner(fen, **where)
    taxpayer(account)
    rule(tax_method=method)
    return account


def paid(account: Account, amount_fen: int, at: object = AT) -> Payout:
    """A payout that was sent."""
    payout = payouts.request(account=account, amount_fen=amount_fen, at=at)
    payouts.prepare(number=payout.number, by=maker(), at=at)
    payouts.approve(number=payout.number, by=checker(), at=at)
    payouts.send_payouts(at=at)
    payout.refresh_from_db()
    return payout


# These tests credit people by journals of a settlement that never was.
MADE_UP = {
    "a posting's journal moves its amount from pending to available",
    "a journal's id is made of its cause, and the cause exists",
}


def broken() -> set[str]:
    return {found.name for found in books.check(at=AT)} - MADE_UP


# ---------------------------------------------------------------- what is withheld
def test_what_is_shown_is_what_is_paid_and_the_tax_is_its_own_entry() -> None:
    account = taxed()
    payout = payouts.request(account=account, amount_fen=500_000, at=AT)
    assert (payout.tax_fen, payout.net_fen) == (80_000, 420_000)
    assert ledger.balance(OWED) == 0, "nothing is owed before it is paid"
    payouts.prepare(number=payout.number, by=maker(), at=AT)
    payouts.approve(number=payout.number, by=checker(), at=AT)
    payouts.send_payouts(at=AT)
    assert money_of(account) == (4_500_000, 0)
    assert (cash(), ledger.balance(OWED)) == (420_000, 80_000)
    row = TaxWithholding.objects.get()
    assert (row.income_fen, row.taxable_fen, row.rate_bps, row.tax_fen) == (
        500_000,
        400_000,
        2_000,
        80_000,
    )
    assert "2018年第61号" in row.table.source
    assert broken() == set()


def test_a_failed_payout_gives_the_tax_back_and_leaves_the_year() -> None:
    account = taxed(10_000_000, "cumulative", number=FAIL)
    lost = paid(account, 5_000_000)
    assert (lost.status, lost.tax_fen) == ("failed", 105_000)
    assert money_of(account) == (10_000_000, 0)
    assert ledger.balance(OWED) == 0
    payee(account)
    assert paid(account, 5_000_000).tax_fen == 105_000
    assert ledger.balance(OWED) == 105_000
    assert broken() == set()


def test_the_cumulative_method_carries_the_year_on() -> None:
    account = taxed(20_000_000, "cumulative")
    first = paid(account, 1_000_000)
    same_month = paid(account, 1_000_000, AT + timedelta(days=3))
    next_month = paid(account, 6_000_000, AT + timedelta(days=20))
    next_year = paid(account, 1_000_000, AT + timedelta(days=45))
    # 10,000 × 80 % − 5,000 = 3,000 at 3 %; with 20,000: 11,000 at 3 %, less 90; …
    assert [one.tax_fen for one in (first, same_month, next_month, next_year)] == [
        9_000,
        24_000,
        255_000,
        9_000,
    ]
    rows = TaxWithholding.objects.order_by("id").values_list("earlier_tax_fen", "months")
    assert list(rows) == [(0, 1), (9_000, 1), (33_000, 2), (0, 1)]
    assert broken() == set()


def test_what_is_on_its_way_counts_and_what_came_back_does_not() -> None:
    account = taxed(20_000_000, "cumulative")
    waiting = payouts.request(account=account, amount_fen=1_000_000, at=AT)
    second = payouts.request(account=account, amount_fen=1_000_000, at=AT)
    assert (waiting.tax_fen, second.tax_fen) == (9_000, 24_000)
    payouts.cancel(account=account, number=waiting.number, at=AT)
    # 24,000 were withheld of what is now the first: the next one is asked for less.
    third = payouts.request(account=account, amount_fen=1_000_000, at=AT)
    assert (third.tax_fen, second.tax_fen + third.tax_fen) == (9_000, 33_000)


def test_labour_looks_at_each_payment_alone() -> None:
    account = taxed()
    assert [paid(account, 100_000).tax_fen for _ in range(2)] == [4_000, 4_000]
    assert paid(account, 80_000).tax_fen == 0


def test_without_a_method_nobody_is_asked_who_they_are() -> None:
    assert paid(earner(), 1_000).tax_fen == 0
    assert not TaxWithholding.objects.exists()


def test_without_an_identity_or_in_another_name_nothing_is_paid() -> None:
    account = earner(500_000)
    rule(tax_method="labour")
    with pytest.raises(tax.TaxIdentityMissing):
        payouts.request(account=account, amount_fen=100_000, at=AT)
    taxpayer(account, name="王小鱼")
    with pytest.raises(payouts.PayeeNameDiffers):
        payouts.request(account=account, amount_fen=100_000, at=AT)
    assert money_of(account) == (500_000, 0)
    taxpayer(account)
    payouts.request(account=account, amount_fen=100_000, at=AT)


def test_fee_and_tax_together_never_take_all_of_it() -> None:
    account = earner(500_000)
    taxpayer(account)
    rule(tax_method="labour", fee_bps=5_000, fee_fen=50_000)
    with pytest.raises(payouts.NothingArrives):
        payouts.request(account=account, amount_fen=101_000, at=AT)
    assert money_of(account) == (500_000, 0)


def test_what_was_withheld_is_never_edited() -> None:
    paid(taxed(), 500_000)
    for rows in (TaxWithholding.objects.all(), TaxTable.objects.all()):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            rows.update(source="x") if rows.model is TaxTable else rows.update(tax_fen=1)


# ---------------------------------------------------------------- tables
def test_a_later_table_holds_from_its_day_on() -> None:
    from dataclasses import replace

    by = officer("publish_payoutrule")
    later = replace(STATUTORY[0], effective_from=date(2027, 1, 1), small_deduction_fen=100_000)
    for wrong in (
        replace(later, effective_from=date(2026, 11, 22)),
        replace(later, source=" "),
        replace(later, brackets=later.brackets[:1]),
    ):
        with pytest.raises(tax.TableNotPossible):
            tax.publish_table(table=wrong, by=by, at=AT)
    with pytest.raises(NotAllowed):
        tax.publish_table(table=later, by=maker(), at=AT)
    made = tax.publish_table(table=later, by=by, at=AT)
    assert tax.table_at("labour", date(2026, 12, 31)).effective_from == date(2019, 1, 1)
    assert tax.table_at("labour", date(2027, 1, 1)) == made
    with pytest.raises(tax.TableNotPossible):
        tax.publish_table(table=later, by=by, at=AT)


# ---------------------------------------------------------------- who somebody is
def test_an_identity_is_sealed_masked_and_one_persons_alone(linda: Person, ella: Person) -> None:
    fields = {"real_name": NAME, "number": ID_CARD.lower()}
    assert linda.client.get(IDENTITY).status_code == 404
    body = linda.client.put(IDENTITY, fields, format="json").json()
    assert body["number_masked"] == "110***********002X"
    assert linda.client.put(IDENTITY, fields, format="json").json() == body
    row = TaxIdentity.objects.get()
    assert ID_CARD.encode() not in bytes(row.number_sealed)
    assert tax.clear(row).number == ID_CARD
    assert NAME not in repr(tax.clear(row))
    taken = ella.client.put(IDENTITY, fields, format="json")
    assert (taken.status_code, taken.json()["code"]) == (409, "tax_identity_taken")
    other = {"real_name": NAME, "number": id_card(1)}
    linda.client.put(IDENTITY, other, format="json")
    assert TaxIdentity.objects.filter(is_active=True).count() == 1
    assert ella.client.put(IDENTITY, fields, format="json").status_code == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": "110105194912310021"}, "bad_tax_identity"),
        ({"number": "110105194913310026"}, "bad_tax_identity"),
        ({"number": "123"}, "bad_tax_identity"),
        ({"real_name": "李4"}, "bad_holder_name"),
        ({"extra": 1}, "invalid"),
    ],
)
def test_a_number_or_name_that_cannot_be_is_refused(
    linda: Person, change: dict[str, object], code: str
) -> None:
    fields = {"real_name": NAME, "number": ID_CARD, **change}
    answer = linda.client.put(IDENTITY, fields, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not TaxIdentity.objects.exists()


def test_staff_see_and_retire_an_identity_with_a_right_a_reason_and_a_trace() -> None:
    account = earner()
    taxpayer(account)
    row = TaxIdentity.objects.get()
    by = officer("unmask_taxidentity")
    with pytest.raises(NotAllowed):
        tax.unmask(identity_id=row.pk, by=maker(), reason="why", at=AT)
    with pytest.raises(Invalid):
        tax.unmask(identity_id=row.pk, by=by, reason="", at=AT)
    assert tax.unmask(identity_id=row.pk, by=by, reason="the office asks", at=AT).number == ID_CARD
    tax.retire(identity_id=row.pk, by=by, reason="another's card", at=AT)
    with pytest.raises(NotFound):
        tax.retire(identity_id=row.pk, by=by, reason="again", at=AT)
    taxpayer(earner())
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        "tax_identity.unmask",
        "tax_identity.retire",
    ]


def test_keys_rotate_for_identities_too(settings: Settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_KEYS = [old]
    account = earner()
    taxpayer(account)
    settings.FIELD_KEYS = [new, old]
    taxpayer(account)
    assert TaxIdentity.objects.count() == 1
    call_command("reseal", stdout=io.StringIO())
    settings.FIELD_KEYS = [new]
    assert tax.clear(TaxIdentity.objects.get()).number == ID_CARD
    with pytest.raises(tax.IdentityTaken):
        taxpayer(earner())


# ---------------------------------------------------------------- certificate and filing
def test_a_payee_has_a_certificate_of_the_year_and_a_page_to_print(
    linda: Person, mallory: Person
) -> None:
    credit(linda.account, 5_000_000)
    payee(linda.account)
    taxpayer(linda.account)
    rule(now() - timedelta(minutes=1), tax_method="labour")
    at = now()
    one, two = paid(linda.account, 500_000, at), paid(linda.account, 100_000, at)
    payouts.request(account=linda.account, amount_fen=100_000, at=at)
    year = one.finished_at.astimezone().year
    assert linda.client.get(CERTIFICATES).json() == {"years": [year]}
    body = linda.client.get(f"{CERTIFICATES}/{year}").json()
    sums = (body["payments"], body["income_fen"], body["tax_fen"], body["final"])
    assert sums == (2, 600_000, one.tax_fen + two.tax_fen, False)
    assert (body["payee_name_masked"], body["payee_number_masked"]) == (
        "李**",
        "110***********002X",
    )
    assert ledger.balance(OWED) == body["tax_fen"] == 84_000
    assert linda.client.get(f"{CERTIFICATES}/{year}").json()["digest"] == body["digest"]
    page = linda.client.get(f"{CERTIFICATES}/{year}/page")
    assert page["Content-Type"].startswith("text/html")
    for word in (body["number"], "6,000.00", "840.00", body["digest"], "2018年第61号"):
        assert word in page.content.decode()
    assert mallory.client.get(f"{CERTIFICATES}/{year}").status_code == 404
    assert linda.client.get(f"{CERTIFICATES}/{year - 1}").status_code == 404
    assert mallory.client.get(CERTIFICATES).json() == {"years": []}


def test_a_months_file_is_the_ledgers_sums_and_the_month_is_filed_once() -> None:
    account = taxed()
    paid(account, 500_000)
    paid(account, 100_000)
    paid(account, 100_000, AT + timedelta(days=20))
    month = date(2026, 11, 1)
    by = officer("file_tax")
    with pytest.raises(NotAllowed):
        tax.export(month=month, kind="csv", by=maker(), at=AT)
    with pytest.raises(NotFound):
        tax.export(month=month, kind="pdf", by=by, at=AT)
    content = b"".join(tax.export(month=month, kind="csv", by=by, at=AT)).decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(content)))
    assert (lines[1][1], lines[1][3], lines[1][6], lines[1][-1]) == (
        NAME,
        ID_CARD,
        "5000.00",
        "800.00",
    )
    assert (lines[-1][0], lines[-1][1], lines[-1][6], lines[-1][-1]) == (
        "TOTAL",
        "2",
        "6000.00",
        "840.00",
    )
    assert b"".join(tax.export(month=month, kind="xlsx", by=by, at=AT)).startswith(b"PK")
    with pytest.raises(tax.MonthNotOver):
        tax.file_month(month=month, receipt="R1", by=by, at=AT)
    later = AT + timedelta(days=30)
    assert [one.tax_fen for one in tax.months_to_file(at=later)] == [84_000]
    with pytest.raises(tax.ReceiptMissing):
        tax.file_month(month=month, receipt=" ", by=by, at=later)
    filed = tax.file_month(month=month, receipt="R1", by=by, at=later)
    assert (filed.payments, filed.income_fen, filed.tax_fen) == (2, 600_000, 84_000)
    with pytest.raises(tax.AlreadyFiled):
        tax.file_month(month=month, receipt="R2", by=by, at=later)
    assert tax.months_to_file(at=later) == []
    assert TaxFiling.objects.count() == 1
    assert broken() == set()


# ---------------------------------------------------------------- payees of other kinds
@pytest.mark.parametrize(
    ("provider", "number", "masked"),
    [
        ("wechat", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "**** eS6o"),
        ("alipay", "13800138000", "**** 8000"),
        ("alipay", "2088102146225135", "**** 5135"),
        ("alipay", "linda@example.com", "l***@example.com"),
        ("wechat", "oUpF8u", None),
        ("wechat", "oUpF8uMuAJO M2pxb1Q9zNjWeS6o", None),
        ("alipay", "12345678901", None),
        ("alipay", "linda@", None),
        ("alipay", "=cmd@example.com", None),
    ],
)
def test_wallets_are_told_by_their_own_numbers(
    linda: Person, monkeypatch: pytest.MonkeyPatch, provider: str, number: str, masked: str | None
) -> None:
    fields = {"provider": provider, "holder_name": NAME, "number": number}
    monkeypatch.setattr(payees, "CHANNELS", {"sandbox": object()})
    closed = linda.client.post("/v1/me/payee-accounts", fields, format="json")
    assert (closed.status_code, closed.json()["code"]) == (422, "provider_closed")
    monkeypatch.setattr(payees, "CHANNELS", {provider: object()})
    answer = linda.client.post("/v1/me/payee-accounts", fields, format="json")
    if masked is None:
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_account_number")
    else:
        assert (answer.status_code, answer.json()["number_masked"]) == (201, masked)


def test_a_name_is_letters_and_a_dot_is_one_dot(linda: Person) -> None:
    for given, kept in (("阿依古丽•买买提", "阿依古丽·买买提"), ("Anna  O'Neil", "Anna O'Neil")):
        row = payees.add(
            account=linda.account, provider="sandbox", holder_name=given, number="62220001", at=AT
        )
        assert payees.clear(row).holder_name == kept
    for wrong in ("=1+1", "李4", "6222020000000000034", "a" * 41):
        with pytest.raises(Invalid):
            payees.add(
                account=linda.account, provider="sandbox", holder_name=wrong, number="1234", at=AT
            )
