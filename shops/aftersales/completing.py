"""The money goes back: the provider outside every transaction, then everything it changes in one.

A crash between the two leaves the refund in `refunding`; the next run asks the provider again
under the same number, which pays nothing twice, and writes what is missing.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, Sum

from backend.core.errors import NotFound
from backend.core.logs import get
from backend.core.sql import run
from backend.core.states import move, move_one
from shops import inventory, order_book, providers, shipments
from shops.models import Order, Payment, Refund, RefundLine

log = get(__name__)
REFUNDS_A_RUN = 200
Status = Refund.Status


def complete_refunds(*, at: datetime) -> int:
    """Pays back what is in `refunding`, at most 200 a run; returns how many refunds succeeded.
    Those that the provider has not finally answered come again after the others."""
    waiting = Refund.objects.filter(status=Status.REFUNDING).select_related("order")
    done = 0
    for refund in providers.whose_turn(waiting, limit=REFUNDS_A_RUN, at=at):
        try:
            done += _paid_back(refund) and _complete(refund, at)
        except Exception:
            # One that cannot be booked is a bug for people to look at; it must not stop the rest.
            log.exception("refund %s cannot be completed", refund.number)
    return done


def _paid_back(refund: Refund) -> bool:
    """Asks the provider; False where its answer is not final."""
    payment = Payment.objects.get(checkout=refund.order.checkout_id, status=Payment.Status.ACCEPTED)
    try:
        providers.named(payment.provider).refund(
            transaction_id=payment.transaction_id,
            refund_number=refund.number,
            amount_fen=refund.amount_fen,
        )
    except (providers.ProviderAway, NotFound):
        log.warning("refund %s is not paid back yet; it will be asked for again", refund.number)
        return False
    return True


def _complete(refund: Refund, at: datetime) -> bool:
    """Books a refund that the provider has paid; False where somebody was first."""
    with transaction.atomic():
        order = order_book.locked(Q(pk=refund.order_id))
        moved = move(
            Refund.objects.filter(pk=refund.pk),
            transitions=Refund.TRANSITIONS,
            to=Status.SUCCEEDED,
            succeeded_at=at,
        )
        if not moved:
            return False
        _book_lines(refund)
        _book_order(order, refund)
        order_book.say(
            "refunded",
            order_ids=[order.pk],
            actor=None,
            at=at,
            payload={"refund_id": refund.pk},
            amount_fen=refund.amount_fen,
        )
        _settle_state(order, at)
        _restock(refund, at)
    return True


_BOOK_LINES = """
UPDATE shops_orderline l
SET refunded_fen = l.refunded_fen + r.amount_fen, refunded_qty = l.refunded_qty + r.qty
FROM shops_refundline r
WHERE r.refund_id = %s AND l.id = r.order_line_id
  AND l.refunded_fen + r.amount_fen <= l.paid_fen AND l.refunded_qty + r.qty <= l.qty
"""


def _book_lines(refund: Refund) -> None:
    closed = refund.lines.update(is_open=False)
    booked = run(_BOOK_LINES, [refund.pk])
    assert booked == closed, f"refund {refund.number} exceeds what is left of a line"


def _book_order(order: Order, refund: Refund) -> None:
    fits = Order.objects.filter(
        pk=order.pk,
        refunded_fen__lte=F("paid_fen") - refund.amount_fen,
        refunded_shipping_fen__lte=F("shipping_fen") - refund.shipping_fen,
    )
    booked = fits.update(
        refunded_fen=F("refunded_fen") + refund.amount_fen,
        refunded_shipping_fen=F("refunded_shipping_fen") + refund.shipping_fen,
    )
    assert booked == 1, f"refund {refund.number} exceeds what is left of its order"


def _settle_state(order: Order, at: datetime) -> None:
    """An order whose goods are all refunded is closed; one of which nothing is left to leave is
    shipped."""
    left = order.lines.aggregate(left=Sum("paid_fen") - Sum("refunded_fen"))["left"]
    if left == 0:
        to = Order.Status.CLOSED
        move_one(order, transitions=Order.TRANSITIONS, to=to, closed_at=at)
        order_book.say("closed", order_ids=[order.pk], actor=None, at=at)
    elif order.status in order_book.SHIPPABLE:
        waiting = sum(map(order_book.to_ship, order_book.lines_with_rest(order.pk)))
        if waiting == 0:
            shipments.mark_shipped(order, at=at)
            order_book.say("shipped", order_ids=[order.pk], actor=None, at=at)


def _restock(refund: Refund, at: datetime) -> None:
    lines = refund.lines.filter(qty__gt=0).select_related("order_line")
    kinds: dict[str, list[inventory.StockLine]] = {}
    for line in lines:
        stock = inventory.StockLine(line.order_line.sku_id, line.qty, line.order_line_id)
        kinds.setdefault(line.restock, []).append(stock)
    if RefundLine.Restock.CANCEL in kinds:
        inventory.release(lines=kinds[RefundLine.Restock.CANCEL], at=at)
    if RefundLine.Restock.RETURN in kinds:
        inventory.put_back(lines=kinds[RefundLine.Restock.RETURN], at=at)
