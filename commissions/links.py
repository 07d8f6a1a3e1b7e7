"""Promotion links 推广链接: short unguessable codes, one per promoter, target and channel."""

from datetime import datetime
from io import BytesIO

from django.conf import settings
from django.db import models

from backend.accounts.models import Account
from backend.core import ids
from backend.core.errors import NotFound, Refusal
from backend.core.sql import rows
from commissions import promoters, touches
from commissions.models import PromotionLink
from notes.models import LiveSession, Note
from shops.models import Product, Shop

CODE_LENGTH = 8
Target = PromotionLink.Target

_VISIBLE: dict[str, models.QuerySet] = {
    Target.PRODUCT: Product.objects.filter(
        status=Product.Status.ON_SALE, shop__status=Shop.Status.OPEN
    ),
    Target.SHOP: Shop.objects.filter(status=Shop.Status.OPEN),
    Target.NOTE: Note.objects.filter(status=Note.Status.PUBLISHED, author__is_active=True),
    Target.LIVE: LiveSession.objects.exclude(status=LiveSession.Status.CANCELLED),
}


class TargetUnknown(Refusal):
    """There is nothing to see at the link's target."""

    code = "target_unknown"
    status = 422
    title = "There is no such thing to promote"


_CREATE = """
INSERT INTO commissions_promotionlink
    (promoter_id, target_kind, target_id, channel, code, created_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (promoter_id, target_kind, target_id, channel) DO NOTHING RETURNING id
"""


def create(
    *, account: Account, target_kind: str, target_id: int, channel: str = "", at: datetime
) -> tuple[PromotionLink, bool]:
    """The account's link to a product, note, shop or live room; asked again, the same link
    (and False). No followers are needed (I4).

    :raises NotPromoter: the account has not joined.
    :raises PromoterFrozen: it is frozen.
    :raises TargetUnknown: nothing visible there.
    """
    promoter = promoters.active(account)
    if not _VISIBLE[target_kind].filter(pk=target_id).exists():
        raise TargetUnknown(fields={"target": ["There is no such thing to promote."]})
    code = ids.code(CODE_LENGTH)
    made = rows(_CREATE, [promoter.pk, target_kind, target_id, channel, code, at])
    link = PromotionLink.objects.get(
        promoter=promoter, target_kind=target_kind, target_id=target_id, channel=channel
    )
    return link, bool(made)


def own(*, account: Account, code: str) -> PromotionLink:
    """A link of the account's own.

    :raises NotFound: no such link, or somebody else's.
    """
    link = PromotionLink.objects.filter(promoter__account=account, code=code[:17]).first()
    if link is None:
        raise NotFound()
    return link


def disable(*, account: Account, code: str, at: datetime) -> PromotionLink:
    """The link leads nowhere from now on (410); what was clicked before still counts.

    :raises NotFound: no such link, or somebody else's.
    """
    link = own(account=account, code=code)
    if link.disabled_at is None:
        link.disabled_at = at
        link.save(update_fields=["disabled_at"])
        touches.forget_link(link.code)
    return link


def short_url(link: PromotionLink) -> str:
    """What people share."""
    return f"{settings.PUBLIC_URL}/l/{link.code}"


def qr_png(link: PromotionLink) -> bytes:
    """The short link as a QR picture; error correction M survives a thumb on a phone."""
    import segno  # 30 ms of every start, for a picture now and then

    out = BytesIO()
    segno.make_qr(short_url(link), error="m").save(out, kind="png", scale=8, border=4)
    return out.getvalue()
