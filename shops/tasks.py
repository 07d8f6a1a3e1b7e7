"""Background jobs of the shops room; each calls one verb."""

from celery import shared_task

from backend.core import heartbeats
from backend.core.clock import now
from shops import aftersales, metrics, orders, payments


@shared_task(name="shops.expire_checkouts")
def expire_checkouts() -> None:
    """Ends checkouts that were not paid in time."""
    orders.expire_checkouts(at=now())
    heartbeats.beat(job="orders-expire", at=now())


@shared_task(name="shops.receive_overdue")
def receive_overdue() -> None:
    """Receives orders that were shipped long ago."""
    orders.receive_overdue(at=now())
    heartbeats.beat(job="orders-receive", at=now())


@shared_task(name="shops.complete_orders")
def complete_orders() -> None:
    """Completes received orders whose after-sale windows are over."""
    orders.complete_orders(at=now())
    heartbeats.beat(job="orders-complete", at=now())


@shared_task(name="shops.return_payments")
def return_payments() -> None:
    """Sends back money that nobody waited for."""
    payments.return_payments(at=now())
    heartbeats.beat(job="payments-return", at=now())


@shared_task(name="shops.answer_overdue_refunds")
def answer_overdue_refunds() -> None:
    """Decides refunds that nobody answered in time."""
    aftersales.answer_overdue(at=now())
    heartbeats.beat(job="refunds-answer", at=now())


@shared_task(name="shops.complete_refunds")
def complete_refunds() -> None:
    """Pays back what has been approved."""
    aftersales.complete_refunds(at=now())
    heartbeats.beat(job="refunds-complete", at=now())


@shared_task(name="shops.roll_up_metrics")
def roll_up_metrics() -> None:
    """Counts the marked days anew."""
    metrics.roll_up(at=now())
    heartbeats.beat(job="metrics", at=now())
