"""Jobs of webhooks."""

from celery import shared_task

from backend.core import heartbeats
from backend.core.clock import now
from backend.webhooks import sending


@shared_task(name="webhooks.send")
def send() -> None:
    """Sends what is due."""
    sending.drain_alone(at=now())
    heartbeats.beat(job="webhooks", at=now())


@shared_task(name="webhooks.forget_old")
def forget_old() -> None:
    """Deletes deliveries older than 30 days."""
    sending.forget_old(at=now())
