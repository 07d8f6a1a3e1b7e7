"""Products (SPU): written by their shop, banned by the staff."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import NotFound
from backend.core.states import move_one
from shops.catalog.categories import active_category
from shops.catalog.reading import own_free, seen_product
from shops.catalog.refusals import ShopNotOpen, SkuRequired
from shops.catalog.skus import add_to
from shops.models import Product, Shop
from shops.onboarding import need_reason

_Status = Product.Status


def create_product(
    *,
    account: Account,
    shop_id: int,
    at: datetime,
    category: str,
    skus: Sequence[Mapping[str, Any]] = (),
    **fields: Any,
) -> Product:
    """A new draft of the own shop, in the category of that code, with SKUs where given.

    `fields`: title, description, image_url, attributes, return_window_days, shipping_fee_fen.

    :raises NotFound: not the account's shop.
    :raises ShopNotOpen: the shop is not open.
    :raises CategoryUnknown: no active category has the code.
    :raises SkuTaken: two of the SKUs have one code or the same options.
    :raises Invalid: a list price below the price.
    """
    with transaction.atomic():
        shop = Shop.objects.filter(pk=shop_id, account=account).first()
        if shop is None:
            raise NotFound()
        _must_be_open(shop)
        product = Product.objects.create(
            shop=shop, category=active_category(category), created_at=at, **fields
        )
        for sku in skus:
            add_to(product, **sku)
    return seen_product(viewer_id=account.pk, product_id=product.pk)


def change_product(*, account: Account, product_id: int, changes: Mapping[str, Any]) -> Product:
    """Changes category (a code), title, description, image_url, attributes,
    return_window_days or shipping_fee_fen; orders that were placed keep theirs.

    :raises NotFound: not a product of this account.
    :raises ProductBanned: the platform banned it.
    :raises CategoryUnknown: no active category has the code.
    """
    with transaction.atomic():
        product = own_free(account, product_id)
        values = dict(changes)
        if "category" in values:
            values["category"] = active_category(values["category"])
        for name, value in values.items():
            setattr(product, name, value)
        if values:
            product.save(update_fields=list(values))
    return seen_product(viewer_id=account.pk, product_id=product_id)


def publish(*, account: Account, product_id: int, at: datetime) -> Product:
    """Puts a draft, or a product taken off the shelf, on sale.

    :raises NotFound: not a product of this account.
    :raises ShopNotOpen: the shop is not open.
    :raises ProductBanned: the platform banned it.
    :raises SkuRequired: no active SKU.
    :raises WrongState: it is on sale already.
    """
    with transaction.atomic():
        product = own_free(account, product_id)
        _must_be_open(product.shop)
        if not product.skus.filter(is_active=True).exists():
            raise SkuRequired()
        move_one(
            product,
            transitions=Product.TRANSITIONS,
            to=_Status.ON_SALE,
            published_at=product.published_at or at,
        )
    return seen_product(viewer_id=account.pk, product_id=product_id)


def unpublish(*, account: Account, product_id: int, at: datetime) -> Product:
    """Takes a product off the shelf; orders that were placed go on.

    :raises NotFound: not a product of this account.
    :raises ProductBanned: the platform banned it.
    :raises WrongState: it is not on sale.
    """
    with transaction.atomic():
        product = own_free(account, product_id)
        move_one(
            product,
            transitions=Product.TRANSITIONS,
            to=_Status.OFF_SHELF,
            only_from=[_Status.ON_SALE],
        )
    return seen_product(viewer_id=account.pk, product_id=product_id)


def ban(*, product_id: int, by: Account, reason: str, at: datetime) -> Product:
    """Takes a product out of the public's sight until the platform lets it go (B6).

    :raises NotFound: no such product.
    :raises WrongState: it is banned already.
    :raises ReasonRequired: no reason.
    """
    need_reason(reason)
    return _decide(product_id, _Status.BANNED, by=by, action="product.ban", reason=reason, at=at)


def unban(*, product_id: int, by: Account, at: datetime) -> Product:
    """Lets a banned product go; it is off the shelf until its shop publishes it.

    :raises NotFound: no such product.
    :raises WrongState: it is not banned.
    """
    return _decide(product_id, _Status.OFF_SHELF, by=by, action="product.unban", reason="", at=at)


def _must_be_open(shop: Shop) -> None:
    if shop.status != Shop.Status.OPEN:
        raise ShopNotOpen(state=shop.status)


def _decide(
    product_id: int, to: str, *, by: Account, action: str, reason: str, at: datetime
) -> Product:
    with transaction.atomic():
        product = Product.objects.filter(pk=product_id).first()
        if product is None:
            raise NotFound()
        only_from = None if to == _Status.BANNED else [_Status.BANNED]
        move_one(
            product,
            transitions=Product.TRANSITIONS,
            to=to,
            only_from=only_from,
            ban_reason=reason,
        )
        audit.note(actor=by, action=action, target=product, at=at, reason=reason)
    return product
