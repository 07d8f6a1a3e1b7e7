"""Coupon codes 优惠码 (K3): named at checkout they win over everything, the complaint "coupon
against link decided nowhere" (AffiliateWP #2278); what they take off is computed here, and the shop
pays it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from backend.core.errors import NotFound, Refusal
from commissions import accruals, books, coupons
from commissions.models import Attribution, CommissionOrder, CouponCode
from notes.models import NoteProduct
from seeds.factories import (
    AccountFactory,
    AddressFactory,
    CommissionOfferFactory,
    CouponCodeFactory,
    NoteFactory,
    PromoterFactory,
    PromotionLinkFactory,
    ShopFactory,
    SkuFactory,
    TouchFactory,
)
from shops import checkout, payments, pricing
from shops.models import Checkout, Order, OrderLine, Sku
from tests.cast import Person

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def sku() -> Sku:
    """129.00 yuan, 20 % commission."""
    made = SkuFactory.create()
    CommissionOfferFactory.create(product=made.product, starts_at=AT - DAY)
    return made


def code_of(sku: Sku, **fields: Any) -> CouponCode:
    made: CouponCode = CouponCodeFactory.create(shop=sku.product.shop, starts_at=AT - DAY, **fields)
    return made


def bought(sku: Sku, *, qty: int = 1, total: int | None = None, **named: Any) -> OrderLine:
    """Placed, paid and accrued; the line of this SKU."""
    buyer = named.pop("buyer", None) or AccountFactory.create()
    source = named.pop("source", ("", None))
    lines = [checkout.LineRequest(sku.pk, qty, *source)]
    if total is None:
        total = checkout.quote(buyer=buyer, lines=lines, at=AT, **named).total_fen
    placed = checkout.place(
        buyer=buyer,
        lines=lines,
        address_id=AddressFactory.create(account=buyer).pk,
        expected_total_fen=total,
        at=AT,
        **named,
    )
    payments.record_payment(
        provider="sandbox",
        notice_id=f"n{placed.pk}",
        transaction_id=f"t{placed.pk}",
        checkout_number=placed.number,
        amount_fen=placed.total_fen,
        payer="",
        paid_at=AT,
        at=AT,
    )
    line = OrderLine.objects.get(order__checkout=placed)
    accruals.reconcile_orders([line.order_id], at=AT)
    return line


def decided(line: OrderLine) -> Attribution:
    return Attribution.objects.get(order_line=line)


def test_a_coupon_stands_above_the_named_link_and_the_note_and_every_touch(sku: Sku) -> None:
    buyer, code = AccountFactory.create(), code_of(sku)
    link = PromotionLinkFactory.create(target_id=sku.product_id)
    click = TouchFactory.create(link=link, account=buyer, at=AT - HOUR)
    note = NoteFactory.create(status="published")
    NoteProduct.objects.create(note=note, product=sku.product, origin="others")
    line = bought(
        sku,
        buyer=buyer,
        click_id=click.click_id,
        coupon_code=code.code.lower(),
        source=("note", note.pk),
    )
    found = decided(line)
    assert (found.rule, found.source_kind, found.source_id) == ("coupon", "coupon", code.pk)
    assert found.promoter_id == code.promoter_id
    assert [(lost["kind"], lost["reason"]) for lost in found.losers] == [
        ("referral", "outranked"),
        ("note", "outranked"),
    ]
    assert not [one for one in books.check(at=AT) if one.code == "I8"]


def test_a_creators_code_pays_the_creator(sku: Sku) -> None:
    creator = AccountFactory.create()
    code = code_of(sku, promoter=None, creator=creator)
    found = decided(bought(sku, coupon_code=code.code))
    assert (found.rule, found.creator_id, found.promoter_id) == ("coupon", creator.pk, None)


def test_the_discount_is_the_shops_and_the_commission_is_of_what_was_paid(sku: Sku) -> None:
    """129.00 × 3 at 12.5 % off: 387.00 − 48.38 (half-even of 48.375) = 338.62; 20 % of it."""
    code = code_of(sku, discount_bps=1_250)
    line = bought(sku, qty=3, coupon_code=code.code)
    assert (line.discount_fen, line.payable_fen, line.paid_fen) == (4_838, 33_862, 33_862)
    order = Order.objects.get(pk=line.order_id)
    assert (order.goods_fen, order.discount_fen, order.payable_fen) == (38_700, 4_838, 33_862)
    commission = CommissionOrder.objects.get(order_line=line)
    assert (commission.base_fen, commission.budget_fen) == (33_862, 6_772)


def test_a_quote_shows_what_the_code_takes_off_and_the_client_computes_nothing(
    sku: Sku, lily: Person
) -> None:
    # The door reads the clock: the code counts from now on.
    code = CouponCodeFactory.create(shop=sku.product.shop, discount_bps=1_000)
    body = {"lines": [{"sku": sku.pk, "qty": 1}], "coupon_code": code.code}
    answer = lily.client.post("/v1/checkouts/quote", body, format="json").json()
    (order,) = answer["orders"]
    assert (order["goods_fen"], order["discount_fen"], order["payable_fen"]) == (
        12_900,
        1_290,
        11_610,
    )
    assert order["lines"][0]["discount_fen"] == 1_290
    assert answer["total_fen"] == 11_610
    forged = {**body, "discount_fen": 12_000}
    assert lily.client.post("/v1/checkouts/quote", forged, format="json").status_code == 422


def test_a_code_counts_for_its_own_shops_goods_alone(sku: Sku) -> None:
    elsewhere, code = SkuFactory.create(), code_of(sku, discount_bps=1_000)
    buyer = AccountFactory.create()
    lines = [checkout.LineRequest(one.pk, 1) for one in (sku, elsewhere)]
    found = checkout.quote(buyer=buyer, lines=lines, at=AT, coupon_code=code.code)
    assert {b.shop.pk: b.discount_fen for b in found.baskets} == {
        sku.product.shop_id: 1_290,
        elsewhere.product.shop_id: 0,
    }


@pytest.mark.parametrize(
    ("case", "refusal"),
    [
        ("unknown", pricing.CouponUnknown),
        ("malformed", pricing.CouponUnknown),
        ("ended", pricing.CouponOver),
        ("not yet", pricing.CouponOver),
        ("another shop's", pricing.CouponElsewhere),
    ],
)
def test_a_code_that_does_not_count_is_refused_and_nothing_is_placed(
    sku: Sku, case: str, refusal: type[Refusal]
) -> None:
    codes = {
        "unknown": "NOBODYS",
        "malformed": "a'; --",
        "ended": code_of(sku, ends_at=AT).code,
        "not yet": CouponCodeFactory.create(shop=sku.product.shop, starts_at=AT + DAY).code,
        "another shop's": CouponCodeFactory.create(starts_at=AT - DAY).code,
    }
    with pytest.raises(refusal):
        bought(sku, total=12_900, coupon_code=codes[case])
    assert not Checkout.objects.exists()


def test_a_total_without_the_discount_is_another_total(sku: Sku) -> None:
    code = code_of(sku, discount_bps=1_000)
    with pytest.raises(checkout.PriceChanged):
        bought(sku, total=12_900, coupon_code=code.code)
    assert not Checkout.objects.exists()


def test_a_code_used_before_it_ended_stays_its_holders(sku: Sku) -> None:
    code = code_of(sku)
    line = bought(sku, coupon_code=code.code)
    shop = sku.product.shop
    coupons.end(account=shop.account, shop_id=shop.pk, code=code.code, at=AT + HOUR)
    coupons.end(account=shop.account, shop_id=shop.pk, code=code.code, at=AT + 2 * HOUR)
    code.refresh_from_db()
    assert code.ends_at == AT + HOUR
    assert decided(line).promoter_id == code.promoter_id


def test_the_database_lets_no_given_code_change_its_holder(sku: Sku) -> None:
    code_of(sku)
    for change in ("discount_bps = 1", "code = 'OTHER1'", "promoter_id = NULL, creator_id = 1"):
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            connection.cursor().execute(f"UPDATE commissions_couponcode SET {change}")


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"holder": "nobody_here"}, coupons.HolderUnknown),
        ({"holder": "frozen_one"}, coupons.HolderUnknown),
        ({"holder": "keeper", "role": "creator"}, coupons.HolderUnknown),
        ({"holder": "linda", "code": "a b"}, coupons.CouponMalformed),
        ({"holder": "linda", "ends_at": AT}, coupons.CouponMalformed),
        ({"holder": "linda", "discount_bps": 5_001}, coupons.CouponTooGenerous),
        ({"holder": "linda", "code": "taken1"}, coupons.CouponTaken),
    ],
)
def test_what_a_shop_may_not_give(fields: dict[str, Any], refusal: type[Refusal]) -> None:
    shop = ShopFactory.create(account__handle="keeper")
    PromoterFactory.create(account__handle="linda")
    PromoterFactory.create(account__handle="frozen_one", status="frozen")
    CouponCodeFactory.create(code="TAKEN1")
    with pytest.raises(refusal):
        coupons.give(account=shop.account, shop_id=shop.pk, at=AT, **fields)
    assert CouponCode.objects.count() == 1


def test_a_shop_gives_lists_and_ends_codes_and_nobody_else_does(
    selena: Person, linda: Person, mallory: Person
) -> None:
    shop = ShopFactory.create(account=selena.account)
    PromoterFactory.create(account=linda.account)
    path = f"/v1/shops/{shop.pk}/coupon-codes"
    body = {"holder": "linda", "code": "linda10", "discount_bps": 1_000}
    answer = selena.client.post(path, body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (201, "LINDA10")
    assert mallory.client.post(path, body, format="json").status_code == 404
    assert mallory.client.get(path).status_code == 404
    assert mallory.client.delete(f"{path}/LINDA10").status_code == 404
    (mine,) = linda.client.get("/v1/me/coupon-codes").json()["results"]
    assert (mine["code"], mine["role"], mine["holder"]) == ("LINDA10", "promoter", "linda")
    assert selena.client.delete(f"{path}/LINDA10").status_code == 204
    (seen,) = selena.client.get(path).json()["results"]
    assert seen["ends_at"] is not None
    random = selena.client.post(path, {"holder": "linda"}, format="json").json()
    assert coupons.CODE.fullmatch(random["code"])


def test_a_code_of_another_shop_cannot_be_ended(sku: Sku) -> None:
    shop = ShopFactory.create()
    with pytest.raises(NotFound):
        coupons.end(account=shop.account, shop_id=shop.pk, code=code_of(sku).code, at=AT)
