"""What a person is told before they ask for money: the rules that hold for them now."""

from dataclasses import dataclass
from datetime import datetime

from backend.accounts.models import Account
from commissions import ledger, payout_rules, tax
from commissions.payout_rules import Terms
from commissions.payouts import limits, money
from commissions.payouts.requests import BelowMinimum, NothingArrives, Quote, quote


@dataclass(frozen=True, slots=True)
class Offered:
    """The terms, what is left today, what is available, and the quote of an amount."""

    terms: Terms
    left: limits.Left
    market_fen: int | None
    available_fen: int
    has_identity: bool
    opens_at: datetime | None
    sends_at: datetime | None
    quote: Quote | None
    refused: str


def offered(*, account: Account, amount_fen: int | None, at: datetime) -> Offered:
    """What holds for this person now; with `amount_fen` what would arrive of it, or the code of
    the refusal why nothing would."""
    terms = payout_rules.at(at)
    asked, refused = None, ""
    if amount_fen is not None:
        try:
            asked = quote(account=account, amount_fen=amount_fen, terms=terms, at=at)
        except (BelowMinimum, NothingArrives) as refusal:
            refused = refusal.code
    return Offered(
        terms=terms,
        left=limits.left_of(account.pk, terms, at),
        market_fen=limits.market_left(terms, at).fen,
        available_fen=ledger.balance(money.available_of(account.pk)),
        has_identity=tax.identity_of(account) is not None,
        opens_at=terms.asking.next_open(at),
        sends_at=terms.sending.next_open(at),
        quote=asked,
        refused=refused,
    )
