"""Background jobs of the commissions room; each calls one verb."""

from celery import shared_task

from backend.core import heartbeats
from backend.core.clock import now
from commissions import payouts


@shared_task(name="commissions.send_payouts")
def send_payouts() -> None:
    """Sends approved payouts."""
    sent = payouts.send_payouts(at=now())
    heartbeats.beat(job="send", at=now(), note=f"{sent} sent")


@shared_task(name="commissions.reconcile_payouts")
def reconcile_payouts() -> None:
    """Asks the channels what became of payouts whose result is not known."""
    ended = payouts.reconcile_payouts(at=now())
    heartbeats.beat(job="reconcile", at=now(), note=f"{ended} ended")
