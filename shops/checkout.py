"""Checkout 结算: what the buyer asks for, priced and frozen by us.

The client names SKUs, quantities and where it found them. Prices, titles, rates and fees are read
here and frozen on the lines; the one amount the client sends is the total it has shown to the
buyer, and that must agree.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from backend.accounts.models import Account, Address
from backend.core import ids
from backend.core.clock import business_day
from backend.core.errors import Invalid, NotFound, Refusal
from backend.core.money import MAX_FEN
from backend.core.sql import rows
from shops import inventory, order_book, ports
from shops.models import Checkout, Order, OrderLine, Product, Shop, Sku
from shops.models.shop import OwnerType

MAX_LINES = 50
MAX_QTY = 999
CHECKED_SOURCES = (OrderLine.Source.NOTE, OrderLine.Source.LIVE)
PLAIN_SOURCES = (OrderLine.Source.SHOP, OrderLine.Source.SEARCH, OrderLine.Source.DIRECT)


class TradingSuspended(Refusal):
    """The platform takes no new orders in this market; paid ones go on (B7)."""

    code = "trading_suspended"
    status = 403
    title = "Trading is suspended"


class OwnProduct(Refusal):
    """Nobody buys from their own shop; `sku` says which line."""

    code = "own_product"
    status = 403
    title = "This is your own shop's product"


class ProductNotOnSale(Refusal):
    """The SKU is unknown, switched off, or its product is not on sale; `sku` says which."""

    code = "product_not_on_sale"
    status = 409
    title = "This product is not on sale"


class ShopNotOpen(Refusal):
    """The shop is suspended, closing or closed; `sku` says which line."""

    code = "shop_not_open"
    status = 409
    title = "The shop is not open"


class LicenceRequired(Refusal):
    """The individual's sales of this year have reached the amount above which the law wants a
    business licence (B5)."""

    code = "licence_required"
    status = 403
    title = "The shop needs a business licence before it may sell more this year"


class SourceUnknown(Refusal):
    """The note or live session did not show this product; `sku` says which line."""

    code = "source_unknown"
    status = 422
    title = "The source of a line cannot be verified"


class PriceChanged(Refusal):
    """The total is another than the client expects; `total_fen` is the true one."""

    code = "price_changed"
    status = 409
    title = "The total has changed"


class TotalTooLarge(Refusal):
    """A checkout may come to at most 10^12 fen."""

    code = "total_too_large"
    status = 422
    title = "The total is too large"


@dataclass(frozen=True, slots=True)
class LineRequest:
    """`qty` units of a SKU, found in a note or live session (`source_id` names it), in the shop,
    by search, or ("") directly."""

    sku_id: int
    qty: int
    source_kind: str = ""
    source_id: int | None = None


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line with everything about it that will be frozen."""

    sku: Sku
    qty: int
    source_kind: str
    source_id: int | None
    referral_code: str
    terms: ports.CommissionTerms | None

    @property
    def payable_fen(self) -> int:
        """Price × quantity."""
        return self.sku.price_fen * self.qty


@dataclass(slots=True)
class Basket:
    """The lines of one shop: an order to be."""

    shop: Shop
    lines: list[PricedLine] = field(default_factory=list)

    @property
    def goods_fen(self) -> int:
        """The lines' sum."""
        return sum(line.payable_fen for line in self.lines)

    @property
    def shipping_fen(self) -> int:
        """The highest fee among the products: one order is packed together (C8)."""
        return max(line.sku.product.shipping_fee_fen for line in self.lines)

    @property
    def payable_fen(self) -> int:
        """Goods and shipping."""
        return self.goods_fen + self.shipping_fen


@dataclass(frozen=True, slots=True)
class Quote:
    """What a checkout would come to: one basket per shop, by shop id."""

    baskets: list[Basket]

    @property
    def total_fen(self) -> int:
        """What the buyer would pay."""
        return sum(basket.payable_fen for basket in self.baskets)


def quote(
    *, buyer: Account, lines: Sequence[LineRequest], at: datetime, click_id: str = ""
) -> Quote:
    """The price of these lines for this buyer at `at`; nothing is held.

    :raises TradingSuspended: the market is switched off.
    :raises Invalid: no line or over 50, a SKU twice, a quantity outside 1 to 999.
    :raises ProductNotOnSale: a SKU that cannot be bought.
    :raises ShopNotOpen: its shop does not sell now.
    :raises OwnProduct: its shop is the buyer's.
    :raises LicenceRequired: its shop must first show a licence.
    :raises SourceUnknown: a note or live session that did not show the product.
    :raises TotalTooLarge: more than 10^12 fen.
    :raises InsufficientStock: fewer units are free now.
    """
    priced = _price(buyer=buyer, lines=lines, at=at, click_id=click_id)
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
        priced = _price(buyer=buyer, lines=lines, at=at, click_id=click_id)
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
        payable_fen=line.payable_fen,
        return_window_days=product.return_window_days,
        fee_bps=product.shop.fee_bps,
        commission_bps=line.terms.rate_bps if line.terms else 0,
        offer_id=line.terms.offer_id if line.terms else None,
        source_kind=line.source_kind,
        source_id=line.source_id,
        referral_code=line.referral_code,
    )


