"""Four eyes on every payout: a maker prepares, somebody else approves (K6).

Each verb checks the right itself, so no door can forget it, and writes an audit row in the same
transaction; that maker and checker are two people is a CHECK of the table as well.
"""

from datetime import datetime

from django.db import transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import Invalid, NotAllowed, NotFound
from backend.core.states import move_one
from commissions.models import Payout
from commissions.payouts import money

Status = Payout.Status
PREPARE = "commissions.prepare_payout"
APPROVE = "commissions.approve_payout"


class SamePerson(NotAllowed):
    """Who prepared a payout cannot be who approves it."""

    code = "maker_is_checker"
    title = "Maker and checker must be two people"


class OwnPayout(NotAllowed):
    """Nobody handles a payout to themselves."""

    code = "own_payout"
    title = "This payout is your own"


class ReasonMissing(Invalid):
    """The payee and the auditor are owed a reason."""

    code = "reason_missing"
    title = "Say why"


def need(by: Account, *permissions: str) -> None:
    """Refuses a member of staff who holds none of these permissions.

    :raises NotAllowed: none of them.
    """
    if not any(by.has_perm(permission) for permission in permissions):
        raise NotAllowed(f"This needs {' or '.join(permissions)}.")


def _hold(number: str, by: Account) -> Payout:
    """The payout, locked until the transaction ends.

    :raises NotFound: no such payout.
    :raises OwnPayout: it is of `by`.
    """
    payout = (
        Payout.objects.select_for_update(no_key=True, of=("self",)).filter(number=number).first()
    )
    if payout is None:
        raise NotFound()
    if payout.account_id == by.pk:
        raise OwnPayout()
    return payout


def prepare(*, number: str, by: Account, at: datetime) -> Payout:
    """The maker's look: this payout is in order and may be approved.

    :raises NotAllowed: `by` lacks commissions.prepare_payout.
    :raises NotFound: no such payout.
    :raises OwnPayout: it is of `by`.
    :raises WrongState: it is not in `requested`.
    """
    need(by, PREPARE)
    with transaction.atomic():
        payout = _hold(number, by)
        move_one(
            payout,
            transitions=Payout.TRANSITIONS,
            to=Status.PREPARED,
            prepared_by=by,
            prepared_at=at,
        )
        audit.note(
            actor=by, action="payout.prepare", target=payout, at=at, amount_fen=payout.amount_fen
        )
    return payout


def approve(*, number: str, by: Account, at: datetime) -> Payout:
    """The checker's look: the money may go out.

    :raises NotAllowed: `by` lacks commissions.approve_payout.
    :raises NotFound: no such payout.
    :raises OwnPayout: it is of `by`.
    :raises SamePerson: `by` prepared it.
    :raises WrongState: it is not in `prepared`; somebody may have been first.
    """
    need(by, APPROVE)
    with transaction.atomic():
        payout = _hold(number, by)
        if payout.prepared_by_id == by.pk:
            raise SamePerson()
        move_one(
            payout,
            transitions=Payout.TRANSITIONS,
            to=Status.APPROVED,
            approved_by=by,
            approved_at=at,
        )
        money.moved(payout, at)
        audit.note(
            actor=by, action="payout.approve", target=payout, at=at, amount_fen=payout.amount_fen
        )
    return payout


def reject(*, number: str, by: Account, reason: str, at: datetime) -> Payout:
    """Sends a payout back before it is approved; its money is available again.

    :raises NotAllowed: `by` may neither prepare nor approve.
    :raises ReasonMissing: no reason.
    :raises NotFound: no such payout.
    :raises OwnPayout: it is of `by`.
    :raises WrongState: it is approved, or has ended.
    """
    need(by, PREPARE, APPROVE)
    reason = _reason(reason)
    with transaction.atomic():
        payout = _hold(number, by)
        move_one(
            payout,
            transitions=Payout.TRANSITIONS,
            to=Status.REJECTED,
            reason=reason,
            finished_at=at,
        )
        money.give_back(payout, at)
        audit.note(
            actor=by,
            action="payout.reject",
            target=payout,
            at=at,
            reason=reason,
            amount_fen=payout.amount_fen,
        )
    return payout


def resolve(*, number: str, by: Account, paid: bool, reason: str, at: datetime) -> Payout:
    """Ends a payout whose result the channel will not tell, on a person's word and evidence:
    paid, or not paid and the money available again.

    :raises NotAllowed: `by` lacks commissions.approve_payout.
    :raises ReasonMissing: no reason.
    :raises NotFound: no such payout.
    :raises OwnPayout: it is of `by`.
    :raises SamePerson: `by` prepared it.
    :raises WrongState: its result is not unknown.
    """
    need(by, APPROVE)
    reason = _reason(reason)
    with transaction.atomic():
        payout = _hold(number, by)
        if payout.prepared_by_id == by.pk:
            raise SamePerson()
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


def _reason(text: str) -> str:
    if not text.strip():
        raise ReasonMissing(fields={"reason": ["Say why."]})
    return text.strip()[:300]
