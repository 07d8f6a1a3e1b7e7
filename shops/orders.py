"""Orders 订单: cancelled, expired, received, completed. The ways of time go in batches."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Prefetch, Q, QuerySet

from backend.accounts.models import Account
from backend.core.errors import NotFound, WrongState
from backend.core.states import move, move_one
from shops import inventory, order_book
from shops.models import Checkout, Order, OrderLine, Refund, Shipment

BATCH = 200
# A run ends after this many batches; the next one goes on. Nothing is lost by stopping.
BATCHES_A_RUN = 50


def cancel(*, buyer: Account, number: str, at: datetime) -> Order:
    """Cancels an unpaid order, and with it its whole checkout: one payment stands for all its
    orders, so one of them cannot go alone. Their stock is free again at once.

    A paid order is not cancelled but refunded (aftersales.request): before it ships a whole line
    is approved at once.

    :raises NotFound: not an order of the buyer's.
    :raises WrongState: the order is no longer unpaid.
    """
    with transaction.atomic():
        found = Order.objects.filter(order_book.of_buyer(buyer, number)).first()
        if found is None:
            raise NotFound("No such order.")
        # The checkout first: a payment that arrives at this moment locks it first as well.
        checkout = Checkout.objects.select_for_update(no_key=True, of=("self",)).get(
            pk=found.checkout_id
        )
        found.refresh_from_db()
        if found.status != Order.Status.PENDING_PAYMENT:
            raise WrongState(f"The order is {found.status}.", state=found.status)
        move_one(checkout, transitions=Checkout.TRANSITIONS, to=Checkout.Status.CANCELLED)
        _cancel_orders([checkout.pk], actor=buyer, at=at, why="cancelled by the buyer")
        found.refresh_from_db()
    return found


def expire_checkouts(*, at: datetime) -> int:
    """Ends the checkouts that were not paid in time; returns how many.

    Cancels their orders and frees their stock, batch by batch, each in its own transaction.
    """
    done = 0
    for _ in range(BATCHES_A_RUN):
        with transaction.atomic():
            due = (
                Checkout.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
                .filter(status=Checkout.Status.PENDING, expires_at__lte=at)
                .order_by("expires_at", "id")
            )
            checkout_ids = list(due.values_list("id", flat=True)[:BATCH])
            move(
                Checkout.objects.filter(pk__in=checkout_ids),
                transitions=Checkout.TRANSITIONS,
                to=Checkout.Status.EXPIRED,
            )
            _cancel_orders(checkout_ids, actor=None, at=at, why="not paid in time")
        done += len(checkout_ids)
        if len(checkout_ids) < BATCH:
            break
    return done


def _cancel_orders(
    checkout_ids: list[int], *, actor: Account | None, at: datetime, why: str
) -> None:
    """The orders of checkouts that the caller has locked and ended."""
    if not checkout_ids:
        return
    orders = Order.objects.filter(checkout_id__in=checkout_ids)
    order_ids = sorted(orders.values_list("id", flat=True))
    moved = move(orders, transitions=Order.TRANSITIONS, to=Order.Status.CANCELLED)
    assert moved == len(order_ids), "orders of an open checkout wait for its payment"
    lines = OrderLine.objects.filter(order_id__in=order_ids).values_list("sku_id", "qty", "id")
    order_book.say("cancelled", order_ids=order_ids, actor=actor, at=at, why=why)
    inventory.release(lines=[inventory.StockLine(*line) for line in lines], at=at)


def receive(*, buyer: Account, number: str, at: datetime) -> Order:
    """The buyer says that everything has arrived: the after-sale windows begin to run.

    :raises NotFound: not an order of the buyer's.
    :raises WrongState: the order is not wholly shipped, or is past this.
    """
    with transaction.atomic():
        order = order_book.locked(order_book.of_buyer(buyer, number))
        days = order.lines.aggregate(days=Max("return_window_days"))["days"]
        move_one(
            order,
            transitions=Order.TRANSITIONS,
            to=Order.Status.RECEIVED,
            received_at=at,
            aftersale_until=at + timedelta(days=days),
        )
        order_book.say("received", order_ids=[order.pk], actor=buyer, at=at)
    return order


def _batched(statement: str, kind: str, at: datetime) -> int:
    """Runs a statement with two parameters, `at` and the batch's size, that moves orders and
    returns their ids, until a batch is not full; returns how many orders moved."""
    done = 0
    for _ in range(BATCHES_A_RUN):
        with transaction.atomic():
            order_ids = order_book.returned_ids(statement, {"at": at, "batch": BATCH})
            order_book.say(kind, order_ids=order_ids, actor=None, at=at)
        done += len(order_ids)
        if len(order_ids) < BATCH:
            break
    return done


_RECEIVE_OVERDUE = """
WITH due AS MATERIALIZED (
    SELECT id FROM shops_order
    WHERE status = 'shipped' AND auto_receive_at <= %(at)s::timestamptz
    ORDER BY auto_receive_at LIMIT %(batch)s::int
    FOR NO KEY UPDATE SKIP LOCKED
), windows AS (
    SELECT order_id, max(return_window_days)::int AS days FROM shops_orderline
    WHERE order_id IN (SELECT id FROM due) GROUP BY order_id
)
UPDATE shops_order o SET status = 'received', received_at = %(at)s::timestamptz,
    aftersale_until = %(at)s::timestamptz + make_interval(days => windows.days)
