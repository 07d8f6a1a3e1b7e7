"""Delivery addresses on orders: the buyer's, the shop's while it sends and takes back, and nobody
else's without a reason."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import Invalid, NotAllowed, NotFound
from shops.models import Checkout, Order

UNMASK = "shops.unmask_checkout"
# From the payment to the end of the after-sale window a shop has something to send or to fetch.
NEEDED = frozenset(
    {
        Order.Status.PAID,
        Order.Status.PARTIALLY_SHIPPED,
        Order.Status.SHIPPED,
        Order.Status.RECEIVED,
    }
)


def shown(order: Order, *, to: int) -> dict[str, str]:
    """The address of an order as the account `to` sees it, buyer or shop: in clear for the buyer,
    for the shop as long as it needs it, masked afterwards."""
    address = order.checkout.address
    return dict(address) if to == order.buyer_id or order.status in NEEDED else masked(address)


def masked(address: Mapping[str, str]) -> dict[str, str]:
    """李小鱼, 13800000000, 示例路 1 弄 → 李**, *******0000, ***; the district stays."""
    receiver, phone = address.get("receiver", ""), address.get("phone", "")
    return {
        "receiver": receiver[:1] + "*" * len(receiver[1:]),
        "phone": "*" * len(phone[:-4]) + phone[-4:],
        "region_code": address.get("region_code", ""),
        "detail": "***" if address.get("detail") else "",
    }


def unmask(*, checkout_id: int, by: Account, reason: str, at: datetime) -> dict[str, str]:
    """Shows a member of staff where a checkout goes; every look is an audit row.

    :raises NotAllowed: `by` lacks shops.unmask_checkout.
    :raises Invalid: no reason given.
    :raises NotFound: no such checkout.
    """
    if not by.has_perm(UNMASK):
        raise NotAllowed("Seeing addresses in clear needs its own permission.")
    if not reason.strip():
        raise Invalid("Say why.", fields={"reason": ["Say why."]})
    with transaction.atomic():
        checkout = Checkout.objects.filter(pk=checkout_id).first()
        if checkout is None:
            raise NotFound()
        audit.note(actor=by, action="address.unmask", target=checkout, at=at, reason=reason.strip())
        return dict(checkout.address)
