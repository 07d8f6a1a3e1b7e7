"""Parcels 发货: what leaves the house, whole or in pieces."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from backend.accounts.models import Account
from backend.core.errors import Invalid, NotFound, Refusal, WrongState
from backend.core.states import move_one
from shops import inventory, order_book
from shops.models import Order, OrderLine, RefundLine, Shipment, ShipmentLine
from shops.order_book import QtyExceeds, RefundOpen


class ShipmentKnown(Refusal):
    """This parcel of this order is recorded already."""

    code = "shipment_known"
    status = 409
    title = "This parcel is recorded already"


def ship(
    *,
    account: Account,
    number: str,
    carrier: str,
    tracking_number: str,
    lines: Mapping[int, int],
    at: datetime,
) -> Shipment:
    """Sends a parcel: `lines` gives units by order line id, empty means everything left.

    The order is shipped once nothing is left to leave, partially shipped before.

    :raises NotFound: not an order of the account's shop, or a line of another order.
    :raises WrongState: unpaid, wholly shipped, closed.
    :raises RefundOpen: a refund of one of the lines is open.
    :raises QtyExceeds: more units than are left of a line.
    :raises ShipmentKnown: the same parcel again.
    """
    with transaction.atomic():
        order = order_book.locked(order_book.of_shop(account, number))
        if order.status not in order_book.SHIPPABLE:
            raise WrongState(f"The order is {order.status}.", state=order.status)
        found = list(order_book.lines_with_rest(order.pk))
        parcel = _parcel(found, lines)
        _check_refunds(parcel)
        shipment = _write(order, carrier, tracking_number, parcel, at)
        left = sum(order_book.to_ship(line) for line in found) - sum(parcel.values())
        _move(order, is_whole=left == 0, at=at)
        order_book.say(
            "shipped",
            order_ids=[order.pk],
            actor=account,
            at=at,
            payload={"shipment_id": shipment.pk},
            carrier=carrier,
            tracking_number=tracking_number,
        )
        stock = [inventory.StockLine(line.sku_id, qty, line.pk) for line, qty in parcel.items()]
        inventory.ship(lines=stock, at=at)
    return shipment


def _parcel(found: list[OrderLine], wanted: Mapping[int, int]) -> dict[OrderLine, int]:
    """Units by line: those asked for, or everything left."""
    if not wanted:
        return {line: order_book.to_ship(line) for line in found if order_book.to_ship(line)}
    known = {line.pk: line for line in found}
    for line_id, qty in wanted.items():
        if line_id not in known:
            raise NotFound("No such line in this order.")
        if qty < 1:
            raise Invalid("A parcel holds at least one unit of each of its lines.")
        left = order_book.to_ship(known[line_id])
        if qty > left:
            raise QtyExceeds(line=line_id, left=left)
    return {known[line_id]: qty for line_id, qty in sorted(wanted.items())}


def _check_refunds(parcel: Mapping[OrderLine, int]) -> None:
    busy = RefundLine.objects.filter(order_line__in=list(parcel), is_open=True)
    for line_id in busy.order_by("order_line_id").values_list("order_line_id", flat=True)[:1]:
        raise RefundOpen(line=line_id)


def _write(
    order: Order, carrier: str, tracking_number: str, parcel: Mapping[OrderLine, int], at: datetime
) -> Shipment:
    try:
        with transaction.atomic():
            shipment = Shipment.objects.create(
                order=order, carrier=carrier, tracking_number=tracking_number, at=at
            )
    except IntegrityError as error:
        raise ShipmentKnown() from error
    ShipmentLine.objects.bulk_create(
        ShipmentLine(shipment=shipment, order_line=line, qty=qty) for line, qty in parcel.items()
    )
    for line, qty in parcel.items():  # at most 50: the lines of one order
        OrderLine.objects.filter(pk=line.pk).update(shipped_qty=F("shipped_qty") + qty)
    return shipment


def _move(order: Order, *, is_whole: bool, at: datetime) -> None:
    if is_whole:
        mark_shipped(order, at=at)
    else:
        to = Order.Status.PARTIALLY_SHIPPED
        move_one(order, transitions=Order.TRANSITIONS, to=to)


def mark_shipped(order: Order, *, at: datetime) -> None:
    """Nothing is left to leave: the order, held by the caller, waits for its buyer."""
    move_one(
        order,
        transitions=Order.TRANSITIONS,
        to=Order.Status.SHIPPED,
        shipped_at=at,
        auto_receive_at=at + timedelta(days=settings.AUTO_RECEIVE_DAYS),
    )
