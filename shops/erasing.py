"""What shops know of a person, and how they forget it: addresses on orders, words in refunds,
applications for a shop. What was bought, paid and refunded stays, without a name."""

from datetime import datetime

from backend.accounts.erasure import Room
from backend.accounts.models import Account
from backend.core.sql import run
from shops.models import Checkout, Order, Refund, Shop, ShopApplication

_ENDED = (Order.Status.COMPLETED, Order.Status.CANCELLED, Order.Status.CLOSED)


def in_the_way(account: Account) -> dict[str, int]:
    """Unpaid checkouts, orders and refunds that have not ended, and a shop that is not closed: its
    buyers still have rights against it."""
    return {
        "checkouts": Checkout.objects.filter(buyer=account, status=Checkout.Status.PENDING).count(),
        "orders": Order.objects.filter(buyer=account).exclude(status__in=_ENDED).count(),
        "refunds": Refund.objects.filter(order__buyer=account, status__in=Refund.OPEN).count(),
        "shops": Shop.objects.filter(account=account).exclude(status=Shop.Status.CLOSED).count(),
    }


# The district stays: it says where the market sells, not where somebody lives.
_ADDRESSES = """
UPDATE shops_checkout SET address = jsonb_build_object(
    'receiver', '', 'phone', '', 'detail', '', 'region_code', coalesce(address->>'region_code', ''))
WHERE buyer_id = %s
"""
_WORDS = """
UPDATE shops_refund r SET note = '', reason = '' FROM shops_order o
WHERE o.id = r.order_id AND o.buyer_id = %s
"""
_PAYERS = """
UPDATE shops_payment p SET payer = '' FROM shops_checkout c
WHERE c.id = p.checkout_id AND c.buyer_id = %s AND p.payer <> ''
"""


def forget(account: Account, at: datetime) -> None:
    """Runs inside the transaction of the erasure."""
    for statement in (_ADDRESSES, _WORDS, _PAYERS):
        run(statement, [account.pk])
    # With their documents. One that was approved belongs to its shop, and goes with that.
    ShopApplication.objects.filter(account=account).exclude(
        status=ShopApplication.Status.APPROVED
    ).delete()


ROOM = Room(in_the_way, forget)
