"""Say it in the same transaction; do it later.

`record` writes the fact beside the change that made it true; the relay (backend/relay.py)
delivers it. The wake-up on commit is an optimisation; the beat's sweep is the guarantee.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from backend.core import audit
from backend.core.models import Event
from backend.core.sql import run

_wake: list[Callable[[], None]] = []


def wake_with(ring: Callable[[], None]) -> None:
    """Registers what rings the relay's doorbell after a commit; wiring calls it once."""
    _wake[:] = [ring]


def record(
    *, kind: str, subject_id: int, at: datetime, payload: Mapping[str, Any] | None = None
) -> Event:
    """Writes one event into the outbox; must run inside the transaction of the change."""
    return record_many(kind=kind, subject_ids=[subject_id], at=at, payload=payload)[0]


def record_many(
    *, kind: str, subject_ids: list[int], at: datetime, payload: Mapping[str, Any] | None = None
) -> list[Event]:
    """As `record` for many subjects of one kind, in one statement."""
    assert connection.in_atomic_block, "an event belongs to the transaction of its change"
    rows = Event.objects.bulk_create(
        Event(kind=kind, subject_id=subject, payload=dict(payload or {}), recorded_at=at, due_at=at)
        for subject in subject_ids
    )
    for ring in _wake:
        transaction.on_commit(ring, robust=True)
    return rows


# Whether any webhook listens, or was switched off for failing and is remembered.
LISTENED = """EXISTS (SELECT 1 FROM webhooks_webhookendpoint
            WHERE status = 'active' OR off_reason = 'failing')"""
_TELL = f"""
INSERT INTO core_event (kind, subject_id, payload, state, attempts, error, recorded_at, due_at)
SELECT %s::text, %s::bigint, %s::jsonb, 'pending', 0, '', %s::timestamptz, %s::timestamptz
WHERE {LISTENED}
"""


def tell(
    *, kind: str, subject_id: int, at: datetime, payload: Mapping[str, Any] | None = None
) -> None:
    """As `record`, for what only webhooks hear: where nobody listens nothing is written. Who begins
    to listen at this very moment may hear of it or not."""
    assert connection.in_atomic_block, "an event belongs to the transaction of its change"
    if run(_TELL, [kind, subject_id, json.dumps(payload or {}), at, at]):
        for ring in _wake:
            transaction.on_commit(ring, robust=True)


def replay(*, event_ids: Sequence[int], by: Any, at: datetime) -> int:
    """Puts parked events back in line, with all their attempts before them; returns how many.
    Each is an audit row. Others than parked ones are left alone."""
    with transaction.atomic():
        parked = Event.objects.select_for_update(no_key=True, of=("self",)).filter(
            pk__in=list(event_ids), state=Event.State.PARKED
        )
        events = list(parked.order_by("pk"))
        Event.objects.filter(pk__in=[event.pk for event in events]).update(
            state=Event.State.PENDING, attempts=0, due_at=at
        )
        for event in events:
            audit.note(actor=by, action="event.replay", target=event, at=at, reason=event.error)
        for ring in _wake:
            transaction.on_commit(ring, robust=True)
    return len(events)
