"""Four eyes on every payout: a maker prepares, somebody else approves (K6); six over the limit of
the rule it was asked under.

Each verb checks the right itself, so no door can forget it, and writes an audit row in the same
transaction; that maker and checkers are different people is a CHECK of the table as well.
"""

from datetime import datetime

from django.db import transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import Invalid, NotAllowed, NotFound
from backend.core.states import move_one
from commissions import payout_rules
from commissions.models import Payout
from commissions.payouts import money
from commissions.payouts.requests import PayoutHeld

Status = Payout.Status
PREPARE = "commissions.prepare_payout"
APPROVE = "commissions.approve_payout"
BEFORE_APPROVAL = (Status.REQUESTED, Status.PREPARED, Status.CHECKED)


class SamePerson(NotAllowed):
    """Who prepared a payout cannot be who approves it."""

    code = "maker_is_checker"
    title = "Maker and checker must be two people"


class SameChecker(NotAllowed):
    """Who approved a payout first cannot be the second checker."""

    code = "checker_is_checker"
    title = "The second checker must be another person"


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


def locked(number: str, by: Account) -> Payout:
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
    :raises PayoutHeld: it is held.
    :raises WrongState: it is not in `requested`.
    """
    need(by, PREPARE)
    with transaction.atomic():
        payout = locked(number, by)
        _not_held(payout)
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
    """The checker's look: the money may go out, once its sending window is open. A payout over
    the limit of its rule becomes `checked` by its first checker and goes out by the word of a
    second one.

    :raises NotAllowed: `by` lacks commissions.approve_payout.
    :raises NotFound: no such payout.
    :raises OwnPayout: it is of `by`.
    :raises SamePerson: `by` prepared it.
    :raises SameChecker: `by` was its first checker.
    :raises PayoutHeld: it is held.
    :raises WrongState: it waits for no checker; somebody may have been first.
    """
    need(by, APPROVE)
    with transaction.atomic():
        payout = locked(number, by)
        if payout.prepared_by_id == by.pk:
            raise SamePerson()
        if payout.checked_by_id == by.pk:
            raise SameChecker()
        _not_held(payout)
        first = payout.needs_second and payout.checked_by_id is None
        _first(payout, by, at) if first else _last(payout, by, at)
        money.moved(payout, at)
        audit.note(
            actor=by,
            action="payout.check" if first else "payout.approve",
            target=payout,
            at=at,
            amount_fen=payout.amount_fen,
            fee_fen=payout.fee_fen,
            tax_fen=payout.tax_fen,
        )
    return payout


def _first(payout: Payout, by: Account, at: datetime) -> None:
    move_one(
        payout, transitions=Payout.TRANSITIONS, to=Status.CHECKED, checked_by=by, checked_at=at
    )


def _last(payout: Payout, by: Account, at: datetime) -> None:
    terms = payout_rules.at(at)
    waits_for = Status.CHECKED if payout.needs_second else Status.PREPARED
    move_one(
        payout,
        transitions=Payout.TRANSITIONS,
        to=Status.APPROVED,
        only_from=[waits_for],
        approved_by=by,
        approved_at=at,
        send_from=terms.sending.next_open(at) or at,
    )


def _not_held(payout: Payout) -> None:
    if payout.held_at:
        raise PayoutHeld(payout.held_reason)


def reject(*, number: str, by: Account, reason: str, at: datetime) -> Payout:
    """Sends a payout back before it is approved, or after that while it is held; its money is
    available again.

    :raises NotAllowed: `by` may neither prepare nor approve.
    :raises ReasonMissing: no reason.
    :raises NotFound: no such payout.
    :raises OwnPayout: it is of `by`.
    :raises WrongState: it is approved and not held, on its way, or has ended.
    """
    need(by, PREPARE, APPROVE)
    reason = said(reason)
    with transaction.atomic():
        payout = locked(number, by)
        approved = [Status.APPROVED] if payout.held_at else []
        move_one(
            payout,
            transitions=Payout.TRANSITIONS,
            to=Status.REJECTED,
            only_from=[*BEFORE_APPROVAL, *approved],
            reason=reason,
            finished_at=at,
            held_at=None,
            held_by=None,
            held_reason="",
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


def said(text: str) -> str:
    """The reason given.

    :raises ReasonMissing: none.
    """
    if not text.strip():
        raise ReasonMissing(fields={"reason": ["Say why."]})
    return text.strip()[:300]
