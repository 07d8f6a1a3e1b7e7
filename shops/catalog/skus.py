"""SKUs: what a product is sold as, and for how much."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from backend.accounts.models import Account
from backend.core.errors import Invalid, NotFound
from shops.catalog.reading import own_free
from shops.catalog.refusals import SkuRequired, SkuTaken, TooManySkus
from shops.models import Product, Sku

MAX_SKUS = 100


def add_sku(
    *,
    account: Account,
    product_id: int,
    code: str,
    options: Mapping[str, str],
    price_fen: int,
    list_price_fen: int | None = None,
) -> Sku:
    """A new sellable unit without stock; prices in fen.

    :raises NotFound: not a product of this account.
    :raises ProductBanned: the platform banned it.
    :raises SkuTaken: the product has this code or these options.
    :raises TooManySkus: it has 100 SKUs.
    :raises Invalid: a list price below the price.
    """
    with transaction.atomic():
        product = own_free(account, product_id)
        return add_to(
            product,
            code=code,
            options=options,
            price_fen=price_fen,
            list_price_fen=list_price_fen,
        )


def change_sku(
    *, account: Account, product_id: int, sku_id: int, changes: Mapping[str, Any]
) -> Sku:
    """Changes price_fen, list_price_fen or is_active; orders that were placed keep their price.
    Code and options stay: buyers chose by them.

    :raises NotFound: not a SKU of this account's product.
    :raises ProductBanned: the platform banned the product.
    :raises SkuRequired: it is the last active SKU of a product on sale.
    :raises Invalid: a list price below the price.
    """
    with transaction.atomic():
        product = own_free(account, product_id)
        sku = product.skus.filter(pk=sku_id).first()
        if sku is None:
            raise NotFound()
        for name, value in changes.items():
            setattr(sku, name, value)
        _check_prices(sku.price_fen, sku.list_price_fen)
        if product.status == Product.Status.ON_SALE and not sku.is_active:
            _must_sell_without(sku)
        if changes:
            sku.save(update_fields=list(changes))
        sku.refresh_from_db()
    return sku


def add_to(
    product: Product,
    *,
    code: str,
    options: Mapping[str, str],
    price_fen: int,
    list_price_fen: int | None = None,
) -> Sku:
    """Adds a SKU to a product that the caller holds; raises as `add_sku`."""
    _check_prices(price_fen, list_price_fen)
    known = list(product.skus.values_list("code", "options"))
    if any(code == other for other, _ in known):
        raise SkuTaken(fields={"code": ["The product has a SKU with this code."]})
    if any(dict(options) == other for _, other in known):
        raise SkuTaken(fields={"options": ["The product has a SKU with these options."]})
    if len(known) >= MAX_SKUS:
        raise TooManySkus()
    return Sku.objects.create(
        product=product,
        code=code,
        options=dict(options),
        price_fen=price_fen,
        list_price_fen=list_price_fen,
    )


def _check_prices(price_fen: int, list_price_fen: int | None) -> None:
    if list_price_fen is not None and list_price_fen < price_fen:
        raise Invalid(fields={"list_price_fen": ["May not be below price_fen."]})


def _must_sell_without(sku: Sku) -> None:
    others = Sku.objects.filter(product_id=sku.product_id, is_active=True).exclude(pk=sku.pk)
    if not others.exists():
        raise SkuRequired("Unpublish the product before its last SKU goes.")
