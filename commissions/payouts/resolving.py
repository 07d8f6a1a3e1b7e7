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
from commissions.models import Payout, PayoutAttempt
from commissions.payouts import money
from commissions.payouts.review import APPROVE, SamePerson, locked, need, said
from commissions.providers import CHANNELS, Result

Status = Payout.Status
# Of a channel that is not set up any more.
SETTLES_WITHIN = timedelta(hours=1)
# A channel is asked every hour or so. Where it has said nothing clear for so long, it cannot be
# asked any more, and WeChat Pay has closed what its payee had a day to confirm.
LAST_WORD = timedelta(days=3)
SAID = [one.value for one in Result if one is not Result.UNCLEAR]


class MayStillPay(Refusal):
    """The channel may still pay this number: money given back now could be paid twice."""

    code = "may_still_pay"
    status = 409
    title = "The channel may still pay it"


def resolve(*, number: str, by: Account, paid: bool, reason: str, at: datetime) -> Payout:
    """Ends a payout whose result the channel will not tell, on a person's word and evidence:
    paid, or not paid and the money available again.

    :raises NotAllowed: `by` lacks commissions.approve_payout.
    :raises ReasonMissing: no reason.
    :raises NotFound: no such payout.
    :raises OwnPayout: it is of `by`.
    :raises SamePerson: `by` prepared it.
    :raises WrongState: its result is not unknown.
    :raises MayStillPay: not paid, and the channel may still pay it.
    """
    need(by, APPROVE)
    reason = said(reason)
    with transaction.atomic():
        payout = locked(number, by)
        if payout.prepared_by_id == by.pk:
            raise SamePerson()
        if not paid and payout.status == Status.UNKNOWN:
            _refuse_while_open(payout, at)
        move_one(
            payout,
            transitions=Payout.TRANSITIONS,
            to=Status.PAID if paid else Status.FAILED,
            only_from=[Status.UNKNOWN],
            reason=reason,
            finished_at=at,
        )
        (money.pay if paid else money.give_back)(payout, at)
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


def _refuse_while_open(payout: Payout, at: datetime) -> None:
    """A question whose worker died keeps nobody waiting for longer than the channel's window.

    :raises MayStillPay: something of it may be on its way.
    """
    channel = CHANNELS.get(payout.payee.provider)
    window = channel.settles_within if channel else SETTLES_WITHIN
    unanswered = Q(kind="send") | Q(outcome=PayoutAttempt.Outcome.PENDING)
    if payout.attempts.filter(unanswered, started_at__gt=at - window).exists():
        minutes = int(window.total_seconds() // 60)
        raise MayStillPay(f"It was sent or asked about less than {minutes} minutes ago.")
    told = payout.attempts.filter(answer__result__in=SAID).order_by("-id").first()
    if told and told.answer["result"] == Result.PROCESSING and told.started_at > at - LAST_WORD:
        raise MayStillPay(f"The channel's last word is that it is at work: {payout.reason}")
