"""What everybody, and what a shop's owner, sees of the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F, Max, Min, Prefetch, QuerySet, Sum

from backend.accounts.models import Account
from backend.core.errors import NotFound
from shops.catalog.categories import branch
from shops.catalog.refusals import ProductBanned
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
