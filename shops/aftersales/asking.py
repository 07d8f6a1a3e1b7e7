"""Asking for money back: what may be asked, line by line, and what it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Sum

from backend.accounts.models import Account
from backend.core import audit, ids
from backend.core.errors import Invalid, NotAllowed, NotFound, Refusal, WrongState
from shops import order_book
from shops.models import Order, OrderLine, Refund, RefundLine
from shops.order_book import QtyExceeds, RefundOpen

MAX_ATTEMPTS = 5
Kind = Refund.Kind
Status = Refund.Status
Restock = RefundLine.Restock
# Units and fen by order line id; None: what these units cost.
Wanted = Mapping[int, tuple[int, int | None]]
_UNPAID = (Order.Status.PENDING_PAYMENT, Order.Status.CANCELLED)


class WindowClosed(Refusal):
    """The after-sale window of the line is over; `line` says which."""

    code = "window_closed"
    status = 409
    title = "The after-sale window is over"


class AttemptsExceeded(Refusal):
    """Five refunds were asked for on this line already; `line` says which."""

    code = "attempts_exceeded"
    status = 409
    title = "No more refunds may be asked for on this line"


class NothingLeft(Refusal):
    """Everything paid for the line has gone back; `line` says which."""

    code = "nothing_left"
    status = 409
    title = "Nothing is left to refund"


class AmountExceeds(Refusal):
    """More than what is left of the line's money; `line` and `left_fen` say which and how much."""

    code = "amount_exceeds"
    status = 422
    title = "More money than is left"


