"""The journals of a payout: held when requested, then paid out, the tax withheld beside it, or
given back whole."""

from datetime import datetime

from backend.core import events
from backend.core.states import move
from commissions import ledger
from commissions.models import Payout


def available_of(account_id: int) -> ledger.AccountKey:
    """The account that a person's payouts are taken from."""
    return ledger.AccountKey(ledger.Owner.PERSON, account_id, ledger.Kind.AVAILABLE)


def _in_transit(payout: Payout) -> ledger.AccountKey:
    return ledger.AccountKey(ledger.Owner.PERSON, payout.account_id, ledger.Kind.IN_TRANSIT)


def moved(payout: Payout, at: datetime) -> None:
    """Says that a payout has moved on, in the transaction in which it did."""
    events.tell(kind="payout.moved", subject_id=payout.pk, at=at)


def hold(payout: Payout, at: datetime) -> None:
    """available → in transit."""
    legs = [
        (available_of(payout.account_id), -payout.amount_fen),
        (_in_transit(payout), payout.amount_fen),
    ]
    ledger.post([ledger.Posting(ledger.JournalKind.PAYOUT_REQUEST, payout.pk, legs)], at=at)
    moved(payout, at)


def pay(payout: Payout, at: datetime) -> None:
    """in transit → the channel's cash, the fee to the platform; and, by a journal of its own, the
    tax to what the platform owes the tax office: it falls due when the payment is made."""
    cash = ledger.AccountKey(ledger.Owner.PROVIDER, 0, ledger.Kind.CASH)
    platform = ledger.AccountKey(ledger.Owner.PLATFORM, 0, ledger.Kind.AVAILABLE)
    owed = ledger.AccountKey(ledger.Owner.PLATFORM, 0, ledger.Kind.TAX)
    legs = [
        (_in_transit(payout), payout.tax_fen - payout.amount_fen),
        (cash, payout.net_fen),
        (platform, payout.fee_fen),
    ]
    withheld = [(_in_transit(payout), -payout.tax_fen), (owed, payout.tax_fen)]
    ledger.post(
        [
            ledger.Posting(ledger.JournalKind.PAYOUT_PAID, payout.pk, legs),
            ledger.Posting(ledger.JournalKind.TAX_WITHHELD, payout.pk, withheld),
        ],
        at=at,
    )
    moved(payout, at)


def give_back(payout: Payout, at: datetime) -> None:
    """in transit → available."""
    legs = [
        (_in_transit(payout), -payout.amount_fen),
        (available_of(payout.account_id), payout.amount_fen),
    ]
    ledger.post([ledger.Posting(ledger.JournalKind.PAYOUT_BACK, payout.pk, legs)], at=at)
    moved(payout, at)


def finish(payout: Payout, *, paid: bool, reason: str, at: datetime) -> bool:
    """Brings a payout that is on its way to its end, once, with its journal; False where it had
    ended before. Must run inside the caller's transaction."""
    to = Payout.Status.PAID if paid else Payout.Status.FAILED
    ended = move(
        Payout.objects.filter(pk=payout.pk),
        transitions=Payout.TRANSITIONS,
        to=to,
        reason=reason[:300],
        finished_at=at,
    )
    if ended:
        (pay if paid else give_back)(payout, at)
    return bool(ended)
