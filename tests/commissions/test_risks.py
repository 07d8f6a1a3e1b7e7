"""K19: what looks wrong is held with a reason, a person decides, and a false alarm stays one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from backend.core.errors import NotFound, WrongState
from backend.core.models import AuditEntry
from commissions import accruals, payees, risks, settlement, touches
from commissions.models import CommissionOrder, CommissionReversal, RiskCase
from commissions.settlement import ReasonRequired
from seeds.factories import (
    AccountFactory,
    AddressFactory,
    CouponCodeFactory,
    LockSettingFactory,
    PlanVersionFactory,
    PromotionLinkFactory,
    SkuFactory,
)
from shops.models import Checkout, OrderLine, Payment
from tests.commissions import money_out, sales
from tests.commissions.books_world import audited

AT = datetime(2026, 11, 2, 4, tzinfo=UTC)
DUE = AT + timedelta(days=8)
pytestmark = pytest.mark.django_db


class Market:
    """Linda's link; each buyer is somebody new unless one is given."""

    def __init__(self) -> None:
        PlanVersionFactory.create(starts_at=AT - timedelta(days=99), published_at=AT)
        self.sku = SkuFactory.create()
        self.link = PromotionLinkFactory.create(target_id=self.sku.product_id, created_at=AT)
        self.linda = self.link.promoter.account

    def sell(self, at: datetime = AT, **more: Any) -> CommissionOrder:
        fields = {"price_fen": 10_000, "referral_code": self.link.code} | more
        line = sales.sale(at=at, sku=self.sku, **fields)
        accruals.reconcile_orders([line.order_id], at=at)
        return CommissionOrder.objects.select_related("order_line__order").get(order_line=line)


@pytest.fixture
def market() -> Market:
    return Market()


def rules() -> list[str]:
    """The rules of the open cases."""
    found = RiskCase.objects.filter(status="open").order_by("commission_id", "rule")
    return list(found.values_list("rule", flat=True))


def held(order: CommissionOrder) -> str:
    order.refresh_from_db()
    return order.held_reason


def boss() -> Any:
    return AccountFactory.create(is_staff=True)


def paid_by(order: CommissionOrder, payer: str) -> None:
    """The order's checkout was paid by this payer."""
    _payment(order.order_line.order.checkout, payer)


def _payment(checkout: Checkout, payer: str) -> None:
    Payment.objects.create(
        checkout=checkout,
        provider="wechat_pay",
        transaction_id=f"t{checkout.pk}",
        amount_fen=checkout.total_fen,
        payer=payer,
        paid_at=AT,
        recorded_at=AT,
    )


# ---------------------------------------------------------------- the rules
def test_an_ordinary_sale_is_held_by_no_rule(market: Market) -> None:
    order = market.sell()
    assert (risks.scan(at=AT), risks.scan_all(at=AT), held(order)) == (0, 0, "")


def test_a_buyer_with_the_payees_phone_is_held(market: Market) -> None:
    """Known when the line was attributed, it earns nobody anything; known later, it is held."""
    order = market.sell(buyer=AccountFactory.create(phone="13800000001"))
    other = market.sell(buyer=AccountFactory.create(phone="13800000002"))
    market.linda.phone = "13800000001"
    market.linda.save(update_fields=["phone"])
    assert risks.scan(at=AT) == 1
    assert (held(order), held(other)) == ("risk_self_phone", "")
    case = RiskCase.objects.get()
    assert set(case.evidence) == {"buyer", "payee"}
    assert "13800000001" not in str(case.evidence)


def test_a_buyer_who_pays_as_the_payee_does_is_held(market: Market) -> None:
    own = sales.sale(at=AT, buyer=market.linda)
    _payment(own.order.checkout, "openid-linda")
    order, other = market.sell(), market.sell()
    paid_by(order, "openid-linda")
    paid_by(other, "openid-lily")
    risks.scan(at=AT)
    assert (held(order), held(other)) == ("risk_self_payer", "")


def test_the_sandboxs_payer_of_everybody_is_nobody(market: Market) -> None:
    own = sales.sale(at=AT, buyer=market.linda)
    order = market.sell()
    for checkout in (own.order.checkout, order.order_line.order.checkout):
        _payment(checkout, "sandbox-buyer")
    assert risks.scan(at=AT) == 0


