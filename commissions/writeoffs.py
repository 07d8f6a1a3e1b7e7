"""Write-offs 核销: a negative balance that two members of staff agree not to ask back.

A refund after the payout leaves the available balance below zero; payouts wait until later
earnings cover it. What will never be covered may be forgiven: one asks, another agrees, and one
journal moves what is owed at that moment from the platform to the person
(commissions.md of the design, §4; docs/money.md).
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import NotAllowed, NotFound, Refusal
from backend.core.money import yuan
from backend.core.states import move_one
from commissions import ledger
from commissions.models import WriteOff
from commissions.payouts import ReasonMissing, SamePerson
from commissions.payouts.money import available_of
from commissions.payouts.review import need

REQUEST = "commissions.request_writeoff"
APPROVE = "commissions.approve_writeoff"
Status = WriteOff.Status


class NothingOwed(Refusal):
    """The person's available balance, with what is on its way to them, is not below zero."""

    code = "nothing_owed"
    status = 409
    title = "Nothing is owed"


class WriteOffOpen(Refusal):
    """A write-off of this person's debt waits for an answer already."""

    code = "write_off_open"
    status = 409
    title = "A write-off of this person is open"


class OwnDebt(NotAllowed):
    """Nobody handles a write-off of what they owe themselves."""

    code = "own_debt"
    title = "This debt is your own"


def request(
    *,
    account_id: int,
    reason: str,
    note: str,
    by: Account,
    at: datetime,
    amount_fen: int | None = None,
) -> WriteOff:
    """The maker's word: what this person owes, or `amount_fen` of it, is to be forgiven.

    :raises NotAllowed: `by` lacks commissions.request_writeoff.
    :raises ReasonMissing: no note.
    :raises OwnDebt: it is of `by`.
    :raises NotFound: no such account.
    :raises NothingOwed: the available balance, with what is on its way, is not below zero.
    :raises WriteOffOpen: one waits already.
    """
    need(by, REQUEST)
    if not note.strip():
        raise ReasonMissing(fields={"note": ["Say why."]})
    if account_id == by.pk:
        raise OwnDebt()
    with transaction.atomic():
        if not Account.objects.filter(pk=account_id).exists():
            raise NotFound()
        owed = _owed(account_id)
        try:
            with transaction.atomic():
                made = WriteOff.objects.create(
                    account_id=account_id,
                    amount_fen=min(owed, amount_fen or owed),
                    reason=WriteOff.Reason(reason),
                    note=note.strip()[:300],
                    requested_by=by,
                    requested_at=at,
                )
        except IntegrityError as error:
            raise WriteOffOpen() from error
        audit.note(
            actor=by,
            action="write_off.request",
            target=made,
            at=at,
            reason=made.note,
            amount_fen=made.amount_fen,
        )
    return made


def approve(*, write_off_id: int, by: Account, at: datetime) -> WriteOff:
    """The checker's word: forgives what is still owed now, `amount_fen` at most, by one journal.
    An earning that came in between makes it less; the person is never given more than nothing.

    :raises NotAllowed: `by` lacks commissions.approve_writeoff.
    :raises NotFound: no such write-off.
    :raises OwnDebt: it is of `by`.
    :raises SamePerson: `by` asked for it.
    :raises NothingOwed: later earnings have covered the debt, or a payout on its way would.
    :raises WrongState: it is decided; somebody may have been first.
    """
    need(by, APPROVE)
    with transaction.atomic():
        row = _locked(write_off_id, by)
        if row.requested_by_id == by.pk:
            raise SamePerson()
        if row.status == Status.REQUESTED:
            written = min(_owed(row.account_id), row.amount_fen)
        else:
            written = 0  # move_one refuses
        move_one(
            row,
            transitions=WriteOff.TRANSITIONS,
            to=Status.APPROVED,
            decided_by=by,
            decided_at=at,
            written_fen=written,
        )
        _post(row, at)
        audit.note(
            actor=by,
            action="write_off.approve",
            target=row,
            at=at,
            reason=row.note,
            written_fen=written,
        )
    return row


def reject(*, write_off_id: int, by: Account, reason: str, at: datetime) -> WriteOff:
    """The debt stands. Who asked may take the request back so, too.

    :raises NotAllowed: `by` may neither request nor approve.
    :raises ReasonMissing: no reason.
    :raises NotFound: no such write-off.
    :raises OwnDebt: it is of `by`.
    :raises WrongState: it is decided.
    """
    need(by, REQUEST, APPROVE)
    if not reason.strip():
        raise ReasonMissing(fields={"reason": ["Say why."]})
    with transaction.atomic():
        row = _locked(write_off_id, by)
        move_one(
            row,
            transitions=WriteOff.TRANSITIONS,
            to=Status.REJECTED,
            decided_by=by,
            decided_at=at,
            decided_note=reason.strip()[:300],
        )
        audit.note(actor=by, action="write_off.reject", target=row, at=at, reason=reason)
    return row


def _owed(account_id: int) -> int:
    """What the person owes, their balance locked until the transaction ends: the available balance
    below zero, less what is on its way to them. A payout may still come back; what it gives back
    covers the debt, and forgiving both would leave them with money that nobody owes them.

    :raises NothingOwed: nothing.
    """
    ledger.lock(available_of(account_id))
    # Both in one statement: a payout that comes back beside this one is in both of them or neither.
    found = ledger.balances_of(ledger.Owner.PERSON, account_id)
    available = found.get(ledger.Kind.AVAILABLE, 0)
    in_transit = found.get(ledger.Kind.IN_TRANSIT, 0)
    if available + in_transit >= 0:
        raise NothingOwed(
            f"¥{yuan(available)} is available, ¥{yuan(in_transit)} is on its way.",
            available_fen=available,
            in_transit_fen=in_transit,
        )
    return -available - in_transit


def _post(row: WriteOff, at: datetime) -> None:
    """platform available → the person's available."""
    assert row.written_fen, "an approved write-off is of something"
    platform = ledger.AccountKey(ledger.Owner.PLATFORM, 0, ledger.Kind.AVAILABLE)
    legs = [(available_of(row.account_id), row.written_fen), (platform, -row.written_fen)]
    ledger.post([ledger.Posting(ledger.JournalKind.WRITE_OFF, row.pk, legs)], at=at)


def _locked(write_off_id: int, by: Account) -> WriteOff:
    rows = WriteOff.objects.select_for_update(no_key=True, of=("self",))
    row = rows.filter(pk=write_off_id).first()
    if row is None:
        raise NotFound()
    if row.account_id == by.pk:
        raise OwnDebt()
    return row
