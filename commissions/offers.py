"""Commission offers 佣金: what a shop pays for the sale of one product, in bps of the net amount
paid. An order line freezes the offer that stood when it was placed."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from backend.accounts.models import Account
from backend.core.errors import NotFound, Refusal
from backend.core.money import BPS
from backend.core.sql import read
from commissions import targeting
from commissions.models import CommissionOffer
from shops.models import Product, Shop
from shops.ports import CommissionTerms


class OverCap(Refusal):
    """The rate is above the platform's cap, or above what a platform fee that is known leaves."""

    code = "over_cap"
    status = 422
    title = "The rate is above the platform's cap"


def set_offer(*, account: Account, product_id: int, rate_bps: int, at: datetime) -> CommissionOffer:
    """Offers `rate_bps` for the product from now on; the offer before ends now. The same rate
    again changes nothing.

    :raises NotFound: no such product in the account's shop.
    :raises OverCap: above COMMISSION_CAP_BPS.
    """
    within_cap(rate_bps)
    with transaction.atomic():
        _lock_product(account, product_id)
        active = _active(product_id).first()
        if active is not None and active.rate_bps == rate_bps:
            return active
        _active(product_id).update(is_active=False, ends_at=at)
        return CommissionOffer.objects.create(
            product_id=product_id, rate_bps=rate_bps, starts_at=at
        )


def within_cap(rate_bps: int, *, fee_bps: int = 0) -> None:
    """Holds a rate to the platform's cap, and to what a fee that is known leaves.

    :raises OverCap: it is above; `cap_bps` is the most that it may be.
    """
    most = min(settings.COMMISSION_CAP_BPS, BPS - fee_bps)
    if rate_bps > most:
        message = f"At most {most} bps."
        raise OverCap(message, fields={"rate_bps": [message]}, cap_bps=most)


def end_offer(*, account: Account, product_id: int, at: datetime) -> None:
    """Ends the product's offer; lines already placed keep it.

    :raises NotFound: no such product in the account's shop, or it has no offer.
    """
    with transaction.atomic():
        _lock_product(account, product_id)
        if not _active(product_id).update(is_active=False, ends_at=at):
            raise NotFound("The product has no commission offer.")


def current(*, product_id: int, viewer_id: int | None) -> CommissionOffer:
    """The offer that stands for a product as the viewer may see it: for one on sale in an open
    shop, or the own one in any state.

    :raises NotFound: no such product, not the viewer's to see, or without an offer.
    """
    public = Q(product__status=Product.Status.ON_SALE, product__shop__status=Shop.Status.OPEN)
    own = Q(product__shop__account=viewer_id)
    offer = _active(product_id).filter(public | own).first()
    if offer is None:
        raise NotFound()
    return offer


def terms_for(product_ids: Sequence[int], at: datetime) -> dict[int, CommissionTerms]:
    """The terms of these products at an instant, half-open [starts_at, ends_at); products
    without an offer are absent. One query."""
    stood = CommissionOffer.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=at), product__in=product_ids, starts_at__lte=at
    ).order_by("starts_at", "id")
    return {offer.product_id: CommissionTerms(offer.pk, offer.rate_bps) for offer in stood}


# In SQL, for a note's page asks it at every reading: the ORM took ten times the statement's time.
_OPEN = f"""
SELECT DISTINCT o.product_id FROM commissions_commissionoffer o
JOIN shops_product p ON p.id = o.product_id JOIN shops_shop s ON s.id = p.shop_id
WHERE o.product_id = ANY(%(products)s::bigint[]) AND o.rate_bps > 0
  AND o.starts_at <= %(at)s::timestamptz
  AND (o.ends_at IS NULL OR o.ends_at > %(at)s::timestamptz)
  AND s.account_id <> %(account)s::bigint
UNION
SELECT p.id FROM commissions_planversion v
JOIN shops_product p ON p.id = ANY(%(products)s::bigint[])
    AND (v.shop_id = p.shop_id OR v.shop_id IS NULL)
JOIN shops_shop s ON s.id = p.shop_id AND s.account_id <> %(account)s::bigint
LEFT JOIN commissions_promoter m ON m.account_id = %(account)s::bigint
WHERE v.published_at IS NOT NULL AND NOT v.is_default AND coalesce(v.rate_bps, v.unit_fen) > 0
  AND v.starts_at <= %(at)s::timestamptz
  AND (v.ends_at IS NULL OR v.ends_at > %(at)s::timestamptz)
  AND (v.all_products OR EXISTS (SELECT FROM commissions_planproduct n
       WHERE n.version_id = v.id AND n.product_id = p.id))
  AND {targeting.speaks_to(version="v", who="m", tier="m.tier", at="%(at)s::timestamptz")}
"""


def open_to(account_id: int, product_ids: Sequence[int], at: datetime) -> set[int]:
    """Those products whose sale pays this account a commission: an offer above zero, or a plan
    that covers product and account, by a shop that is not the account's own. One query."""
    found = read(_OPEN, {"products": list(product_ids), "at": at, "account": account_id})
    return {row["product_id"] for row in found}


def _active(product_id: int) -> QuerySet[CommissionOffer]:
    return CommissionOffer.objects.filter(product=product_id, is_active=True)


def _lock_product(account: Account, product_id: int) -> None:
    rows = Product.objects.select_for_update(no_key=True, of=("self",))
    if not rows.filter(pk=product_id, shop__account=account).exists():
        raise NotFound()