FROM windows WHERE o.id = windows.order_id RETURNING o.id
"""


def receive_overdue(*, at: datetime) -> int:
    """Receives the orders that were shipped AUTO_RECEIVE_DAYS ago; returns how many."""
    return _batched(_RECEIVE_OVERDUE, "received", at)


def complete_orders(*, at: datetime) -> int:
    """Completes the received orders whose last after-sale window is over and that have no open
    refund; returns how many. Their commissions may settle now.

    The rows are locked by one statement and judged by the next: a refund that was asked for
    between the two is seen, for it takes the same lock.
    """
    done = 0
    for _ in range(BATCHES_A_RUN):
        with transaction.atomic():
            claimed = _claim_ripe(at)
            ripe = Order.objects.filter(pk__in=claimed).exclude(_has_open_refund())
            order_ids = sorted(ripe.values_list("id", flat=True))
            move(
                Order.objects.filter(pk__in=order_ids),
                transitions=Order.TRANSITIONS,
                to=Order.Status.COMPLETED,
                completed_at=at,
            )
            order_book.say("completed", order_ids=order_ids, actor=None, at=at)
        done += len(order_ids)
        if len(claimed) < BATCH:
            break
    return done


def _claim_ripe(at: datetime) -> list[int]:
    due = (
        Order.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .filter(status=Order.Status.RECEIVED, aftersale_until__lt=at)
        .exclude(_has_open_refund())
        .order_by("aftersale_until", "id")
    )
    return list(due.values_list("id", flat=True)[:BATCH])


def _has_open_refund() -> Exists:
    return Exists(Refund.objects.filter(order=OuterRef("pk"), status__in=Refund.OPEN))


def list_of(*, account: Account, role: str, status: str = "") -> QuerySet[Order]:
    """The orders that the account has bought ("buyer") or sold ("shop"), with shop, checkout and
    lines: three statements for a page of any length."""
    mine = Q(shop__account=account) if role == "shop" else Q(buyer=account)
    found = Order.objects.filter(mine).exclude(status=Order.Status.EXTERNAL)
    if status:
        found = found.filter(status=status)
    lines = Prefetch("lines", OrderLine.objects.order_by("id"))
    return found.select_related("shop", "checkout", "buyer").prefetch_related(lines)


def checkout_page(*, buyer: Account, number: str) -> Checkout:
    """A checkout with its orders and their lines, three statements.

    :raises NotFound: not a checkout of the buyer's.
    """
    inside = Order.objects.select_related("shop", "checkout", "buyer").order_by("id")
    lines = Prefetch("lines", OrderLine.objects.order_by("id"))
    found = (
        Checkout.objects.filter(buyer=buyer, number=number)
        .prefetch_related(Prefetch("orders", inside.prefetch_related(lines)))
        .first()
    )
    if found is None:
        raise NotFound("No such checkout.")
    return found


def page_of(*, account: Account, number: str) -> Order:
    """One order with everything its page shows.

    :raises NotFound: the account has neither bought nor sold it.
    """
    found = (
        Order.objects.filter(order_book.of_party(account), number=number)
        .select_related("shop", "checkout", "buyer")
        .prefetch_related(
            Prefetch(
                "lines",
                OrderLine.objects.annotate(cancelled_qty=order_book.cancelled_qty()).order_by("id"),
            ),
            Prefetch("shipments", Shipment.objects.order_by("id").prefetch_related("lines")),
            Prefetch("refunds", Refund.objects.order_by("id").prefetch_related("lines")),
        )
        .first()
    )
    if found is None:
        raise NotFound("No such order.")
    return found


def allowed_actions(*, order: Order, account: Account, at: datetime) -> list[str]:
    """What this party may do with an order of `page_of` at `at`, without asking the database.

    Buyers: pay, cancel, receive, refund. Shops: ship.
    """
    busy = {
        line.order_line_id
        for refund in order.refunds.all()
        for line in refund.lines.all()
        if line.is_open
    }
    free = [line for line in order.lines.all() if line.pk not in busy]
    if account.pk != order.buyer_id:
        ships = order.status in order_book.SHIPPABLE and any(map(order_book.to_ship, free))
        return ["ship"] if ships else []
    if order.status == Order.Status.PENDING_PAYMENT:
        return ["pay", "cancel"] if at < order.checkout.expires_at else ["cancel"]
    actions = ["receive"] if order.status == Order.Status.SHIPPED else []
    if any(order_book.may_refund(order, line, at) for line in free):
        actions.append("refund")
    return actions
