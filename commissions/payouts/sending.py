"""Sending, and asking what became of it.

The attempt is committed before the channel is called, and the channel is called outside any
transaction (`durable` refuses a surrounding one). A payout is sent at most once for life: the
attempt is unique. A worker that dies anywhere leaves a payout in `sending` with its attempt
pending, and that is asked of the channel, never sent again.

"Not found" is not "failed": the sending may still be on its way, or a paused worker may yet make
the call. Only when the channel's own window has passed is the number voided there, so that it
can never be paid later, and only the answer to that gives the money back. A number whose sending
the channel answered with a refusal, and that it still does not know when the window has passed,
has failed: nothing of it is on its way. Where a channel can void nothing, a person ends the rest.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from backend.core.logs import get
from backend.core.sql import rows
from backend.core.states import move
from commissions import payees, payout_rules
from commissions.models import Payout, PayoutAttempt
from commissions.payouts import money
from commissions.providers import CHANNELS, Answer, Channel, ChannelTimeout, Result, Transfer

log = get(__name__)
Status = Payout.Status
Outcome = PayoutAttempt.Outcome

# A sending younger than this may still be waiting for its answer.
STILL_SENDING = timedelta(minutes=2)
PUT_OFF = 5_000
SHOWN = 10


def send_payouts(*, at: datetime, limit: int = 200) -> int:
    """Sends approved payouts of the channels that are called, at most `limit`; returns how many
    were sent. Any number of these may run at once. Outside the sending window nothing goes, and
    what waits is put off to the next one. A payout whose payee cannot be read is passed over and
    stays approved, so that it goes out once its key is back."""
    if not in_window(at):
        return 0
    sent = 0
    unreadable: list[Payout] = []
    for _ in range(limit):
        payout, clear = _claim(at, [one.pk for one in unreadable])
        if payout is None:
            break
        if clear is None:
            unreadable.append(payout)
            continue
        _send(payout, clear, at)
        sent += 1
    cry_out(unreadable)
    return sent


def cry_out(unreadable: Sequence[Payout]) -> None:
    """Says which payouts are passed over: a key was dropped before everything was resealed, or
    somebody wrote to the column."""
    if unreadable:
        log.error(
            "%s payouts wait for a payee that cannot be read with FIELD_KEYS: %s",
            len(unreadable),
            ", ".join(payout.number for payout in unreadable[:SHOWN]),
        )


def in_window(at: datetime) -> bool:
    """Whether payouts may be sent now: what waits for the window of an earlier rule waits no more.
    Where not, those that waited for this window are put off to the next one."""
    window = payout_rules.at(at).sending
    if window.is_open(at):
        _wait_until(at, Q(send_from__gt=at))
        return True
    opens = window.next_open(at)
    if opens is not None:
        _wait_until(opens, Q(send_from__lt=opens))
    return False


def _wait_until(opens: datetime, which: Q) -> None:
    waiting = Payout.objects.filter(which, status=Status.APPROVED)
    with transaction.atomic():
        taken = waiting.select_for_update(skip_locked=True, no_key=True, of=("self",))
        rows_ = taken.order_by("id").values_list("pk", flat=True)[:PUT_OFF]
        Payout.objects.filter(pk__in=list(rows_)).update(send_from=opens)


def sendable(at: datetime) -> Q:
    """What may go out now: approved, not held, its window begun."""
    begun = Q(send_from__isnull=True) | Q(send_from__lte=at)
    return Q(status=Status.APPROVED, held_at__isnull=True) & begun


def _claim(at: datetime, passed: list[int]) -> tuple[Payout | None, payees.Clear | None]:
    """Takes the oldest approved payout that nobody else is taking and that was not passed over,
    its attempt committed, and whom it is for; one whose payee cannot be read is left as it is."""
    with transaction.atomic(durable=True):
        payout = (
            Payout.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .select_related("payee")
            .filter(sendable(at), payee__provider__in=list(CHANNELS))
            .exclude(pk__in=passed)
            .order_by("id")
            .first()
        )
        clear = payees.readable(payout.payee) if payout else None
        if payout is None or clear is None:
            return payout, None
        moved = move(
            Payout.objects.filter(pk=payout.pk), transitions=Payout.TRANSITIONS, to=Status.SENDING
        )
        assert moved, "the row is locked"
        PayoutAttempt.objects.create(payout=payout, kind="send", started_at=at)
    return payout, clear


def _send(payout: Payout, clear: payees.Clear, at: datetime) -> None:
    transfer = Transfer(
        number=payout.number,
        amount_fen=payout.net_fen,
        holder_name=clear.holder_name,
        account_number=clear.number,
    )
    try:
        answer = CHANNELS[payout.payee.provider].send(transfer, at=at)
    except ChannelTimeout:
        answer = Answer(Result.UNCLEAR, code="TIMEOUT")
    except Exception as error:  # whatever broke, the money may be out: only the channel knows
        log.exception("payout %s: the channel's client broke", payout.number)
        answer = Answer(Result.UNCLEAR, code=type(error).__name__)
    attempt = PayoutAttempt.objects.get(payout=payout, kind="send")
    _settle(payout, attempt, answer, at)


def _settle(payout: Payout, attempt: PayoutAttempt, answer: Answer, at: datetime) -> None:
    """Books what the channel said, in one transaction; a second answer changes nothing."""
    outcome, reason = _verdict(payout, answer)
    with transaction.atomic(durable=True):
        if outcome is Outcome.UNKNOWN:
            _unknown(payout, reason, silent=answer.code == "TIMEOUT")
        elif not money.finish(payout, paid=outcome is Outcome.PAID, reason=reason, at=at):
            _compare(payout, outcome)
        attempt.outcome = outcome
        attempt.answer = asdict(answer)
        attempt.finished_at = at
        attempt.save(update_fields=["outcome", "answer", "finished_at"])
        if outcome is not Outcome.UNKNOWN and attempt.kind != "send":
            PayoutAttempt.objects.filter(payout=payout, kind="send").update(
                outcome=outcome, finished_at=at
            )


def _compare(payout: Payout, outcome: PayoutAttempt.Outcome) -> None:
    """Nothing is booked twice; but an answer against what is booked is money lost, and the books
    name it as well."""
    booked = Payout.objects.values_list("status", flat=True).get(pk=payout.pk)
    if booked != outcome:
        log.error(
            "payout %s is %s with us, the channel says %s", payout.number, booked, outcome.value
        )


def _unknown(payout: Payout, reason: str, *, silent: bool) -> None:
    """The result is not known, and why; no answer at all does not hide what was said before."""
    rows_ = Payout.objects.filter(pk=payout.pk)
    moved = move(rows_, transitions=Payout.TRANSITIONS, to=Status.UNKNOWN, reason=reason)
    if not moved and not silent:
        rows_.filter(status=Status.UNKNOWN).update(reason=reason)


def _verdict(payout: Payout, answer: Answer) -> tuple[Outcome, str]:
    """What an answer means for a payout. Another amount than ours is never called paid: a person
    looks at it."""
    net = payout.net_fen
    if answer.result is Result.PAID and answer.amount_fen in (None, net):
        return Outcome.PAID, ""
    if answer.result is Result.PAID:
        return Outcome.UNKNOWN, f"the channel paid {answer.amount_fen} fen instead of {net}"
    if answer.result is Result.FAILED:
        return Outcome.FAILED, f"channel: {answer.code}"[:300]
    return Outcome.UNKNOWN, f"channel: {answer.code or answer.result}"[:300]


# Asked again after 30 s, 1 min, 2 min … at most about an hour apart; at once where the channel sent
# a notice since the last time.
_DUE = """
SELECT p.id FROM commissions_payout p
JOIN commissions_payeeaccount payee ON payee.id = p.payee_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE a.kind = 'query') AS queries, max(a.started_at) AS last
    FROM commissions_payoutattempt a WHERE a.payout_id = p.id) tried