def test_goods_delivered_to_the_payee_are_held(market: Market) -> None:
    home = AddressFactory.create(account=market.linda, region_code="310104", detail="一号 101")
    order, other = market.sell(), market.sell()
    for sold, detail in ((order, home.detail), (other, "一号 102")):
        Checkout.objects.filter(pk=sold.order_line.order.checkout_id).update(
            address={"region_code": "310104", "detail": detail, "phone": "", "receiver": ""}
        )
    risks.scan(at=AT)
    assert (held(order), held(other)) == ("risk_self_address", "")


@pytest.mark.parametrize(
    ("setting", "rule", "span"),
    [
        ("RISK_ORDERS_PER_HOUR", "velocity_hour", timedelta(hours=1)),
        ("RISK_ORDERS_PER_DAY", "velocity_day", timedelta(days=1)),
    ],
)
def test_more_orders_than_the_limit_are_held_from_the_first_above_it(
    market: Market, monkeypatch: pytest.MonkeyPatch, setting: str, rule: str, span: timedelta
) -> None:
    monkeypatch.setattr(settings, setting, 2)
    orders = [market.sell(at=AT + span / 10 * place) for place in range(4)]
    quiet = market.sell(at=AT + span * 3)
    assert risks.scan(at=AT) == 2
    assert [held(order) for order in orders] == ["", "", f"risk_{rule}", f"risk_{rule}"]
    assert held(quiet) == ""


def test_the_pace_of_one_payee_is_no_others(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "RISK_ORDERS_PER_HOUR", 1)
    other = PromotionLinkFactory.create(target_id=market.sku.product_id, created_at=AT)
    market.sell()
    market.sell(referral_code=other.code)
    assert risks.scan(at=AT) == 0


def test_two_who_are_paid_to_one_account_are_held(market: Market) -> None:
    order = market.sell()
    money_out.payee(market.linda, number="62220001")
    assert risks.scan(at=AT) == 0
    other = AccountFactory.create()
    money_out.payee(other, number="62220001")
    assert risks.scan(at=AT) == 1
    assert held(order) == "risk_shared_payee"
    assert RiskCase.objects.get().evidence["others"] == 1


def test_a_shared_account_that_is_out_of_use_holds_nobody(market: Market) -> None:
    market.sell()
    other = AccountFactory.create()
    for account in (market.linda, other):
        money_out.payee(account, number="62220001")
    payees.remove(account=other, payee_id=other.payee_accounts.get().pk)
    assert risks.scan(at=AT) == 0


@pytest.mark.parametrize("kind", ["referral", "promoter"])
def test_a_banned_source_is_held_until_the_ban_is_lifted(market: Market, kind: str) -> None:
    banned = market.link.pk if kind == "referral" else market.link.promoter_id
    ban = risks.ban(kind=kind, source_id=banned, by=boss(), reason="bought clicks", at=AT)
    order = market.sell()
    assert (risks.scan(at=AT), held(order)) == (1, "risk_banned_source")
    risks.lift(ban_id=ban.pk, by=boss(), reason="cleared", at=AT)
    market.sell()
    assert risks.scan(at=AT) == 0
    with pytest.raises(NotFound):
        risks.lift(ban_id=ban.pk, by=boss(), reason="again", at=AT)


def test_a_banned_coupon_code_and_the_lock_of_a_banned_link_are_held(market: Market) -> None:
    """What a code wins, and what is won by the lock that a click on the link began; not what
    another code wins."""
    shop, buyer = market.sku.product.shop, AccountFactory.create()
    LockSettingFactory.create(shop=shop, since=AT - timedelta(days=99))
    touches.record(code=market.link.code, visitor="", account=buyer, at=AT - timedelta(days=1))
    touches.store_touches()
    other = SkuFactory.create(product__shop=shop)
    codes = [CouponCodeFactory.create(shop=shop, starts_at=AT) for _ in range(2)]
    lines = [sales.sale(at=AT, sku=other, buyer=buyer)]
    for code in codes:
        lines.append(sales.sale(at=AT, sku=other))
        OrderLine.objects.filter(pk=lines[-1].pk).update(coupon_id=code.pk)
    accruals.reconcile_orders([line.order_id for line in lines], at=AT)
    won = [CommissionOrder.objects.get(order_line=line) for line in lines]
    assert [one.attribution.rule for one in won] == ["lock", "coupon", "coupon"]
    risks.ban(kind="coupon", source_id=codes[0].pk, by=boss(), reason="sold codes", at=AT)
    risks.ban(kind="referral", source_id=market.link.pk, by=boss(), reason="sold", at=AT)
    assert risks.scan(at=AT) == 2
    assert [held(one) for one in won] == ["risk_banned_source", "risk_banned_source", ""]


