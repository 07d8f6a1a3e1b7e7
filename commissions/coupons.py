"""Coupon codes 优惠码: a shop gives a promoter or a creator a word; who names it at checkout owes
the sale to them, before every link and touch. The shop may take something off the price for it."""

import re
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from backend.accounts.models import Account
from backend.core import ids
from backend.core.errors import NotFound, Refusal
from backend.core.sql import rows
from commissions.models import CouponCode, Promoter
from shops.models import Shop
from shops.ports import Coupon

CODE = re.compile(r"[A-Z0-9]{4,16}")
CODE_LENGTH = 8
MAX_DISCOUNT_BPS = 5_000


class CouponTaken(Refusal):
    """A code is a word of one shop for one holder."""

    code = "coupon_taken"
    status = 409
    title = "This code is taken"


class CouponMalformed(Refusal):
    """A code that can be said and typed."""

    code = "coupon_malformed"
    status = 422
    title = "A code is 4 to 16 letters and digits"


class HolderUnknown(Refusal):
    """A code is given to an active promoter or to somebody who publishes notes, not to oneself."""

    code = "coupon_holder_unknown"
    status = 422
    title = "There is nobody to give this code to"


class CouponTooGenerous(Refusal):
    """More than half the price off."""

    code = "coupon_too_generous"
    status = 422
    title = "A code takes off at most 50 %"


def give(
    *,
    account: Account,
    shop_id: int,
    holder: str,
    role: str = "promoter",
    code: str = "",
    discount_bps: int = 0,
    ends_at: datetime | None = None,
    at: datetime,
) -> CouponCode:
    """Gives the holder (a handle), as `promoter` or `creator`, a code of the account's shop: the
    one asked for, in capitals, or a random one; it counts from now on, until `ends_at`.

    :raises NotFound: not the account's shop.
    :raises CouponMalformed: a code of another form, or an end that is no later than now.
    :raises CouponTooGenerous: more than 5,000 bps off.
    :raises HolderUnknown: no active promoter or account of this handle, or the shop's owner.
    :raises CouponTaken: the code exists.
    """
    shop = Shop.objects.filter(pk=shop_id, account=account).first()
    if shop is None:
        raise NotFound()
    code = code.strip().upper() or ids.code(CODE_LENGTH).upper()
    if not CODE.fullmatch(code) or (ends_at is not None and ends_at <= at):
        raise CouponMalformed()
    if discount_bps > MAX_DISCOUNT_BPS:
        raise CouponTooGenerous(fields={"discount_bps": ["At most 5,000."]})
    promoter, creator = _holder(holder, role, shop)
    try:
        with transaction.atomic():
            return CouponCode.objects.create(
                shop=shop,
                code=code,
                promoter=promoter,
                creator=creator,
                discount_bps=discount_bps,
                starts_at=at,
                ends_at=ends_at,
            )
    except IntegrityError as error:
        raise CouponTaken() from error


def _holder(handle: str, role: str, shop: Shop) -> tuple[Promoter | None, Account | None]:
    people = Account.objects.filter(handle=handle, is_active=True).exclude(pk=shop.account_id)
    if role == "creator":
        creator = people.first()
        if creator is not None:
            return None, creator
    else:
        active = Promoter.objects.filter(account__in=people, status=Promoter.Status.ACTIVE).first()
        if active is not None:
            return active, None
    raise HolderUnknown(fields={"holder": ["Nobody to give a code to."]})


def end(*, account: Account, shop_id: int, code: str, at: datetime) -> None:
    """The code counts no longer; orders placed with it stay its holder's. Again, nothing happens.

    :raises NotFound: not a code of the account's shop.
    """
    found = CouponCode.objects.filter(shop=shop_id, shop__account=account, code=code[:17])
    coupon = found.first()
    if coupon is None:
        raise NotFound()
    CouponCode.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=at), pk=coupon.pk, starts_at__lte=at
    ).update(ends_at=at)


def of_shop(*, account: Account, shop_id: int) -> QuerySet[CouponCode]:
    """The codes that a shop has given out, for its owner and staff.

    :raises NotFound: no such shop, or not the account's to see.
    """
    shop = Shop.objects.filter(pk=shop_id).first()
    if shop is None or not (shop.account_id == account.pk or account.is_staff):
        raise NotFound()
    return _shown().filter(shop=shop)


def held_by(account: Account) -> QuerySet[CouponCode]:
    """The codes that the account has been given."""
    return _shown().filter(Q(promoter__account=account) | Q(creator=account))


def _shown() -> QuerySet[CouponCode]:
    return CouponCode.objects.select_related("shop", "promoter__account", "creator")


_READ = """
SELECT id, shop_id, discount_bps, ends_at <= %(at)s::timestamptz OR starts_at > %(at)s::timestamptz
    AS over FROM commissions_couponcode WHERE code = %(code)s
"""


def read_code(code: str, at: datetime) -> Coupon | None:
    """What a code stands for at an instant, whichever way it is written; None for no code."""
    plain = code.strip().upper()
    found = rows(_READ, {"code": plain, "at": at}) if CODE.fullmatch(plain) else []
    if not found:
        return None
    row = found[0]
    return Coupon(row["id"], row["shop_id"], row["discount_bps"], bool(row["over"]))


_OWN = """
SELECT 1 FROM commissions_promotionlink k JOIN commissions_promoter p ON p.id = k.promoter_id
WHERE k.code = %s AND p.account_id = %s AND p.status = 'active'
"""


def is_own_link(buyer_id: int, referral_code: str) -> bool:
    """Whether an active promoter buys through their own link."""
    return bool(rows(_OWN, [referral_code, buyer_id]))