def _price(*, buyer: Account, lines: Sequence[LineRequest], at: datetime, click_id: str) -> Quote:
    if not settings.TRADING_ENABLED:
        raise TradingSuspended()
    _check_shape(lines)
    skus = _skus(lines)
    _check_shops(buyer, skus.values())
    _check_licences({sku.product.shop.pk: sku.product.shop for sku in skus.values()}, at)
    click = ports.click_of(click_id)
    _check_sources(lines, skus)
    terms = ports.terms_of(sorted({sku.product_id for sku in skus.values()}), at)
    baskets: dict[int, Basket] = {}
    for line in lines:
        sku = skus[line.sku_id]
        shop = sku.product.shop
        basket = baskets.setdefault(shop.pk, Basket(shop))
        basket.lines.append(_priced(line, sku, click, terms))
    found = Quote([baskets[shop_id] for shop_id in sorted(baskets)])
    if found.total_fen > MAX_FEN:
        raise TotalTooLarge()
    return found


def _priced(
    line: LineRequest,
    sku: Sku,
    click: ports.Click | None,
    terms: dict[int, ports.CommissionTerms],
) -> PricedLine:
    """A followed link goes before a page that earns nobody anything. It stands beside a note or
    live room: the link may lead to other goods, and then the line is owed to who showed it."""
    kind = line.source_kind or OrderLine.Source.DIRECT
    if click and kind not in CHECKED_SOURCES:
        kind = OrderLine.Source.REFERRAL
    return PricedLine(
        sku=sku,
        qty=line.qty,
        source_kind=str(kind),
        source_id=line.source_id,
        referral_code=click.referral_code if click else "",
        terms=terms.get(sku.product_id),
    )


def _check_shape(lines: Sequence[LineRequest]) -> None:
    problem = ""
    if not 1 <= len(lines) <= MAX_LINES:
        problem = f"A checkout has 1 to {MAX_LINES} lines."
    elif len({line.sku_id for line in lines}) < len(lines):
        problem = "Each SKU may stand in one line."
    elif not all(1 <= line.qty <= MAX_QTY for line in lines):
        problem = f"A quantity is 1 to {MAX_QTY}."
    elif not all(_source_is_whole(line) for line in lines):
        problem = "A note or live source has an id, any other has none."
    if problem:
        raise Invalid(problem, fields={"lines": [problem]})


def _source_is_whole(line: LineRequest) -> bool:
    if line.source_kind in CHECKED_SOURCES:
        return line.source_id is not None
    return line.source_kind in ("", *PLAIN_SOURCES) and line.source_id is None


def _skus(lines: Sequence[LineRequest]) -> dict[int, Sku]:
    wanted = [line.sku_id for line in lines]
    found = {
        sku.pk: sku
        for sku in Sku.objects.filter(pk__in=wanted).select_related("product__shop")
        if sku.is_active and sku.product.status == Product.Status.ON_SALE
    }
    for sku_id in wanted:
        if sku_id not in found:
            raise ProductNotOnSale(sku=sku_id)
    return found


def _check_shops(buyer: Account, skus: Iterable[Sku]) -> None:
    for sku in skus:
        if sku.product.shop.status != Shop.Status.OPEN:
            raise ShopNotOpen(sku=sku.pk)
        if sku.product.shop.account_id == buyer.pk:
            raise OwnProduct(sku=sku.pk)


_SALES_OF_YEAR = """
SELECT shop_id FROM shops_order
WHERE shop_id = ANY(%s::bigint[]) AND paid_day BETWEEN %s::date AND %s::date
  AND status <> 'external'
GROUP BY shop_id HAVING sum(paid_fen - refunded_fen) >= %s::bigint
"""


def _check_licences(shops: dict[int, Shop], at: datetime) -> None:
    """B5: small sporadic trade of individuals needs no licence, up to a yearly amount."""
    bare = [
        shop.pk
        for shop in shops.values()
        if shop.owner_type == OwnerType.INDIVIDUAL and not shop.licence_number
    ]
    if not bare:
        return
    today = business_day(at)
    limit = settings.LICENCE_FREE_YEARLY_FEN
    if rows(_SALES_OF_YEAR, [bare, today.replace(month=1, day=1), today, limit]):
        raise LicenceRequired()


def _check_sources(lines: Sequence[LineRequest], skus: dict[int, Sku]) -> None:
    """One question per kind of source, however many lines."""
    asked: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for line in lines:
        if line.source_kind in CHECKED_SOURCES and line.source_id is not None:
            asked[line.source_kind].append((line.source_id, skus[line.sku_id].product_id))
    real = {kind: ports.real_sources(kind, pairs) for kind, pairs in asked.items()}
    for line in lines:
        pair = (line.source_id, skus[line.sku_id].product_id)
        if line.source_kind in real and pair not in real[line.source_kind]:
            raise SourceUnknown(sku=line.sku_id)