def test_a_ban_is_of_a_known_kind_with_a_reason_and_stands_once(market: Market) -> None:
    ban = {"kind": "referral", "source_id": market.link.pk, "by": boss(), "at": AT}
    with pytest.raises(ReasonRequired):
        risks.ban(**ban, reason=" ")
    with pytest.raises(risks.BanTooWide):
        risks.ban(**ban | {"kind": "everybody"}, reason="x")
    risks.ban(**ban, reason="x")
    with pytest.raises(risks.SourceBanned):
        risks.ban(**ban, reason="x")


# ---------------------------------------------------------------- holding
@pytest.mark.parametrize("rule", RiskCase.Rule.values)
def test_what_risk_holds_does_not_settle(market: Market, rule: str) -> None:
    """With each of the reasons; released, it settles."""
    order = market.sell()
    assert risks._open([(order.pk, rule, "{}")], AT) == 1
    sales.receive(order.order_line, AT)
    accruals.reconcile_orders([order.order_line.order_id], at=AT)
    assert held(order) == f"risk_{rule}"
    assert settlement.settle_due(at=DUE) is None
    assert sales.fen_of(market.linda, "available") == 0
    assert audited(AT) == []
    risks.release(case_id=RiskCase.objects.get().pk, by=boss(), reason="known", at=AT)
    assert settlement.settle_due(at=DUE) is not None
    assert sales.fen_of(market.linda, "available") == 1_600


def test_a_scan_sees_each_commission_once_a_rule(market: Market) -> None:
    risks.ban(kind="referral", source_id=market.link.pk, by=boss(), reason="x", at=AT)
    orders = [market.sell() for _ in range(3)]
    assert (risks.scan(at=AT), risks.scan(at=AT), risks.scan_all(at=AT, size=2)) == (3, 0, 0)
    assert {held(order) for order in orders} == {"risk_banned_source"}


def test_what_has_settled_is_left_alone(market: Market) -> None:
    order = market.sell()
    sales.receive(order.order_line, AT)
    accruals.reconcile_orders([order.order_line.order_id], at=AT)
    settlement.settle_due(at=DUE)
    risks.ban(kind="referral", source_id=market.link.pk, by=boss(), reason="x", at=AT)
    assert (risks.scan_all(at=AT), held(order)) == (0, "")


# ---------------------------------------------------------------- deciding
def test_a_false_alarm_is_not_raised_again_for_the_same_reason(market: Market) -> None:
    ban = risks.ban(kind="referral", source_id=market.link.pk, by=boss(), reason="x", at=AT)
    order = market.sell()
    risks.scan(at=AT)
    risks.release(case_id=RiskCase.objects.get().pk, by=boss(), reason="known", at=AT)
    assert (risks.scan(at=AT), risks.scan_all(at=AT), held(order)) == (0, 0, "")
    market.linda.phone = "13800000001"
    market.linda.save(update_fields=["phone"])
    order.order_line.order.buyer.phone = "13800000001"
    order.order_line.order.buyer.save(update_fields=["phone"])
    assert (risks.scan(at=AT), held(order)) == (1, "risk_self_phone"), "another reason may"
    assert ban.lifted_at is None


def test_two_cases_hold_until_both_are_released(market: Market) -> None:
    order = market.sell()
    risks._open([(order.pk, "self_phone", "{}"), (order.pk, "shared_payee", "{}")], AT)
    first, second = RiskCase.objects.order_by("rule")
    assert held(order) == "risk_self_phone"
    risks.release(case_id=first.pk, by=boss(), reason="a family", at=AT)
    assert held(order) == "risk_shared_payee"
    risks.release(case_id=second.pk, by=boss(), reason="a family", at=AT)
    assert held(order) == ""