WHERE p.status IN ('sending', 'unknown') AND payee.provider = ANY(%s::text[])
  AND tried.last <= %s::timestamptz - CASE
      WHEN p.status = 'sending' AND tried.queries = 0 THEN %s::interval
      WHEN p.status = 'unknown' AND EXISTS (
          SELECT 1 FROM commissions_payoutnotice n
          WHERE n.payout_id = p.id AND n.received_at > tried.last) THEN interval '0'
      ELSE make_interval(secs => 30 * power(2, least(tried.queries, 7))) END
ORDER BY p.id LIMIT %s
"""


def reconcile_payouts(*, at: datetime, limit: int = 200) -> int:
    """Asks the channels about payouts whose result is not known, under the same number; returns
    how many came to their end."""
    due = rows(_DUE, [list(CHANNELS), at, STILL_SENDING, limit])
    payouts = Payout.objects.select_related("payee").in_bulk([row["id"] for row in due])
    return sum(_ask(payouts[row["id"]], at) for row in due)


def _ask(payout: Payout, at: datetime) -> bool:
    """Queries one payout; True where it came to its end by that."""
    channel = CHANNELS[payout.payee.provider]
    attempt = _question(payout, at)
    if attempt is None:
        return False
    try:
        answer = _asked(channel, payout, at)
    except ChannelTimeout:
        answer = Answer(Result.UNCLEAR, code="TIMEOUT")
    except Exception as error:
        log.exception("payout %s: the channel's client broke", payout.number)
        answer = Answer(Result.UNCLEAR, code=type(error).__name__)
    _settle(payout, attempt, answer, at)
    return attempt.outcome in (Outcome.PAID, Outcome.FAILED)


def _question(payout: Payout, at: datetime) -> PayoutAttempt | None:
    """The question, committed before it is put; None where the payout has ended meanwhile. Under
    the lock under which a person ends it: "not paid" never overtakes an answer (resolving)."""
    with transaction.atomic(durable=True):
        rows_ = Payout.objects.select_for_update(no_key=True, of=("self",))
        if rows_.filter(pk=payout.pk, status__in=[Status.SENDING, Status.UNKNOWN]).first() is None:
            return None
        return PayoutAttempt.objects.create(payout=payout, kind="query", started_at=at)


def _asked(channel: Channel, payout: Payout, at: datetime) -> Answer:
    answer = channel.query(payout.number, at=at)
    if answer.result is not Result.NOT_FOUND:
        return answer
    sent = PayoutAttempt.objects.get(payout=payout, kind="send")
    if at - sent.started_at < channel.settles_within:
        return answer
    if sent.answer.get("result") == Result.REFUSED:
        return Answer(Result.FAILED, code=str(sent.answer.get("code", "")))
    return channel.void(payout.number, at=at)
