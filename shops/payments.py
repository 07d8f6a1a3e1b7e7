"""Money in 支付: a checkout is paid once, exactly, whoever says so and however often.

The provider's notice is kept first (one row per notice id); what it causes commits with it. Money
that nobody waits for any more is sent back whole by a job, outside every transaction.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F

from backend.accounts.models import Account
from backend.core.errors import NotFound, Refusal, WrongState
from backend.core.logs import get
from backend.core.sql import run
from backend.core.states import move
from shops import order_book, providers
from shops.models import Checkout, Order, OrderLine, Payment, PaymentNotice
from shops.providers import sandbox

log = get(__name__)
RETURNS_A_RUN = 100

ACCEPTED = "accepted"
REPEATED = "repeated"
LATE = "late"
SECOND = "second"
MISMATCH = "amount_mismatch"
UNKNOWN = "unknown_checkout"


class AlreadyPaid(Refusal):
    """The checkout is paid."""

    code = "already_paid"
    status = 409
    title = "The checkout is paid"


class CheckoutExpired(Refusal):
    """The checkout's time to pay is over; its stock is free again."""

    code = "expired"
    status = 409
    title = "The checkout has expired"


class AmountMismatch(Refusal):
    """The notice names another amount than the checkout's total. It is kept, nothing moves."""

    code = "amount_mismatch"
    status = 422
    title = "The amount is not the checkout's total"


def start(*, checkout_number: str, buyer: Account, provider: str, at: datetime) -> dict[str, Any]:
    """What the buyer's client needs in order to pay. May be asked for as often as one likes:
    the checkout's number is the provider's key.

    :raises NotFound: not a checkout of the buyer's, or no such provider.
    :raises AlreadyPaid: it is paid.
    :raises CheckoutExpired: its time is over.
    :raises WrongState: it is cancelled.
    """
    rail = providers.named(provider)
    checkout = Checkout.objects.filter(number=checkout_number, buyer=buyer).first()
    if checkout is None:
        raise NotFound("No such checkout.")
    if checkout.status == Checkout.Status.PAID:
        raise AlreadyPaid()
    if checkout.status == Checkout.Status.CANCELLED:
        raise WrongState("The checkout is cancelled.", state=checkout.status)
    if checkout.status == Checkout.Status.EXPIRED or checkout.expires_at <= at:
        raise CheckoutExpired()
    return rail.start(checkout_number=checkout.number, amount_fen=checkout.total_fen, at=at)


def take_callback(
    *, provider: str, headers: Mapping[str, str], body: bytes, at: datetime
) -> PaymentNotice:
    """Reads a provider's callback over its raw body and records what it says.

    :raises NotFound: no such provider; or a notice about a checkout that we do not know.
    :raises BadSignature: forged, or older than five minutes.
    :raises MalformedNotice: signed but unreadable.
    :raises AmountMismatch: as `record_payment`.
    """
    notice = providers.named(provider).read_notice(headers=headers, body=body, at=at)
    return record_payment(
        provider=provider,
        notice_id=notice.notice_id,
        transaction_id=notice.transaction_id,
        checkout_number=notice.checkout_number,
        amount_fen=notice.amount_fen,
        payer=notice.payer,
        paid_at=notice.paid_at,
        at=at,
    )


def record_payment(
    *,
    provider: str,
    notice_id: str,
    transaction_id: str,
    checkout_number: str,
    amount_fen: int,
    payer: str,
    paid_at: datetime,
    at: datetime,
) -> PaymentNotice:
    """Records that the provider has taken `amount_fen` (fen) for a checkout, and pays its orders.

    The notice's `outcome`: accepted; repeated (the transaction is known, nothing happens); late
    (the checkout has expired or was cancelled: the money goes back whole); second (it is paid by
    another transaction: this one goes back whole). The same notice again does nothing
    and is answered, or refused, as before.

    :raises AmountMismatch: another amount than the total; the notice is kept, nothing moves.
    :raises NotFound: no such checkout; the notice is kept.
    """
    with transaction.atomic():
        notice, is_new = PaymentNotice.objects.get_or_create(
            provider=provider,
            notice_id=notice_id,
            defaults={
                "body": {
                    "transaction_id": transaction_id,
                    "checkout": checkout_number,
                    "amount_fen": amount_fen,
                    "payer": payer,
                    "paid_at": paid_at.isoformat(),
                },
                "received_at": at,
            },
        )
        if is_new:
            payment = Payment(
                provider=provider,
                transaction_id=transaction_id,
                amount_fen=amount_fen,
                payer=payer,
                paid_at=paid_at,
                recorded_at=at,
            )
            notice.outcome = _book(payment, checkout_number, at)
            notice.save(update_fields=["outcome"])
    # Raised only now: the notice must outlive the refusal.
    if notice.outcome == MISMATCH:
        raise AmountMismatch()
    if notice.outcome == UNKNOWN:
        raise NotFound("No such checkout.")
    return notice


