"""Pricing 定价: what a basket comes to, from SKUs, quantities and what the buyer names with them.

Prices, titles, rates, fees and what a coupon takes off are read here; the client sends none of
them.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from backend.accounts.models import Account
from backend.core.clock import business_day
from backend.core.errors import Invalid, Refusal
from backend.core.money import BPS, MAX_FEN, divide_half_even
from backend.core.sql import rows
from shops import ports
from shops.models import OrderLine, Product, Shop, Sku
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


class CouponUnknown(Refusal):
    """No shop has given out this code."""

    code = "coupon_unknown"
    status = 422
    title = "The coupon code is not known"


class CouponOver(Refusal):
    """The code does not count any more, or not yet."""

    code = "coupon_over"
    status = 409
    title = "The coupon code is not valid now"


class CouponElsewhere(Refusal):
    """The code is for the goods of another shop; `shop` says which."""

    code = "coupon_elsewhere"
    status = 422
    title = "The coupon code is for another shop's goods"


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
    coupon_id: int | None = None
    discount_bps: int = 0

    @property
    def goods_fen(self) -> int:
        """Price × quantity."""
        return self.sku.price_fen * self.qty

    @property
    def discount_fen(self) -> int:
        """What the shop takes off: half-even, once a line."""
        return divide_half_even(self.goods_fen * self.discount_bps, BPS)

    @property
    def payable_fen(self) -> int:
        """What the buyer pays for the line."""
        return self.goods_fen - self.discount_fen


@dataclass(slots=True)
class Basket:
    """The lines of one shop: an order to be."""

    shop: Shop
    lines: list[PricedLine] = field(default_factory=list)

    @property
    def goods_fen(self) -> int:
        """The lines' sum, before what the shop takes off."""
        return sum(line.goods_fen for line in self.lines)

    @property
    def discount_fen(self) -> int:
        """What the shop takes off."""
        return sum(line.discount_fen for line in self.lines)

    @property
    def shipping_fen(self) -> int:
        """The highest fee among the products: one order is packed together (C8)."""
        return max(line.sku.product.shipping_fee_fen for line in self.lines)

    @property
    def payable_fen(self) -> int:
        """Goods and shipping, less what the shop takes off."""
        return self.goods_fen + self.shipping_fen - self.discount_fen


@dataclass(frozen=True, slots=True)
class Quote:
    """What a checkout would come to: one basket per shop, by shop id."""

    baskets: list[Basket]

    @property
    def total_fen(self) -> int:
        """What the buyer would pay."""
        return sum(basket.payable_fen for basket in self.baskets)


def price(
    *, buyer: Account, lines: Sequence[LineRequest], at: datetime, named: tuple[str, str]
) -> Quote:
    """The price of these lines at `at`, with the click id and coupon code that are `named`.

    :raises Refusal: everything that `shops.checkout.quote` names, but for the stock.
    """
    if not settings.TRADING_ENABLED:
        raise TradingSuspended()
    _check_shape(lines)
    skus = _skus(lines)
    _check_shops(buyer, skus.values())
    _check_licences({sku.product.shop.pk: sku.product.shop for sku in skus.values()}, at)
    said = _named(buyer, *named, at, {sku.product.shop.pk for sku in skus.values()})
    _check_sources(lines, skus)
    terms = ports.terms_of(sorted({sku.product_id for sku in skus.values()}), at)
    baskets: dict[int, Basket] = {}
    for line in lines:
        sku = skus[line.sku_id]
        shop = sku.product.shop
        basket = baskets.setdefault(shop.pk, Basket(shop))
        basket.lines.append(_priced(line, sku, said, terms))
    found = Quote([baskets[shop_id] for shop_id in sorted(baskets)])
    if found.total_fen > MAX_FEN:
        raise TotalTooLarge()
    return found


@dataclass(frozen=True, slots=True)
class _Named:
    """What the buyer names with the goods: a click, a coupon code."""

    click: ports.Click | None
    coupon: ports.Coupon | None
    # The market takes its commission off what a promoter buys through their own link.
    discounts_own: bool


def _named(
    buyer: Account, click_id: str, coupon_code: str, at: datetime, shops: set[int]
) -> _Named:
    click = ports.click_of(click_id)
    own = (
        settings.SELF_PURCHASE == "discount"
        and click is not None
        and ports.is_own_link(buyer.pk, click.referral_code)
    )
    if not coupon_code:
        return _Named(click, None, own)
    coupon = ports.coupon_of(coupon_code, at)
    if coupon is None:
        raise CouponUnknown(fields={"coupon_code": ["Nobody has given out this code."]})
    if coupon.is_over:
        raise CouponOver()
    if coupon.shop_id not in shops:
        raise CouponElsewhere(shop=coupon.shop_id)
    return _Named(click, coupon, own)


def _priced(
    line: LineRequest,
    sku: Sku,
    said: _Named,
    terms: dict[int, ports.CommissionTerms],
) -> PricedLine:
    """A followed link goes before a page that earns nobody anything. It stands beside a note or
    live room: the link may lead to other goods, and then the line is owed to who showed it."""
    kind = line.source_kind or OrderLine.Source.DIRECT
    if said.click and kind not in CHECKED_SOURCES:
        kind = OrderLine.Source.REFERRAL
    offered = terms.get(sku.product_id)
    coupon = said.coupon if said.coupon and said.coupon.shop_id == sku.product.shop.pk else None
    bps = coupon.discount_bps if coupon else 0
    if said.discounts_own and offered:
        bps = max(bps, offered.rate_bps)
    return PricedLine(
        sku=sku,
        qty=line.qty,
        source_kind=str(kind),
        source_id=line.source_id,
        referral_code=said.click.referral_code if said.click else "",
        terms=offered,
        coupon_id=coupon.coupon_id if coupon else None,
        discount_bps=bps,
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
