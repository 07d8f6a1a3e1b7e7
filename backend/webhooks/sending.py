"""Sending: claims what is due, calls the receivers outside any transaction, notes what they said.

A worker that dies between the call and the note leaves the row in `sending`; once the claim has run
out another worker calls again, under the same webhook-id: at least once, and receivers know by the
id what they have taken. An endpoint that is slow or dead holds nobody else up: AT_ONCE calls to one
endpoint at a time, one while it fails, and a pause after each failure that doubles.
"""

import json
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import SystemRandom
from typing import Any

from django.conf import settings
from django.db import transaction
from standardwebhooks.webhooks import Webhook

from backend.core import audit, clock
from backend.core.logs import get
from backend.core.sql import read, rows, value
from backend.core.states import move
from backend.webhooks import endpoints, outgoing, rights
from backend.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint

log = get(__name__)
State = WebhookDelivery.State
Reason = WebhookEndpoint.Reason

# Seconds from one failed try to the next: ten tries over 75 hours and 35 minutes, the schedule
# that Standard Webhooks recommends.
WAITS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
TRIES = len(WAITS) + 1
JITTER = 0.1  # of a wait, more or less: receivers that come back are not stormed
AT_ONCE = 4
THREADS = 16
# A claim lasts longer than any call: then its worker is taken for dead.
CLAIM = timedelta(seconds=90)
# A call that has not ended by then hangs where no limit of ours reaches, in the look-up of a name:
# it has failed, and nothing will be sent any more.
OVERDUE = 2 * outgoing.LIMIT
# After a failure nothing is sent to an endpoint for 2, 4, 8 … seconds, 10 minutes at most.
LONGEST_PAUSE = 600
SWITCH_OFF_AFTER = timedelta(days=5)
VERSION = 1
# A run begins no new call after so many seconds; the next sweep goes on.
RUN_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Call:
    """A claimed delivery, all that a thread needs to make the call; `number` is this claim's."""

    delivery_id: int
    number: int
    url: str
    headers: dict[str, str]
    body: bytes


def drain(*, at: datetime, seconds: float = RUN_SECONDS) -> int:
    """Sends what is due, for about `seconds` and one call's time at most (OVERDUE where it hangs);
    returns how many calls were made. Any number of these may run at once: they claim with SKIP
    LOCKED."""
    began = time.monotonic()
    done = 0
    waiting: dict[Future[outgoing.Answer], tuple[Call, float]] = {}
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook")
    try:
        while True:
            spent = time.monotonic() - began
            if spent < seconds and len(waiting) < THREADS:
                for call in claim(at=at + timedelta(seconds=spent), most=THREADS - len(waiting)):
                    waiting[pool.submit(_make, call)] = call, spent
            if not waiting:
                return done
            wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
            spent = time.monotonic() - began
            for future, (call, since) in list(waiting.items()):
                if future.done() or spent - since >= OVERDUE:
                    del waiting[future]
                    note(call=call, answer=_answer(future), at=at + timedelta(seconds=spent))
                    done += 1
    finally:
        pool.shutdown(wait=False)  # what hangs ends by itself


def _answer(future: Future[outgoing.Answer]) -> outgoing.Answer:
    if future.done():
        return future.result()
    return outgoing.Answer(None, outgoing.LATE, "", round(OVERDUE * 1000))


