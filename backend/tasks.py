"""Jobs of the wiring itself."""

from celery import shared_task

from backend import relay
from backend.accounts import signin
from backend.core import heartbeats
from backend.core.clock import now
from backend.rest import idempotency


@shared_task(name="backend.drain_events")
def drain_events() -> None:
    """Delivers every event that is due."""
    relay.drain(at=now())
    heartbeats.beat(job="relay", at=now())


@shared_task(name="backend.forget_old")
def forget_old() -> None:
    """Deletes idempotency keys past their day, and ended sessions of staff."""
    idempotency.forget_old(at=now())
    signin.forget_old_sessions()