def _book(payment: Payment, checkout_number: str, at: datetime) -> str:
    """Writes the payment where it belongs; the notice's outcome."""
    checkout = (
        Checkout.objects.select_for_update(no_key=True, of=("self",))
        .filter(number=checkout_number)
        .order_by("id")
        .first()
    )
    if checkout is None:
        return UNKNOWN
    known = Payment.objects.filter(provider=payment.provider, transaction_id=payment.transaction_id)
    if known.exists():
        return REPEATED
    if payment.amount_fen != checkout.total_fen:
        return MISMATCH
    payment.checkout = checkout
    # A checkout past its hour that the sweep has not met yet still holds its stock: take it.
    if _move_to_paid(checkout):
        payment.status = Payment.Status.ACCEPTED
        payment.save(force_insert=True)
        _pay_orders(checkout, payment, at)
        return ACCEPTED
    payment.status = Payment.Status.RETURNING
    payment.save(force_insert=True)
    return SECOND if checkout.status == Checkout.Status.PAID else LATE


def _move_to_paid(checkout: Checkout) -> bool:
    rows = Checkout.objects.filter(pk=checkout.pk)
    return bool(move(rows, transitions=Checkout.TRANSITIONS, to=Checkout.Status.PAID))


_COUNT_SALES = """
WITH sold AS (
    SELECT product_id, sum(qty) AS qty FROM shops_orderline
    WHERE order_id = ANY(%s::bigint[]) GROUP BY product_id
), held AS (
    SELECT id FROM shops_product WHERE id IN (SELECT product_id FROM sold)
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE shops_product p SET sales_count = p.sales_count + sold.qty
FROM held JOIN sold ON sold.product_id = held.id WHERE p.id = held.id
"""


def _pay_orders(checkout: Checkout, payment: Payment, at: datetime) -> None:
    """The checkout's orders and lines become paid, whole; one event per order."""
    # The provider's clock decides the day, but never a day before the order or after today.
    paid_at = min(max(payment.paid_at, checkout.created_at), at)
    waiting = Order.objects.filter(checkout=checkout)
    order_ids = sorted(waiting.values_list("id", flat=True))
    moved = move(
        waiting,
        transitions=Order.TRANSITIONS,
        to=Order.Status.PAID,
        paid_fen=F("payable_fen"),
        paid_at=paid_at,
        ship_by=paid_at + timedelta(hours=settings.SHIP_BY_HOURS),
    )
    assert moved == len(order_ids), "orders of an open checkout wait for its payment"
    OrderLine.objects.filter(order_id__in=order_ids).update(paid_fen=F("payable_fen"))
    order_book.say(
        "paid", order_ids=order_ids, actor=None, at=at, transaction_id=payment.transaction_id
    )
    run(_COUNT_SALES, [order_ids])


def sandbox_callback(
    *, checkout_number: str, at: datetime, base_url: str = ""
) -> sandbox.SignedCallback | None:
    """The sandbox's signed "paid" of a checkout, for people who try the service by hand; None for
    an unknown number."""
    found = Checkout.objects.filter(number=checkout_number).values_list("total_fen", flat=True)
    total_fen = found.first()
    if total_fen is None:
        return None
    return sandbox.build_callback(
        checkout_number=checkout_number, amount_fen=total_fen, at=at, base_url=base_url
    )


def return_payments(*, at: datetime) -> int:
    """Sends back the money of payments that nobody waited for, at most 100 a run; returns how
    many went back. Those that the provider has not finally answered come again after the others.

    The provider is asked outside any transaction, under a number that is the payment's for
    ever: a crash between the answer and our row costs one more question, never a second return.
    """
    waiting = Payment.objects.filter(status=Payment.Status.RETURNING)
    done = 0
    for payment in providers.whose_turn(waiting, limit=RETURNS_A_RUN, at=at):
        try:
            providers.named(payment.provider).refund(
                transaction_id=payment.transaction_id,
                refund_number=f"P{payment.pk}",
                amount_fen=payment.amount_fen,
            )
        except (providers.ProviderAway, NotFound):
            log.warning("payment %s is not back yet; it will be asked for again", payment.pk)
            continue
        except Exception:
            # A bug for people to look at; it must not stop the rest.
            log.exception("payment %s cannot be sent back", payment.pk)
            continue
        done += move(
            Payment.objects.filter(pk=payment.pk),
            transitions=Payment.TRANSITIONS,
            to=Payment.Status.RETURNED,
        )
    return done
