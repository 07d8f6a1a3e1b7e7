"""Refunds as their two parties see them."""

from django.db.models import Prefetch, Q, QuerySet

from backend.accounts.models import Account
from backend.core.errors import NotFound
from shops.models import Refund, RefundLine

Status = Refund.Status
_BUYER: dict[str, list[str]] = {
    Status.REQUESTED: ["withdraw"],
    Status.AWAITING_RETURN: ["return-shipment", "withdraw"],
}
_SHOP: dict[str, list[str]] = {
    Status.REQUESTED: ["approve", "reject"],
    Status.RETURNED: ["confirm-return"],
}


def _with_lines(which: Q) -> QuerySet[Refund]:
    lines = Prefetch("lines", RefundLine.objects.order_by("id"))
    return (
        Refund.objects.filter(which)
        .select_related("order__shop", "order__buyer")
        .prefetch_related(lines)
    )


def list_of(*, account: Account, role: str, status: str = "") -> QuerySet[Refund]:
    """The refunds that the account has asked for ("buyer") or has to answer ("shop")."""
    found = _with_lines(
        Q(order__shop__account=account) if role == "shop" else Q(order__buyer=account)
    )
    return found.filter(status=status) if status else found


def page_of(*, account: Account, number: str) -> Refund:
    """One refund.

    :raises NotFound: the account is neither its buyer nor its shop.
    """
    mine = Q(order__shop__account=account) | Q(order__buyer=account)
    found = _with_lines(mine & Q(number=number)).first()
    if found is None:
        raise NotFound("No such refund.")
    return found


def allowed_actions(*, refund: Refund, account: Account) -> list[str]:
    """What this party may do with it now."""
    sides = _BUYER if refund.order.buyer_id == account.pk else _SHOP
    return sides.get(refund.status, [])
