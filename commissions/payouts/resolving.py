"""Ends that a person gives a payout whose result the channel will not tell, on evidence.

"Not paid" gives the money back, and the payee may ask for it again at once. So it is refused for as
long as the channel may still pay the number: while its sending or a question may be on its way, and
while the newest that the channel has said is that it is at work. Both are looked at under the
payout's lock, under which questions are put as well (`sending`): none begins in between.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import Refusal
from backend.core.states import move_one
from commissions.models import Payout, PayoutAttempt, PayoutBatch
from commissions.payouts import batches, money
from commissions.payouts.review import APPROVE, SamePerson, locked, need, said
from commissions.providers import CHANNELS, Result

Status = Payout.Status
# Of a channel that is not set up any more.
SETTLES_WITHIN = timedelta(hours=1)
# A channel is asked every hour or so. Where it has said nothing clear for so long, it cannot be
# asked any more, and WeChat Pay has closed what its payee had a day to confirm.
LAST_WORD = timedelta(days=3)
# From the building of a batch on, for its file to be handed in and answered.
BANK_TAKES = timedelta(days=1)
SAID = [one.value for one in Result if one is not Result.UNCLEAR]


class MayStillPay(Refusal):
    """The channel may still pay this number: money given back now could be paid twice."""

    code = "may_still_pay"
    status = 409
    title = "The channel may still pay it"


def resolve(*, number: str, by: Account, paid: bool, reason: str, at: datetime) -> Payout:
    """Ends a payout whose result the channel or the bank will not tell, on a person's word and
    evidence: paid, or not paid and the money available again.

    :raises NotAllowed: `by` lacks commissions.approve_payout.
    :raises ReasonMissing: no reason.
    :raises NotFound: no such payout.
    :raises OwnPayout: it is of `by`.
    :raises SamePerson: `by` prepared it.
    :raises WrongState: its result is not unknown, and no bank's file waits for it.
    :raises MayStillPay: not paid, and the channel may still pay it.
    """
    need(by, APPROVE)
    reason = said(reason)
    with transaction.atomic():
        batch = _batch_of(number)
        payout = locked(number, by)
        if payout.prepared_by_id == by.pk:
            raise SamePerson()
        open_ = [Status.SENDING, Status.UNKNOWN] if batch else [Status.UNKNOWN]
        if not paid and payout.status in open_:
            _refuse_while_open(payout, batch, at)
        move_one(
            payout,
            transitions=Payout.TRANSITIONS,
            to=Status.PAID if paid else Status.FAILED,
            only_from=open_,
            reason=reason,
            finished_at=at,
        )
        (money.pay if paid else money.give_back)(payout, at)
        if batch:
            batches.close(batch, at)
        audit.note(
            actor=by,
            action="payout.resolve",
            target=payout,
            at=at,
            reason=reason,
            paid=paid,
            amount_fen=payout.amount_fen,
        )
    return payout


def _batch_of(number: str) -> PayoutBatch | None:
    """The payout's batch, locked until the transaction ends."""
    found = PayoutBatch.objects.select_for_update(no_key=True, of=("self",))
    return found.filter(payouts__number=number).first()


def _refuse_while_open(payout: Payout, batch: PayoutBatch | None, at: datetime) -> None:
    """A question whose worker died keeps nobody waiting for longer than the channel's window.

    :raises MayStillPay: something of it may be on its way.
    """
    if batch and batch.built_at > at - BANK_TAKES:
        raise MayStillPay(
            "Its batch is younger than a day: the file may be on its way to the bank."
        )
    channel = CHANNELS.get(payout.payee.provider)
    window = channel.settles_within if channel else SETTLES_WITHIN
    unanswered = Q(kind="send") | Q(outcome=PayoutAttempt.Outcome.PENDING)
    if payout.attempts.filter(unanswered, started_at__gt=at - window).exists():
        minutes = int(window.total_seconds() // 60)
        raise MayStillPay(f"It was sent or asked about less than {minutes} minutes ago.")
    told = payout.attempts.filter(answer__result__in=SAID).order_by("-id").first()
    if told and told.answer["result"] == Result.PROCESSING and told.started_at > at - LAST_WORD:
        raise MayStillPay(f"The channel's last word is that it is at work: {payout.reason}")