class UnitsMissing(Invalid):
    """All the money of a line takes its unshipped units back as well; `line` and `qty` say which
    and how many."""

    code = "units_missing"
    title = "All the money back takes back the units that have not left"


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is asked back of one line."""

    line: OrderLine
    qty: int
    amount_fen: int
    restock: str

    @property
    def is_whole_and_unshipped(self) -> bool:
        """Nothing has left, and everything is asked back: nobody needs to be asked."""
        return (
            self.line.shipped_qty == 0
            and self.qty == order_book.to_ship(self.line)
            and self.amount_fen == self.line.paid_fen - self.line.refunded_fen
        )


def request(
    *,
    buyer: Account,
    number: str,
    kind: str,
    reason: str,
    lines: Wanted,
    note: str,
    at: datetime,
) -> Refund:
    """The buyer asks for money back: units and fen by order line id; empty: everything left.

    Units may be 0 with refund_only: an amount for goods that stay. refund_only takes back either
    units that have not left, or the money of units that have; return_refund takes back units that
    have left. Lines wholly unshipped and wholly asked back are approved at once; anything else
    waits for the shop, REFUND_ANSWER_HOURS at most. Shipping comes back with the whole order, if
    nothing of it has left.

    :raises NotFound: not an order of the buyer's, or a line of another order.
    :raises WrongState: the order is unpaid or cancelled.
    :raises WindowClosed: too late for a line.
    :raises RefundOpen: a refund of a line is open.
    :raises AttemptsExceeded: five refunds of a line were asked for.
    :raises NothingLeft: the line's money is all back.
    :raises QtyExceeds: more units than can be taken back in this way.
    :raises AmountExceeds: more fen than are left.
    :raises UnitsMissing: all the money, but not all the unshipped units.
    """
    with transaction.atomic():
        order = order_book.locked(order_book.of_buyer(buyer, number))
        pieces = _pieces(order, kind, lines)
        for piece in pieces:
            _check_time(order, piece.line, at)
        _check_attempts(pieces)
        at_once = kind == Kind.REFUND_ONLY and all(p.is_whole_and_unshipped for p in pieces)
        refund = _write(
            Refund(
                order=order,
                kind=kind,
                status=Status.REFUNDING if at_once else Status.REQUESTED,
                reason=reason,
                note=note,
                decided_at=at if at_once else None,
            ),
            pieces,
            at,
        )
        _tell(refund, "refund_requested", actor=buyer, at=at)
    return refund


def staff_refund(*, by: Account, number: str, lines: Wanted, reason: str, at: datetime) -> Refund:
    """Staff give money back at any time after payment, also after completion and settlement:
    goodwill, or a dispute decided. Units and fen by line id as in `request`; empty: everything
    left. No window, no count of attempts; an audit row with the reason.

    :raises NotAllowed: not staff, or their own order: nobody decides on their own money.
    :raises NotFound: no such order, or a line of another order.
    And what `request` raises about open refunds, units and amounts.
    """
    if not (by.is_active and by.is_staff):
        raise NotAllowed("Only staff refund past the shop.")
    with transaction.atomic():
        order = order_book.locked(order_book.any_of(number))
        if order.buyer_id == by.pk:
            raise NotAllowed("Nobody refunds their own order past the shop.")
        pieces = _pieces(order, Kind.REFUND_ONLY, lines)
        refund = _write(
            Refund(
                order=order,
                kind=Kind.REFUND_ONLY,
                status=Status.REFUNDING,
                reason="staff",
                note=reason[:300],
                decided_at=at,
                decided_by=by,
            ),
            pieces,
            at,
        )
        _tell(refund, "refund_by_staff", actor=by, at=at)
        audit.note(
            actor=by,
            action="order.refund",
            target=order,
            at=at,
            reason=reason,
            refund=refund.number,
            amount_fen=refund.amount_fen,
        )
    return refund


def _tell(refund: Refund, kind: str, *, actor: Account, at: datetime) -> None:
    order_book.note(kind, order_ids=[refund.order_id], actor=actor, at=at, refund=refund.number)


def _pieces(order: Order, kind: str, wanted: Wanted) -> list[_Piece]:
    """What is asked of each line, checked against what is left of it."""
    if order.status in _UNPAID:
        raise WrongState(f"The order is {order.status}.", state=order.status)
    known = {line.pk: line for line in order_book.lines_with_rest(order.pk)}
    if not wanted:
        wanted = _everything(known, kind)
    if not set(wanted) <= set(known):
        raise NotFound("No such line in this order.")
    open_lines = RefundLine.objects.filter(order_line__in=list(wanted), is_open=True)
    busy = set(open_lines.values_list("order_line_id", flat=True))
    if busy:
        raise RefundOpen(line=min(busy))
    return [_piece(known[line_id], kind, *wanted[line_id]) for line_id in sorted(wanted)]


def _everything(known: Mapping[int, OrderLine], kind: str) -> dict[int, tuple[int, int | None]]:
    """All that is left of every line; a line of which a part has left gives its money alone."""
    found: dict[int, tuple[int, int | None]] = {}
    for line in known.values():
        left_fen = line.paid_fen - line.refunded_fen
        units = order_book.to_ship(line)
        if kind == Kind.RETURN_REFUND or units == 0:
            units = line.qty - line.refunded_qty
        if left_fen:
            found[line.pk] = (units, left_fen)
    if not found:
        raise NothingLeft()
    return found


def _piece(line: OrderLine, kind: str, qty: int, amount_fen: int | None) -> _Piece:
    left_fen = line.paid_fen - line.refunded_fen
    if left_fen == 0:
        raise NothingLeft(line=line.pk)
    restock = _restock(line, kind, qty)
    if amount_fen is None:
        amount_fen = _price_of(line, qty)
    if not 1 <= amount_fen <= left_fen:
        raise AmountExceeds(line=line.pk, left_fen=left_fen)
    waiting = order_book.to_ship(line)
    takes_all_waiting = waiting == 0 or (restock == Restock.CANCEL and qty == waiting)
    if amount_fen == left_fen and not takes_all_waiting:
        raise UnitsMissing(line=line.pk, qty=waiting)
    return _Piece(line, qty, amount_fen, restock)


def _price_of(line: OrderLine, qty: int) -> int:
    """What these units cost; the last ones take what is left, so that the pieces add up."""
    left_fen = line.paid_fen - line.refunded_fen
    if qty == line.qty - line.refunded_qty:
        return left_fen
    return min(line.paid_fen * qty // line.qty, left_fen)


def _restock(line: OrderLine, kind: str, qty: int) -> str:
    """Where the units come from: never left, outside and coming back, or outside for good."""
    waiting = order_book.to_ship(line)
    outside = line.qty - line.refunded_qty - waiting
    if kind == Kind.RETURN_REFUND:
        if not 1 <= qty <= outside:
            raise QtyExceeds(line=line.pk, left=outside)
        return Restock.RETURN
    if qty == 0:
        return Restock.NONE
    if not 1 <= qty <= (waiting or outside):
        raise QtyExceeds(line=line.pk, left=waiting or outside)
    return Restock.CANCEL if waiting else Restock.NONE


def _check_time(order: Order, line: OrderLine, at: datetime) -> None:
    is_over = order.status == Order.Status.COMPLETED
    if is_over or not order_book.window_is_open(order, line, at):
        raise WindowClosed(line=line.pk)


def _check_attempts(pieces: list[_Piece]) -> None:
    asked = (
        RefundLine.objects.filter(order_line__in=[piece.line.pk for piece in pieces])
        .values("order_line_id")
        .annotate(times=Count("id"))
        .filter(times__gte=MAX_ATTEMPTS)
        .order_by("order_line_id")
    )
    for row in asked:
        raise AttemptsExceeded(line=row["order_line_id"])


def _shipping_back(order: Order, pieces: list[_Piece]) -> int:
    """The shipping fee, where this refund is the last of a whole order that has not left."""
    if order.shipping_fen == order.refunded_shipping_fen:
        return 0
    sums = order.lines.aggregate(
        left=Sum("paid_fen") - Sum("refunded_fen"), shipped=Sum("shipped_qty")
    )
    on_the_way = order.refunds.filter(status=Status.REFUNDING).aggregate(
        goods=Sum("amount_fen") - Sum("shipping_fen"), shipping=Sum("shipping_fen")
    )
    asked = sum(piece.amount_fen for piece in pieces) + (on_the_way["goods"] or 0)
    if sums["shipped"] or asked < sums["left"]:
        return 0
    return order.shipping_fen - order.refunded_shipping_fen - (on_the_way["shipping"] or 0)


def _write(refund: Refund, pieces: list[_Piece], at: datetime) -> Refund:
    refund.number = ids.number("R", at)
    refund.shipping_fen = _shipping_back(refund.order, pieces)
    refund.amount_fen = sum(piece.amount_fen for piece in pieces) + refund.shipping_fen
    refund.requested_at = at
    refund.deadline_at = at + timedelta(hours=settings.REFUND_ANSWER_HOURS)
    refund.save(force_insert=True)
    RefundLine.objects.bulk_create(
        RefundLine(
            refund=refund,
            order_line=piece.line,
            qty=piece.qty,
            amount_fen=piece.amount_fen,
            restock=piece.restock,
        )
        for piece in pieces
    )
    return refund
