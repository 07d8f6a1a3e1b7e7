"""Holds of payouts 提现冻结: nothing happens to one that is held until it is released; it may be
rejected. Who holds says why; both are audit rows."""

from datetime import datetime

from django.db import transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import WrongState
from commissions.models import Payout
from commissions.payouts.review import locked, need, said

HOLD = "commissions.hold_payout"
Status = Payout.Status
HOLDABLE = (Status.REQUESTED, Status.PREPARED, Status.CHECKED, Status.APPROVED)


def hold(*, number: str, by: Account, reason: str, at: datetime) -> Payout:
    """Stops a payout that is not on its way yet.

    :raises NotAllowed: `by` lacks commissions.hold_payout.
    :raises ReasonMissing: no reason.
    :raises NotFound: no such payout.
    :raises OwnPayout: it is of `by`.
    :raises WrongState: it is held, on its way, or at its end.
    """
    need(by, HOLD)
    why = said(reason)
    with transaction.atomic():
        payout = locked(number, by)
        if payout.held_at or payout.status not in HOLDABLE:
            state = "held" if payout.held_at else payout.status
            raise WrongState(f"payout is {state} and cannot be held", state=state, wanted="held")
        _mark(payout, held_at=at, held_by=by, held_reason=why)
        audit.note(
            actor=by,
            action="payout.hold",
            target=payout,
            at=at,
            reason=why,
            status=payout.status,
            amount_fen=payout.amount_fen,
        )
    return payout


def release(*, number: str, by: Account, reason: str, at: datetime) -> Payout:
    """Lets a held payout go on where it stood.

    :raises NotAllowed: `by` lacks commissions.hold_payout.
    :raises ReasonMissing: no reason.
    :raises NotFound: no such payout.
    :raises OwnPayout: it is of `by`.
    :raises WrongState: it is not held.
    """
    need(by, HOLD)
    why = said(reason)
    with transaction.atomic():
        payout = locked(number, by)
        if not payout.held_at:
            raise WrongState("payout is not held", state=payout.status, wanted="released")
        before = payout.held_reason
        _mark(payout, held_at=None, held_by=None, held_reason="")
        audit.note(
            actor=by,
            action="payout.release",
            target=payout,
            at=at,
            reason=why,
            held_for=before,
            amount_fen=payout.amount_fen,
        )
    return payout


def _mark(payout: Payout, **changes: object) -> None:
    """The row is locked by the caller."""
    Payout.objects.filter(pk=payout.pk).update(**changes)
    payout.refresh_from_db()