# What waits for somebody who may not see it any more waits on.
_HOLD = f"""
SELECT e.id FROM webhooks_webhookendpoint e {rights.OWNERS}
WHERE e.status = 'active' AND (e.paused_until IS NULL OR e.paused_until <= %(at)s::timestamptz)
  AND EXISTS (SELECT 1 FROM webhooks_webhookdelivery d WHERE d.endpoint_id = e.id
              AND d.state IN ('waiting', 'sending') AND d.due_at <= %(at)s::timestamptz)
  AND {rights.SEES}
ORDER BY e.last_success_at DESC NULLS LAST, e.id LIMIT %(most)s
FOR NO KEY UPDATE OF e SKIP LOCKED
"""
# The transitions WAITING | SENDING → SENDING of the model's table. An endpoint's calls under way
# are counted once its row is held, so two workers never make more than AT_ONCE together.
_CLAIM = """
WITH room AS (
    SELECT e.id, CASE WHEN e.streak > 0 THEN 1 ELSE %(at_once)s END - (
        SELECT count(*) FROM webhooks_webhookdelivery d WHERE d.endpoint_id = e.id
        AND d.state = 'sending' AND d.due_at > %(at)s::timestamptz) AS free
    FROM webhooks_webhookendpoint e WHERE e.id = ANY(%(held)s::bigint[])
),
due AS (
    SELECT d.id, d.place FROM room CROSS JOIN LATERAL (
        SELECT w.id, row_number() OVER (ORDER BY w.due_at, w.id) AS place
        FROM (SELECT id, due_at FROM webhooks_webhookdelivery WHERE endpoint_id = room.id
              AND state IN ('waiting', 'sending') AND due_at <= %(at)s::timestamptz
              ORDER BY due_at, id LIMIT greatest(room.free, 0) FOR NO KEY UPDATE SKIP LOCKED) w
    ) d ORDER BY d.place, d.id LIMIT %(most)s
)
UPDATE webhooks_webhookdelivery d SET state = 'sending', due_at = %(until)s::timestamptz,
    tries = d.tries + 1, calls = d.calls + 1
FROM due WHERE d.id = due.id
RETURNING d.id, d.endpoint_id, d.calls, d.event_id, d.kind, d.data, d.occurred_at
"""


def claim(*, at: datetime, most: int = THREADS) -> list[Call]:
    """Takes up to `most` deliveries that are due, at most AT_ONCE under way of one endpoint and one
    of an endpoint that fails."""
    with transaction.atomic(durable=True):
        held = [row["id"] for row in rows(_HOLD, {"at": at, "most": most})]
        if not held:
            return []
        asked = {"held": held, "at": at, "until": at + CLAIM, "at_once": AT_ONCE, "most": most}
        taken = read(_CLAIM, asked)
        found = WebhookEndpoint.objects.in_bulk([row["endpoint_id"] for row in taken])
    return [_call(row, found[row["endpoint_id"]], at) for row in taken]


def _call(row: dict[str, Any], endpoint: WebhookEndpoint, at: datetime) -> Call:
    # What a receiver compares its clock with is the real one, however far a demo's is ahead.
    stamp = at - clock.offset()
    body = body_of(row)
    signed = [
        Webhook(secret).sign(msg_id=row["event_id"], timestamp=stamp, data=body)
        for secret in endpoints.secrets_of(endpoint, at)
    ]
    headers = {
        "webhook-id": row["event_id"],
        "webhook-timestamp": str(int(stamp.timestamp())),
        "webhook-signature": " ".join(signed),
    }
    return Call(row["id"], row["calls"], endpoint.url, headers, body.encode())


def body_of(row: dict[str, Any]) -> str:
    """The JSON that is signed and sent: the same bytes at every try."""
    told = {
        "id": row["event_id"],
        "type": row["kind"],
        "version": VERSION,
        "sequence": row["id"],
        "timestamp": row["occurred_at"].astimezone(UTC).isoformat(),
        "data": row["data"],
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _make(call: Call) -> outgoing.Answer:
    return outgoing.post(
        call.url, headers=call.headers, body=call.body, loopback=settings.WEBHOOK_LOOPBACK
    )


def note(*, call: Call, answer: outgoing.Answer, at: datetime) -> None:
    """Keeps what a receiver said and decides what follows. The answer to a claim that has run out
    and was taken over is kept as well, and decides nothing."""
    with transaction.atomic(durable=True):
        row = WebhookDelivery.objects.select_for_update(no_key=True, of=("self",)).filter(
            pk=call.delivery_id
        )
        delivery = row.first()
        if delivery is None:
            return  # too old, and forgotten meanwhile
        WebhookAttempt.objects.create(
            delivery=delivery,
            at=at,
            status_code=answer.status_code,
            latency_ms=answer.latency_ms,
            error=answer.error[:200],
            answer=answer.body,
        )
        if delivery.calls != call.number or delivery.state != State.SENDING:
            return
        if answer.is_taken:
            _delivered(delivery, at)
        else:
            _failed(delivery, answer, at)


def _delivered(delivery: WebhookDelivery, at: datetime) -> None:
    _move(delivery, State.DELIVERED, delivered_at=at)
    WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).update(
        last_success_at=at, streak=0, failing_since=None, paused_until=None
    )


