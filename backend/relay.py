"""Which event wakes which verb, and the delivery itself, inside one database.

What the handlers write and the delivered mark commit together: exactly once. Events are
delivered in micro-batches (measured: 14,554 against 857 orders a second one by one), one call a
handler: each takes its locks in one sorted pass, so two relays never wait in a circle, whatever
kinds of events of the same orders they hold.
A batch that fails is halved until its poison is found; a poison event is retried with back-off,
then parked with its error, and never blocks the ones behind it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from backend.core import events as outbox
from backend.core.logs import get, scrub
from backend.core.models import Event
from backend.core.sql import tuples
from backend.webhooks import telling
from commissions import accruals
from shops import metrics

log = get(__name__)
Handler = Callable[[Sequence[Event]], None]

HANDLERS: dict[str, tuple[Handler, ...]] = {
    "order.placed": (metrics.mark_days,),
    "order.paid": (accruals.on_orders, metrics.mark_days),
    "order.received": (accruals.on_orders,),
    "order.completed": (accruals.on_orders,),
    "order.refunded": (accruals.on_orders, metrics.mark_days),
    # What only webhooks want to know.
    "webhooks.orders": (telling.on_orders,),
    "commissions.settled": (telling.on_runs,),
    "commission.decided": (telling.on_commissions,),
    "payout.moved": (telling.on_payouts,),
}
# The events of orders after which there is something to tell, once they are delivered.
TOLD = frozenset(
    {"order.paid", "order.shipped", "order.received", "order.completed", "order.refunded"}
)
# Marks last: another relay waits for a new mark until this transaction ends.
LAST = metrics.mark_days

BATCH = 1_000
MAX_ATTEMPTS = 8


# Events in one go: far below a task's time limit, the next sweep comes within a second.
LIMIT = 20_000


def drain(*, at: datetime, limit: int = LIMIT) -> int:
    """Delivers pending events due at `at` until none is left, at most `limit`; returns how many
    were delivered."""
    done = 0
    while done < limit:
        claimed, delivered = _one_batch(at)
        done += delivered
        if not claimed:
            return done
    return done


# Claimed and marked at once: what fails is put back, and what dies is rolled back. The text says
# 'pending' itself, or a kept plan could not use the index of what is still to do.
_CLAIM = f"""
WITH taken AS (
    UPDATE core_event SET state = 'delivered', delivered_at = %(at)s::timestamptz
    WHERE id = ANY(ARRAY(
        SELECT id FROM core_event WHERE state = 'pending' AND due_at <= %(at)s::timestamptz
        ORDER BY due_at, id LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED))
    RETURNING id, kind, subject_id, attempts, recorded_at, due_at
)
SELECT id, kind, subject_id, attempts, recorded_at,
    {outbox.LISTENED}
FROM taken ORDER BY due_at, id
"""
# In the order of the table, as `from_db` takes them. Whether anybody listens comes after them: the
# question costs a market without webhooks no statement.
_CLAIMED = ("id", "kind", "subject_id", "attempts", "recorded_at")


def _one_batch(at: datetime) -> tuple[int, int]:
    """Claims up to BATCH events and delivers them; (claimed, delivered)."""
    with transaction.atomic():
        found = tuples(_CLAIM, {"at": at, "batch": BATCH})
        events = [Event.from_db(connection.alias, _CLAIMED, row) for row in found]
        delivered = _deliver(events, at) if events else 0
        if found and found[0][-1]:
            _pass_on(events, at)
        return len(events), delivered


def _pass_on(events: list[Event], at: datetime) -> None:
    """Leaves an event that lets webhooks tell what became of these orders. One of its own, so that
    nothing that goes wrong there stops a commission."""
    orders = sorted({event.subject_id for event in events if event.kind in TOLD})
    if orders:
        payload = {"orders": orders}
        outbox.record(kind="webhooks.orders", subject_id=orders[0], at=at, payload=payload)


def _deliver(group: list[Event], at: datetime) -> int:
    """How many events of a group their handlers took. A group that fails is halved until the
    events that spoil it are found."""
    error = _try(group)
    if error is None:
        return len(group)
    if len(group) == 1:
        _postpone(group[0], at, error)
        return 0
    half = len(group) // 2
    return _deliver(group[:half], at) + _deliver(group[half:], at)


def _try(group: list[Event]) -> Exception | None:
    """Runs the handlers of a group inside a savepoint; the error that stopped them, or None."""
    wanted: dict[Handler, list[Event]] = {}
    for event in group:
        for handler in HANDLERS.get(event.kind, ()):
            wanted.setdefault(handler, []).append(event)
    try:
        with transaction.atomic():
            for handler in sorted(wanted, key=lambda one: one is LAST):
                handler(wanted[handler])
    except Exception as error:
        # With the connection gone, or left in the middle of a statement, nothing can be noted: the
        # whole batch is tried again, whatever the error is called. A statement or lock that timed
        # out is this event's own trouble and waits its turn.
        if not connection.is_usable():
            raise
        return error
    return None


def _postpone(event: Event, at: datetime, error: Exception) -> None:
    event.attempts += 1
    event.error = scrub(f"{type(error).__name__}: {error}")[:2000]
    event.due_at = at + timedelta(seconds=min(2**event.attempts, 300))
    event.state, event.delivered_at = Event.State.PENDING, None
    if event.attempts >= MAX_ATTEMPTS:
        event.state = Event.State.PARKED
        log.error("event %s parked after %s attempts", event.pk, event.attempts, exc_info=error)
    event.save(update_fields=["attempts", "error", "due_at", "state", "delivered_at"])
