"""Checkout 结算: what the buyer asks for, priced and frozen by us.

The client names SKUs, quantities and where it found them. Prices, titles, rates and fees are read
by `shops.pricing` and frozen on the lines; the one amount the client sends is the total it has
shown to the buyer, and that must agree.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from backend.accounts.models import Account, Address
from backend.core import ids
from backend.core.errors import NotFound, Refusal
from shops import inventory, order_book
from shops.models import Checkout, Order, OrderLine
from shops.pricing import (
    MAX_LINES,
    MAX_QTY,
    Basket,
    LineRequest,
    PricedLine,
    ProductNotOnSale,
    Quote,
    price,
)

__all__ = [
    "MAX_LINES",
    "MAX_QTY",
    "LineRequest",
    "PriceChanged",
    "ProductNotOnSale",
    "place",
    "quote",
]


class PriceChanged(Refusal):
    """The total is another than the client expects; `total_fen` is the true one."""

    code = "price_changed"
    status = 409
    title = "The total has changed"


def quote(
    *,
    buyer: Account,
    lines: Sequence[LineRequest],
    at: datetime,
    click_id: str = "",
    coupon_code: str = "",
) -> Quote:
    """The price of these lines for this buyer at `at`; nothing is held.

    :raises TradingSuspended: the market is switched off.
    :raises Invalid: no line or over 50, a SKU twice, a quantity outside 1 to 999.
    :raises ProductNotOnSale: a SKU that cannot be bought.
    :raises ShopNotOpen: its shop does not sell now.
    :raises OwnProduct: its shop is the buyer's.
    :raises LicenceRequired: its shop must first show a licence.
    :raises SourceUnknown: a note or live session that did not show the product.
    :raises CouponUnknown: nobody has given out this coupon code.
    :raises CouponOver: it does not count at `at`.
    :raises CouponElsewhere: none of the lines is of its shop.
    :raises TotalTooLarge: more than 10^12 fen.
    :raises InsufficientStock: fewer units are free now.
    """
    priced = price(buyer=buyer, lines=lines, at=at, named=(click_id, coupon_code))
    for line in (line for basket in priced.baskets for line in basket.lines):
        available = line.sku.on_hand - line.sku.committed
        if available < line.qty:
            raise inventory.InsufficientStock(sku=line.sku.pk, available=max(available, 0))
    return priced


def place(
    *,
    buyer: Account,
    lines: Sequence[LineRequest],
    address_id: int,
    expected_total_fen: int,
    at: datetime,
    click_id: str = "",
    coupon_code: str = "",
) -> Checkout:
    """Places one order per shop, holds their stock, and waits CHECKOUT_MINUTES for the payment.

    The number of statements does not depend on the number of lines, but for the stock: one
    guarded UPDATE per SKU.

    :raises NotFound: not an address of the buyer's.
    :raises PriceChanged: the total is not `expected_total_fen`.
    :raises InsufficientStock: fewer units are free; nothing is kept of the checkout.
    And everything that `quote` raises.
    """
    with transaction.atomic():
        address = _address(buyer, address_id)
        priced = price(buyer=buyer, lines=lines, at=at, named=(click_id, coupon_code))
        if priced.total_fen != expected_total_fen:
            raise PriceChanged(total_fen=priced.total_fen)
        checkout = Checkout.objects.create(
            number=ids.number("C", at),
            buyer=buyer,
            address=address,
            total_fen=priced.total_fen,
            click_id=click_id,
            created_at=at,
            expires_at=at + timedelta(minutes=settings.CHECKOUT_MINUTES),
        )
        orders = Order.objects.bulk_create(
            _order(checkout, basket, at) for basket in priced.baskets
        )
        kept = OrderLine.objects.bulk_create(
            _line(order, line)
            for order, basket in zip(orders, priced.baskets, strict=True)
            for line in basket.lines
        )
        order_book.say("placed", order_ids=[order.pk for order in orders], actor=buyer, at=at)
        # Last, because it locks rows that other buyers want.
        inventory.reserve(
            lines=[inventory.StockLine(line.sku_id, line.qty, line.pk) for line in kept], at=at
        )
    return checkout


def _address(buyer: Account, address_id: int) -> dict[str, str]:
    address = Address.objects.filter(account=buyer, pk=address_id).first()
    if address is None:
        raise NotFound("No such address.")
    names = ("receiver", "phone", "region_code", "detail")
    return {name: getattr(address, name) for name in names}


def _order(checkout: Checkout, basket: Basket, at: datetime) -> Order:
    return Order(
        number=ids.number("O", at),
        checkout=checkout,
        shop=basket.shop,
        buyer_id=checkout.buyer_id,
        goods_fen=basket.goods_fen,
        shipping_fen=basket.shipping_fen,
        discount_fen=basket.discount_fen,
        payable_fen=basket.payable_fen,
        placed_at=at,
    )


def _line(order: Order, line: PricedLine) -> OrderLine:
    product = line.sku.product
    return OrderLine(
        order=order,
        sku=line.sku,
        product=product,
        title=product.title,
        options=line.sku.options,
        unit_price_fen=line.sku.price_fen,
        qty=line.qty,
        discount_fen=line.discount_fen,
        payable_fen=line.payable_fen,
        return_window_days=product.return_window_days,
        fee_bps=product.shop.fee_bps,
        commission_bps=line.terms.rate_bps if line.terms else 0,
        offer_id=line.terms.offer_id if line.terms else None,
        source_kind=line.source_kind,
        source_id=line.source_id,
        referral_code=line.referral_code,
        coupon_id=line.coupon_id,
    )
