"""Self-purchase (K3) by account, phone, payer and address: the complaint "self-referral through
another account" (AffiliateWP #519). Findings are words alone, no personal data."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.accounts.models import Account
from commissions import accruals, promoters
from commissions.models import Attribution, CommissionOrder
from notes.models import NoteProduct
from seeds.factories import (
    AccountFactory,
    AddressFactory,
    AgencyEdgeFactory,
    AgencyFactory,
    CommissionOfferFactory,
    NoteFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
    TouchFactory,
)
from shops import checkout
from shops.models import Checkout, Payment, Sku
from tests.commissions import sales

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HOME = {
    "receiver": "李小鱼",
    "phone": "13911112222",
    "region_code": "310104",
    "detail": "共富路 1 号 602",
}
pytestmark = pytest.mark.django_db


@pytest.fixture
def sku() -> Sku:
    return SkuFactory.create()


def paid(checkout_id: int, payer: str) -> None:
    Payment.objects.create(
        checkout_id=checkout_id,
        provider="sandbox",
        transaction_id=f"t{checkout_id}",
        amount_fen=1,
        payer=payer,
        paid_at=AT,
        recorded_at=AT,
    )


def sold(sku: Sku, **fields: Any) -> Any:
    """A line delivered to HOME, paid by "openid-1", of a buyer with the phone of HOME."""
    buyer = fields.pop("buyer", None) or AccountFactory.create(phone="13700000000")
    line = sales.sale(at=AT, sku=sku, buyer=buyer, **fields)
    Checkout.objects.filter(pk=line.order.checkout_id).update(address=HOME)
    paid(line.order.checkout_id, "openid-1")
    return line


def share(account: Account, what: str) -> None:
    """The account has this in common with the buyer of `sold`."""
    if what == "phone":
        Account.objects.filter(pk=account.pk).update(phone=HOME["phone"])
    elif what == "address book":
        AddressFactory.create(account=account, phone=HOME["phone"])
    elif what == "address":
        AddressFactory.create(
            account=account, region_code=HOME["region_code"], detail=HOME["detail"]
        )
    elif what == "payer":
        other = sales.sale(at=AT, buyer=account)
        paid(other.order.checkout_id, "openid-1")
    else:
        assert what == "nothing"


def test_the_payer_that_the_sandbox_makes_up_is_nobody(sku: Sku) -> None:
    account = AccountFactory.create()
    line = sold(sku, **through(sku, "link", account))
    own = sales.sale(at=AT, buyer=account)
    for checkout_id in (line.order.checkout_id, own.order.checkout_id):
        Payment.objects.filter(checkout_id=checkout_id).delete()
        paid(checkout_id, "sandbox-buyer")
    assert decided(line).rule == "named"


def decided(line: Any) -> Attribution:
    accruals.reconcile_orders([line.order_id], at=AT)
    return Attribution.objects.get(order_line=line)


def through(sku: Sku, chain: str, account: Account) -> dict[str, Any]:
    """The account earns by the line: by a link, or by a note named at checkout."""
    if chain == "link":
        promoter = PromoterFactory.create(account=account)
        link = PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
        return {"referral_code": link.code}
    note = NoteFactory.create(author=account)
    NoteProduct.objects.create(note=note, product=sku.product, origin="others")
    return {"source": ("note", note.pk)}


@pytest.mark.parametrize("chain", ["link", "note"])
@pytest.mark.parametrize(
    ("what", "finding"),
    [
        ("nothing", None),
        ("phone", "self_phone"),
        ("address book", "self_phone"),
        ("payer", "self_payer"),
        ("address", "self_address"),
    ],
)
def test_another_account_of_the_buyer_earns_nothing_and_the_finding_is_a_word(
    sku: Sku, chain: str, what: str, finding: str | None
) -> None:
    other = AccountFactory.create()
    named = through(sku, chain, other)
    share(other, what)
    found = decided(sold(sku, **named))
    if finding is None:
        assert (found.rule, found.findings) == ("named", [])
        return
    assert (found.rule, found.findings) == ("none", [finding])
    assert [lost["reason"] for lost in found.losers] == [finding]
    assert CommissionOrder.objects.get(attribution=found).budget_fen == 0
    told = f"{found.losers}{found.findings}"
    assert not [text for text in (*HOME.values(), "openid-1") if text in told]


def test_several_things_in_common_are_several_findings(sku: Sku) -> None:
    other = AccountFactory.create()
    named = through(sku, "link", other)
    for what in ("address", "payer", "phone"):
        share(other, what)
    found = decided(sold(sku, **named))
    assert found.findings == ["self_phone", "self_payer", "self_address"]
    assert found.losers[0]["reason"] == "self_phone"


def test_an_honest_earlier_touch_still_earns(sku: Sku) -> None:
    buyer, other = AccountFactory.create(), AccountFactory.create()
    honest = PromotionLinkFactory.create(target_id=sku.product_id)
    TouchFactory.create(link=honest, account=buyer, at=AT - HOUR)
    named = through(sku, "link", other)
    share(other, "address")
    found = decided(sold(sku, buyer=buyer, **named))
    assert (found.rule, found.promoter_id) == ("last_touch", honest.promoter_id)
    assert found.findings == ["self_address"]


@pytest.mark.parametrize(
    ("what", "finding"),
    [("phone", "inviter_phone"), ("payer", "inviter_payer"), ("address", "inviter_address")],
)
def test_an_inviter_who_is_the_buyer_by_another_account_has_no_share(
    sku: Sku, what: str, finding: str
) -> None:
    inviter = PromoterFactory.create()
    share(inviter.account, what)
    promoter = PromoterFactory.create(sponsor=inviter)
    link = PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
    found = decided(sold(sku, referral_code=link.code))
    assert (found.promoter_id, found.inviter_id) == (promoter.pk, None)
    assert found.findings == [finding]


@pytest.mark.parametrize("what", ["phone", "payer", "address"])
def test_an_agency_that_is_the_buyer_by_another_account_is_passed_on_nothing(
    sku: Sku, what: str
) -> None:
    """Its member keeps the part."""
    agency = AgencyFactory.create(created_at=AT - DAY)
    share(agency.owner, what)
    promoter = PromoterFactory.create(joined_at=AT - DAY)
    AgencyEdgeFactory.create(agency=agency, promoter=promoter, from_at=AT - DAY)
    link = PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
    found = decided(sold(sku, referral_code=link.code))
    assert (found.promoter_id, found.membership_id) == (promoter.pk, None)
    assert found.findings == [f"agency_{what}"]
    roles = CommissionOrder.objects.get(attribution=found).splits.values_list("role", flat=True)
    assert "agency" not in set(roles)


def test_the_inviter_of_the_orders_day_is_compared_after_a_re_parent(sku: Sku) -> None:
    """Whom the dated edge names, not whom the column names today."""
    then, now = (PromoterFactory.create(joined_at=AT - DAY) for _ in range(2))
    share(then.account, "phone")
    promoter = PromoterFactory.create(sponsor=then, joined_at=AT - DAY)
    link = PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
    line = sold(sku, referral_code=link.code)
    promoters.change_sponsor(
        promoter_id=promoter.pk, sponsor_id=now.pk, by=None, reason="x", at=AT + HOUR
    )
    found = decided(line)
    assert (found.promoter_id, found.inviter_id) == (promoter.pk, None)
    assert found.findings == ["inviter_phone"]


def test_a_market_that_pays_for_it_keeps_the_finding(sku: Sku, settings: Any) -> None:
    settings.SELF_PURCHASE = "commission"
    other = AccountFactory.create()
    named = through(sku, "link", other)
    share(other, "payer")
    found = decided(sold(sku, **named))
    assert (found.rule, found.findings) == ("named", ["self_payer"])


def test_a_market_may_leave_a_comparison_out(sku: Sku, settings: Any) -> None:
    settings.SELF_PURCHASE_COMPARES = ["phone", "payer"]
    other = AccountFactory.create()
    named = through(sku, "link", other)
    share(other, "address")
    assert decided(sold(sku, **named)).findings == []


def test_the_discount_market_takes_the_commission_off_the_own_purchase(
    sku: Sku, settings: Any
) -> None:
    """129.00 with 20 % commission: the promoter pays 103.20, and nobody earns."""
    settings.SELF_PURCHASE = "discount"
    CommissionOfferFactory.create(product=sku.product, starts_at=AT - HOUR)
    buyer = AccountFactory.create()
    promoter = PromoterFactory.create(account=buyer)
    link = PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
    touch = TouchFactory.create(link=link, account=buyer, at=AT)
    lines = [checkout.LineRequest(sku.pk, 1)]
    own = checkout.quote(buyer=buyer, lines=lines, at=AT, click_id=touch.click_id)
    assert own.total_fen == 10_320
    stranger = AccountFactory.create()
    theirs = checkout.quote(buyer=stranger, lines=lines, at=AT, click_id=touch.click_id)
    assert theirs.total_fen == 12_900
    found = decided(sold(sku, buyer=buyer, referral_code=link.code))
    assert (found.rule, found.findings) == ("none", ["self_purchase"])
