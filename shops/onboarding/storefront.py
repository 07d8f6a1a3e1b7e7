"""A shop once it is open: who sees it, what its owner may change, how the staff stop it."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import NotFound
from backend.core.states import move_one
from shops.models import Shop
from shops.onboarding.refusals import need_reason


def suspend(*, shop_id: int, by: Account, reason: str, at: datetime) -> Shop:
    """Takes an open shop out of the public's sight; its products stop selling at once (B6).

    :raises NotFound: no such shop.
    :raises WrongState: it is not open.
    :raises ReasonRequired: no reason.
    """
    need_reason(reason)
    return _decide(
        shop_id, Shop.Status.SUSPENDED, by=by, action="shop.suspend", reason=reason, at=at
    )


def reopen(*, shop_id: int, by: Account, at: datetime) -> Shop:
    """Opens a suspended shop again.

    :raises NotFound: no such shop.
    :raises WrongState: it is not suspended.
    """
    return _decide(shop_id, Shop.Status.OPEN, by=by, action="shop.reopen", reason="", at=at)


def change_intro(*, account: Account, shop_id: int, intro: str) -> Shop:
    """Changes the introduction of the own shop; name, type and fee are the platform's to change.

    :raises NotFound: not the account's shop.
    """
    Shop.objects.filter(pk=shop_id, account=account).update(intro=intro)
    return own_shop(account=account, shop_id=shop_id)


def own_shop(*, account: Account, shop_id: int) -> Shop:
    """The account's own shop, in any state.

    :raises NotFound: not the account's shop.
    """
    shop = Shop.objects.select_related("account").filter(pk=shop_id, account=account).first()
    if shop is None:
        raise NotFound()
    return shop


def open_shops(*, kind: str = "", owner: str = "") -> QuerySet[Shop]:
    """The shops that the public sees, of a kind or of an account's handle where given."""
    shops = Shop.objects.filter(status=Shop.Status.OPEN).select_related("account")
    if kind:
        shops = shops.filter(kind=kind)
    if owner:
        shops = shops.filter(account__handle=owner.lower())
    return shops


def seen_shop(*, viewer_id: int | None, shop_id: int) -> Shop:
    """A shop as the viewer may see it: an open one, or the own one in any state.

    :raises NotFound: neither.
    """
    shop = Shop.objects.select_related("account").filter(pk=shop_id).first()
    if shop is None or (shop.status != Shop.Status.OPEN and shop.account_id != viewer_id):
        raise NotFound()
    return shop


def capabilities(account: Account) -> list[str]:
    """["shop"] for the owner of a shop that is not closed (A2)."""
    shops = Shop.objects.filter(account=account).exclude(status=Shop.Status.CLOSED)
    return ["shop"] if shops.exists() else []


def _decide(shop_id: int, to: str, *, by: Account, action: str, reason: str, at: datetime) -> Shop:
    with transaction.atomic():
        shop = Shop.objects.filter(pk=shop_id).first()
        if shop is None:
            raise NotFound()
        move_one(shop, transitions=Shop.TRANSITIONS, to=to, suspended_reason=reason)
        audit.note(actor=by, action=action, target=shop, at=at, reason=reason)
    return shop