def _failed(delivery: WebhookDelivery, answer: outgoing.Answer, at: datetime) -> None:
    if delivery.tries >= TRIES:
        _move(delivery, State.FAILED)
    else:
        _move(delivery, State.WAITING, due_at=at + wait_after(delivery.tries))
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True, of=("self",)).get(
        pk=delivery.endpoint_id
    )
    endpoint.streak += 1
    endpoint.failing_since = endpoint.failing_since or at
    endpoint.last_failure_at = at
    endpoint.paused_until = at + timedelta(seconds=min(2**endpoint.streak, LONGEST_PAUSE))
    endpoint.save(update_fields=["streak", "failing_since", "last_failure_at", "paused_until"])
    if answer.is_gone:
        _switch_off(endpoint, Reason.GONE, at)
    elif at - endpoint.failing_since >= SWITCH_OFF_AFTER:
        _switch_off(endpoint, Reason.FAILING, at)


def wait_after(tries: int) -> timedelta:
    """How long after the try of this number the next one comes."""
    spread = 1 + SystemRandom().uniform(-JITTER, JITTER)
    return timedelta(seconds=WAITS[tries - 1] * spread)


def _move(delivery: WebhookDelivery, to: str, **changes: Any) -> None:
    moved = move(
        WebhookDelivery.objects.filter(pk=delivery.pk),
        transitions=WebhookDelivery.TRANSITIONS,
        to=to,
        field="state",
        **changes,
    )
    assert moved, "the row is locked"


def _switch_off(endpoint: WebhookEndpoint, why: str, at: datetime) -> None:
    """Ends the calls to an endpoint; its owner reads why on its page and by the API."""
    moved = move(
        WebhookEndpoint.objects.filter(pk=endpoint.pk),
        transitions=WebhookEndpoint.TRANSITIONS,
        to=WebhookEndpoint.Status.OFF,
        off_reason=why,
        off_at=at,
    )
    if moved:
        audit.note(actor=None, action="webhook.off", target=endpoint, at=at, reason=why)
        log.warning("webhook endpoint %s is switched off: %s", endpoint.pk, why)


KEPT = timedelta(days=30)
_FORGET = """
WITH old AS (
    SELECT id FROM webhooks_webhookdelivery
    WHERE created_at < %(before)s::timestamptz AND (state IN ('delivered', 'failed')
        OR created_at < %(long_before)s::timestamptz)
    ORDER BY created_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
),
tries AS (DELETE FROM webhooks_webhookattempt a USING old WHERE a.delivery_id = old.id),
gone AS (DELETE FROM webhooks_webhookdelivery d USING old WHERE d.id = old.id RETURNING 1)
SELECT count(*) FROM gone
"""


def forget_old(*, at: datetime, most: int = 10_000) -> int:
    """Deletes deliveries that ended and are older than 30 days, and those that wait for more than
    60 at an endpoint that is not told; returns how many."""
    asked = {"before": at - KEPT, "long_before": at - 2 * KEPT, "most": most}
    done = 0
    while True:
        with transaction.atomic():
            gone = int(value(_FORGET, asked))
        done += gone
        if gone < most:
            return done


# One drain at a time in all workers: a drain waits for strangers, and the other jobs need the
# other processes. Any 64-bit number of our own.
_ONE = 7_316_220_016


def drain_alone(*, at: datetime) -> int:
    """As `drain`, unless another worker is at it: then nothing, for that one goes on until nothing
    is due."""
    if not value("SELECT pg_try_advisory_lock(%s::bigint)", [_ONE]):
        return 0
    try:
        return drain(at=at)
    finally:
        value("SELECT pg_advisory_unlock(%s::bigint)", [_ONE])
