"""What everybody, and what a shop's owner, sees of the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Max, Min, Prefetch, QuerySet, Sum

from backend.accounts.models import Account
from backend.core.errors import NotFound
from backend.core.sql import read
from shops.catalog.categories import branch
from shops.catalog.refusals import ProductBanned
from shops.inventory import level
from shops.models import Product, Shop, Sku

_Status = Product.Status


@dataclass(frozen=True, slots=True)
class Offering:
    """What a list shows of a product's active SKUs: prices in fen, units free in all."""

    price_from_fen: int | None = None
    price_to_fen: int | None = None
    available: int = 0


def on_sale(*, shop: int | None = None, category: str = "") -> QuerySet[Product]:
    """Products that the public sees, of a shop or of a category with all below it where given.

    Newest first by id; followers and sales have no say in it.
    """
    found = Product.objects.filter(
        status=_Status.ON_SALE, shop__status=Shop.Status.OPEN
    ).select_related("shop", "category")
    if shop is not None:
        found = found.filter(shop_id=shop)
    if category:
        found = found.filter(category_id__in=branch(category))
    return found


def of_owner(*, account: Account, status: str = "") -> QuerySet[Product]:
    """The products of the account's own shop, in any state or in the given one."""
    found = Product.objects.filter(shop__account=account).select_related("shop", "category")
    return found.filter(status=status) if status else found


def seen_product(*, viewer_id: int | None, product_id: int) -> Product:
    """A product with its SKUs as the viewer may see it: one on sale in an open shop, or the own
    one in any state; 2 queries.

    :raises NotFound: neither.
    """
    skus = Prefetch("skus", Sku.objects.order_by("id"))
    rows = Product.objects.select_related("shop", "category").prefetch_related(skus)
    product = rows.filter(pk=product_id).first()
    if product is None or not (_is_public(product) or product.shop.account_id == viewer_id):
        raise NotFound()
    return product


_PAGE = """
SELECT p.id, p.title, p.description, p.image_url, p.attributes, p.status, p.ban_reason,
  p.shipping_fee_fen, p.return_window_days, p.sales_count, p.created_at, p.published_at,
  json_build_object('id', s.id, 'name', s.name) AS shop, c.code AS category,
  s.account_id = %(viewer)s::bigint AS own,
  (SELECT coalesce(json_agg(json_build_object('id', k.id, 'code', k.code, 'options', k.options,
      'price_fen', k.price_fen, 'list_price_fen', k.list_price_fen, 'is_active', k.is_active,
      'on_hand', k.on_hand, 'committed', k.committed) ORDER BY k.id), '[]')
    FROM shops_sku k WHERE k.product_id = p.id
      AND (k.is_active OR s.account_id = %(viewer)s::bigint)) AS skus
FROM shops_product p JOIN shops_shop s ON s.id = p.shop_id
JOIN shops_category c ON c.id = p.category_id
WHERE p.id = %(product)s::bigint
  AND (p.status = 'on_sale' AND s.status = 'open' OR s.account_id = %(viewer)s::bigint)
"""
_TOLD = (
    *("id", "shop", "category", "title", "description", "image_url", "attributes", "status"),
    *("ban_reason", "shipping_fee_fen", "return_window_days", "sales_count", "created_at"),
    *("published_at", "skus"),
)


def product_page(*, viewer_id: int | None, product_id: int) -> dict[str, Any]:
    """`seen_product` as it is shown: its owner learns the numbers of the stock and why it was
    banned, everybody else a level and the active SKUs; one statement.

    :raises NotFound: as `seen_product`.
    """
    found = read(_PAGE, {"product": product_id, "viewer": viewer_id or 0})
    if not found:
        raise NotFound()
    row = found[0]
    row["skus"] = [_sku(sku, own=row["own"]) for sku in row["skus"]]
    return {name: row[name] for name in _TOLD if row["own"] or name != "ban_reason"}


def _sku(sku: dict[str, Any], *, own: bool) -> dict[str, Any]:
    on_hand, committed = sku.pop("on_hand"), sku.pop("committed")
    available = on_hand - committed
    sku["stock"] = level(available if sku["is_active"] else 0)
    if own:
        sku |= {"on_hand": on_hand, "committed": committed, "available": available}
    return sku


def offerings(products: Sequence[Product]) -> dict[int, Offering]:
    """Price range and free units of each of these products, by product id; 1 query."""
    found = (
        Sku.objects.filter(product__in=[product.pk for product in products], is_active=True)
        .values("product_id")
        .annotate(
            low=Min("price_fen"),
            high=Max("price_fen"),
            free=Sum(F("on_hand") - F("committed")),
        )
    )
    known = {row["product_id"]: Offering(row["low"], row["high"], row["free"]) for row in found}
    return {product.pk: known.get(product.pk, Offering()) for product in products}


def own_free(account: Account, product_id: int) -> Product:
    """The account's own product, locked, not banned. Its row makes all changes of a product and
    its SKUs wait for each other.

    :raises NotFound: not a product of this account.
    :raises ProductBanned: the platform banned it.
    """
    locked = Product.objects.select_for_update(no_key=True, of=("self",)).select_related("shop")
    product = locked.filter(pk=product_id, shop__account=account).first()
    if product is None:
        raise NotFound()
    if product.status == _Status.BANNED:
        raise ProductBanned(reason=product.ban_reason)
    return product


def _is_public(product: Product) -> bool:
    return product.status == _Status.ON_SALE and product.shop.status == Shop.Status.OPEN
