"""Tax remittances 税款缴纳: what was withheld in a month, paid to the tax office.

Tax withheld lies on the platform's `tax` account. Once the market has paid a month, one member of
staff records it with the tax office's receipt, another one agrees, and one journal moves the
amount from there to the platform's own cash. Nobody types the amount in: it is what the ledger
says was withheld in the month and is not remitted yet. What is withheld late, in a month that was
remitted, is a second remittance of the month (docs/operations/payouts.md, Tax).
"""

from datetime import date, datetime

from django.db import IntegrityError, transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.clock import business_day
from backend.core.errors import Invalid, NotFound, Refusal
from backend.core.money import yuan
from backend.core.states import move_one
from commissions import ledger, tax
from commissions.models import TaxRemittance
from commissions.payouts import ReasonMissing, SamePerson
from commissions.payouts.review import need

RECORD = "commissions.record_remittance"
APPROVE = "commissions.approve_remittance"
OWED = ledger.AccountKey(ledger.Owner.PLATFORM, 0, ledger.Kind.TAX)
CASH = ledger.AccountKey(ledger.Owner.PLATFORM, 0, ledger.Kind.CASH)
Status = TaxRemittance.Status


class NothingToRemit(Refusal):
    """The month goes on, nothing was withheld in it, or all of it is remitted."""

    code = "nothing_to_remit"
    status = 409
    title = "Nothing is to be remitted of this month"


class RemittanceOpen(Refusal):
    """A remittance of the month waits for its checker already."""

    code = "remittance_open"
    status = 409
    title = "A remittance of this month is open"


class ReceiptUsed(Refusal):
    """A remittance of the month names this receipt already."""

    code = "remittance_receipt_used"
    status = 409
    title = "This receipt is told already"


class PaidOnImpossible(Invalid):
    """The day on the receipt is to come, or not after the month."""

    code = "paid_on_impossible"
    title = "The tax office was not paid that day"


def is_late(month: tax.Month, *, at: datetime) -> bool:
    """Whether the last day to pay has passed and the tax office is owed something of the month."""
    return month.owed_fen > 0 and business_day(at) > month.due_on


def record(
    *, month: date, channel: str, paid_on: date, receipt: str, by: Account, at: datetime
) -> TaxRemittance:
    """The maker's word: the tax office was paid what is owed of this month, on that day, under
    that receipt.

    :raises NotAllowed: `by` lacks commissions.record_remittance.
    :raises ReceiptMissing: no receipt.
    :raises PaidOnImpossible: a day to come, or one within the month.
    :raises NothingToRemit: the month is not over, or nothing of it is owed.
    :raises RemittanceOpen: one of the month waits already.
    :raises ReceiptUsed: one of the month names this receipt.
    """
    need(by, RECORD)
    if not receipt.strip():
        raise tax.ReceiptMissing(fields={"receipt": ["Name it."]})
    begins_at, ends_at = tax.edges(month)
    if ends_at > at:
        raise NothingToRemit("The month is not over.")
    if not business_day(ends_at) <= paid_on <= business_day(at):
        raise PaidOnImpossible(fields={"paid_on": ["After the month, and not after today."]})
    with transaction.atomic():
        ledger.lock(OWED)
        found = _owed(month)
        if found.waiting_fen:
            raise RemittanceOpen()
        kind = TaxRemittance.Kind.DELTA if found.remitted_fen else TaxRemittance.Kind.WHOLE
        try:
            with transaction.atomic():
                made = TaxRemittance.objects.create(
                    month=found.month,
                    begins_at=begins_at,
                    ends_at=ends_at,
                    kind=kind,
                    channel=TaxRemittance.Channel(channel),
                    amount_fen=found.owed_fen,
                    paid_on=paid_on,
                    receipt=receipt.strip()[:80],
                    recorded_by=by,
                    recorded_at=at,
                )
        except IntegrityError as error:
            raise ReceiptUsed() from error
        _note("tax.remittance.record", made, by, at)
    return made


def approve(*, remittance_id: int, by: Account, at: datetime) -> TaxRemittance:
    """The checker's word: moves the amount out of what is owed to the tax office, by one journal.
    What was withheld since the maker's word stays owed, for a delta.

    :raises NotAllowed: `by` lacks commissions.approve_remittance.
    :raises NotFound: no such remittance.
    :raises SamePerson: `by` recorded it.
    :raises NothingToRemit: less is owed now than was recorded.
    :raises WrongState: it is decided; somebody may have been first.
    """
    need(by, APPROVE)
    with transaction.atomic():
        row = _locked(remittance_id)
        if row.recorded_by_id == by.pk:
            raise SamePerson()
        if row.status == Status.RECORDED:  # else move_one refuses
            _still_owed(row)
        move_one(
            row,
            transitions=TaxRemittance.TRANSITIONS,
            to=Status.APPROVED,
            decided_by=by,
            decided_at=at,
        )
        legs = [(OWED, -row.amount_fen), (CASH, row.amount_fen)]
        ledger.post([ledger.Posting(ledger.JournalKind.TAX_REMITTED, row.pk, legs)], at=at)
        _note("tax.remittance.approve", row, by, at)
    return row


def reject(*, remittance_id: int, by: Account, reason: str, at: datetime) -> TaxRemittance:
    """Nothing moves, and the month may be recorded anew. Who recorded it may take it back so, too.

    :raises NotAllowed: `by` may neither record nor approve.
    :raises ReasonMissing: no reason.
    :raises NotFound: no such remittance.
    :raises WrongState: it is decided.
    """
    need(by, RECORD, APPROVE)
    if not reason.strip():
        raise ReasonMissing(fields={"reason": ["Say why."]})
    with transaction.atomic():
        row = _locked(remittance_id)
        move_one(
            row,
            transitions=TaxRemittance.TRANSITIONS,
            to=Status.REJECTED,
            decided_by=by,
            decided_at=at,
            decided_note=reason.strip()[:300],
        )
        _note("tax.remittance.reject", row, by, at, reason)
    return row


def _owed(month: date) -> tax.Month:
    found = tax.month_of(month)
    if found is None or found.owed_fen <= 0:
        raise NothingToRemit()
    return found


def _still_owed(row: TaxRemittance) -> None:
    """Two approvals, of whatever months, meet at the account."""
    balance, owed = ledger.lock(OWED), _owed(row.month).owed_fen
    if row.amount_fen > min(balance, owed):
        raise NothingToRemit(f"¥{yuan(min(balance, owed))} is owed now.")


def _locked(remittance_id: int) -> TaxRemittance:
    found = TaxRemittance.objects.select_for_update(no_key=True, of=("self",))
    row = found.filter(pk=remittance_id).first()
    if row is None:
        raise NotFound()
    return row


def _note(action: str, row: TaxRemittance, by: Account, at: datetime, reason: str = "") -> None:
    audit.note(
        actor=by,
        action=action,
        target=row,
        at=at,
        reason=reason or row.receipt,
        month=f"{row.month:%Y-%m}",
        amount_fen=row.amount_fen,
    )
