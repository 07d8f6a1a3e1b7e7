"""What every verb on orders needs: the order of a party, locked; and saying what happened.

Lock order of the room: checkout, order, refund, order line, SKU, product; within a kind by id.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from backend.accounts.models import Account
from backend.core import events
from backend.core.errors import NotFound, Refusal
from backend.core.sql import rows
from shops.models import Order, OrderEvent, OrderLine, Refund, RefundLine

SHIPPABLE = (Order.Status.PAID, Order.Status.PARTIALLY_SHIPPED)
REFUNDABLE = (*SHIPPABLE, Order.Status.SHIPPED, Order.Status.RECEIVED)


class RefundOpen(Refusal):
    """A refund of this line is being decided; `line` says which line."""

    code = "refund_open"
    status = 409
    title = "A refund of this line is open"


class QtyExceeds(Refusal):
    """More units than are left of the line; `line` and `left` say which and how many."""

    code = "qty_exceeds"
    status = 422
    title = "More units than are left"


def locked(which: Q) -> Order:
    """The one order of this condition, locked until the transaction ends.

    :raises NotFound: there is none that the caller may see.
    """
    order = (
        Order.objects.select_for_update(no_key=True, of=("self",))
        .select_related("shop")
        .filter(which)
        .order_by("id")
        .first()
    )
    if order is None:
        raise NotFound("No such order.")
    return order


def of_buyer(buyer: Account, number: str) -> Q:
    """The condition of an order of this buyer."""
    return Q(number=number, buyer=buyer)


def of_shop(account: Account, number: str) -> Q:
    """The condition of an order of this account's shop."""
    return Q(number=number, shop__account=account)


def any_of(number: str) -> Q:
    """The condition of an order of anybody's, for staff."""
    return Q(number=number)


def of_party(account: Account) -> Q:
    """The condition of every order that the account has bought or sold."""
    return Q(buyer=account) | Q(shop__account=account)


def say(
    kind: str,
    *,
    order_ids: Sequence[int],
    actor: Account | None,
    at: datetime,
    payload: dict[str, Any] | None = None,
    **data: Any,
) -> None:
    """Writes the orders' history and the outbox event `order.<kind>`, two statements however
    many orders. `payload` travels with the event, `data` stays in the history."""
    if not order_ids:
        return
    note(kind, order_ids=order_ids, actor=actor, at=at, **{**(payload or {}), **data})
    events.record_many(kind=f"order.{kind}", subject_ids=list(order_ids), at=at, payload=payload)


def note(
    kind: str, *, order_ids: Sequence[int], actor: Account | None, at: datetime, **data: Any
) -> None:
    """Writes the orders' history alone, for what no other room asks about."""
    OrderEvent.objects.bulk_create(
        OrderEvent(order_id=order_id, kind=kind, actor=actor, data=data, at=at)
        for order_id in order_ids
    )


def cancelled_qty() -> Coalesce:
    """Annotation on order lines: how many units were refunded before they could leave."""
    return Coalesce(
        Sum(
            "refund_lines__qty",
            filter=Q(
                refund_lines__restock=RefundLine.Restock.CANCEL,
                refund_lines__refund__status=Refund.Status.SUCCEEDED,
            ),
        ),
        0,
    )


def lines_with_rest(order_id: int) -> QuerySet[OrderLine]:
    """The order's lines by id, each with `cancelled_qty`; `to_ship` reads them."""
    return (
        OrderLine.objects.filter(order_id=order_id)
        .annotate(cancelled_qty=cancelled_qty())
        .order_by("id")
    )


def to_ship(line: OrderLine) -> int:
    """How many units of a line of `lines_with_rest` have still to leave."""
    return line.qty - line.shipped_qty - line.cancelled_qty  # type: ignore[attr-defined]


def window_is_open(order: Order, line: OrderLine, at: datetime) -> bool:
    """Whether the line's after-sale window holds `at`: it ends return_window_days after receipt,
    and has not begun to run before (C7)."""
    if order.received_at is None:
        return True
    return at <= order.received_at + timedelta(days=line.return_window_days)


def may_refund(order: Order, line: OrderLine, at: datetime) -> bool:
    """Whether the buyer may ask for money of this line back, open refunds aside."""
    return (
        order.status in REFUNDABLE
        and line.refunded_fen < line.paid_fen
        and window_is_open(order, line, at)
    )


def returned_ids(statement: str, parameters: dict[str, Any]) -> list[int]:
    """The ids that a statement with RETURNING id has touched."""
    return [row["id"] for row in rows(statement, parameters)]