def test_an_invalidated_commission_is_taken_back_by_a_reversal(market: Market) -> None:
    order = market.sell()
    risks._open([(order.pk, "self_phone", "{}"), (order.pk, "self_payer", "{}")], AT)
    case = RiskCase.objects.get(rule="self_phone")
    risks.invalidate(case_id=case.pk, by=boss(), reason="own phone", at=AT)
    order.refresh_from_db()
    assert (order.status, order.reason, order.held_reason) == ("invalid", "risk_self_phone", "")
    assert all(amount == back for amount, back in sales.splits(order).values())
    assert CommissionReversal.objects.get().refunded_fen == 10_000
    assert sales.fen_of(market.linda, "pending") == 0
    assert sales.house("platform", "pending") == 0
    assert rules() == []
    assert audited(AT) == []


def test_after_a_refund_only_the_rest_is_taken_back(market: Market) -> None:
    order = market.sell()
    sales.refund(order.order_line, 4_000)
    accruals.reconcile_orders([order.order_line.order_id], at=AT)
    risks._open([(order.pk, "self_phone", "{}")], AT)
    risks.invalidate(case_id=RiskCase.objects.get().pk, by=boss(), reason="x", at=AT)
    amounts = CommissionReversal.objects.order_by("id").values_list("amount_fen", flat=True)
    assert list(amounts) == [1_000, 1_500]
    sales.refund(order.order_line, 6_000)
    assert accruals.reconcile_orders([order.order_line.order_id], at=AT) == 0
    assert audited(AT) == []


def test_a_settled_commission_is_taken_back_from_what_is_available(market: Market) -> None:
    """Staff had held it for another reason; whatever lets it settle with its case open."""
    order = market.sell()
    settlement.hold(commission_id=order.pk, by=boss(), reason="a dispute", at=AT)
    risks._open([(order.pk, "self_phone", "{}")], AT)
    assert held(order) == "a dispute"
    settlement.release(commission_id=order.pk, by=boss(), reason="settled", at=AT)
    assert held(order) == "risk_self_phone", "released to its case, not to settlement"
    CommissionOrder.objects.filter(pk=order.pk).update(held_reason="")
    sales.receive(order.order_line, AT)
    accruals.reconcile_orders([order.order_line.order_id], at=AT)
    settlement.settle_due(at=DUE)
    risks.invalidate(case_id=RiskCase.objects.get().pk, by=boss(), reason="x", at=DUE)
    order.refresh_from_db()
    assert (order.status, order.reason) == ("settled", "risk_self_phone")
    assert sales.fen_of(market.linda, "available") == 0
    assert audited(AT) == []


def test_a_case_is_decided_once_with_a_reason(market: Market) -> None:
    order = market.sell()
    risks._open([(order.pk, "self_phone", "{}")], AT)
    case = RiskCase.objects.get()
    for decide in (risks.release, risks.invalidate):
        with pytest.raises(ReasonRequired):
            decide(case_id=case.pk, by=boss(), reason=" ", at=AT)
        with pytest.raises(NotFound):
            decide(case_id=10**9, by=boss(), reason="x", at=AT)
    risks.release(case_id=case.pk, by=boss(), reason="known", at=AT)
    with pytest.raises(WrongState):
        risks.invalidate(case_id=case.pk, by=boss(), reason="x", at=AT)
    assert CommissionOrder.objects.get().status == "estimated"
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["risk.release"]


def test_a_hold_of_risk_is_not_released_past_its_case(market: Market) -> None:
    order = market.sell()
    risks._open([(order.pk, "self_phone", "{}")], AT)
    with pytest.raises(WrongState):
        settlement.release(commission_id=order.pk, by=boss(), reason="x", at=AT)
    assert held(order) == "risk_self_phone"


def test_a_scan_of_many_costs_what_a_scan_of_one_costs(
    market: Market, django_assert_num_queries: Any
) -> None:
    risks.ban(kind="referral", source_id=market.link.pk, by=boss(), reason="x", at=AT)
    for _ in range(20):
        market.sell()
    with django_assert_num_queries(1 + 7 + 3):  # the newest, a rule each, one write in its block
        assert risks.scan(at=AT) == 20
