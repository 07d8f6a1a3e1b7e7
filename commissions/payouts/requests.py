"""A person asks for their money, or changes their mind."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from backend.accounts.models import Account
from backend.core import ids
from backend.core.errors import Invalid, NotFound, Refusal
from backend.core.money import yuan
from backend.core.states import move_one
from commissions import ledger, payees, payout_rules, tax
from commissions.models import PayeeAccount, Payout
from commissions.payout_rules import Terms
from commissions.payouts import limits, money

Status = Payout.Status


class BelowMinimum(Invalid):
    """Less than the least amount that is paid out; `minimum_fen` says how much that is."""

    code = "below_minimum"
    title = "Less than the minimum payout"


class NothingArrives(Invalid):
    """Fee and tax would take all of it."""

    code = "nothing_arrives"
    title = "Fee and tax would take all of it"


class WindowClosed(Refusal):
    """Payouts are not asked for at this hour; `next_at` says when they are."""

    code = "payout_window_closed"
    status = 409
    title = "Payouts cannot be asked for now"


class InsufficientBalance(Refusal):
    """More than the person has available; `available_fen` says how much that is."""

    code = "insufficient_balance"
    status = 409
    title = "More than is available"


class PayeeMissing(Refusal):
    """The person has not said where the money is to go."""

    code = "payee_missing"
    status = 409
    title = "Add a payee account first"


class PayeeNameDiffers(Refusal):
    """Tax is withheld in the person's own name, so the money goes to an account in that name."""

    code = "payee_name_differs"
    status = 409
    title = "The payee account is in another name than the tax identity"


class PayoutHeld(Refusal):
    """Staff hold this payout until it is looked at."""

    code = "payout_held"
    status = 409
    title = "This payout is held"


@dataclass(frozen=True, slots=True)
class Quote:
    """What becomes of an amount, in fen; `withheld` is how the tax was computed."""

    amount_fen: int
    fee_fen: int
    tax_fen: int
    withheld: tax.Tax | None = None

    @property
    def net_fen(self) -> int:
        """What arrives."""
        return self.amount_fen - self.fee_fen - self.tax_fen


def request(*, account: Account, amount_fen: int, at: datetime) -> Payout:
    """A new payout of `amount_fen` fen, fee and tax included; the money is held from now on.
    Fee, tax and the number of checkers are those of the rule that holds now, for good.

    Two requests of one person meet on the lock of their balance: the second sees what the first
    has taken. A balance below zero (refunds after settlement) refuses every payout.

    :raises BelowMinimum: less than the minimum, or than its own fee.
    :raises WindowClosed: not at this hour.
    :raises PayeeMissing: no active payee account.
    :raises InsufficientBalance: more than is available.
    :raises DailyLimit: more than is left to this person today.
    :raises MarketLimit: more than is left to the market today.
    :raises TaxIdentityMissing: tax is withheld, and the person has no tax identity.
    :raises PayeeNameDiffers: the payee account is in another name.
    :raises NothingArrives: fee and tax would take all of it.
    """
    terms = payout_rules.at(at)
    _least(amount_fen, terms)
    _open(terms, at)
    with transaction.atomic():
        available = ledger.lock(money.available_of(account.pk))
        payee = PayeeAccount.objects.filter(account=account, is_active=True).first()
        if payee is None:
            raise PayeeMissing()
        if amount_fen > available:
            raise InsufficientBalance(f"¥{yuan(available)} is available.", available_fen=available)
        limits.check(account.pk, amount_fen, terms, at)
        said = quote(account=account, amount_fen=amount_fen, terms=terms, at=at, keep=True)
        if said.withheld:
            _own_name(payee, said.withheld)
        payout = Payout.objects.create(
            number=ids.bill_number("P", at),
            account=account,
            payee=payee,
            amount_fen=amount_fen,
            fee_fen=said.fee_fen,
            tax_fen=said.tax_fen,
            rule_id=terms.rule_id,
            needs_second=terms.needs_second(amount_fen),
            requested_at=at,
        )
        if said.withheld:
            tax.fix(payout=payout, tax=said.withheld, at=at)
        money.hold(payout, at)
    return payout


def quote(
    *, account: Account, amount_fen: int, terms: Terms, at: datetime, keep: bool = False
) -> Quote:
    """Fee and tax of an amount, as they would be fixed if it were asked for now; `keep`: as they
    are fixed, in the caller's transaction (`tax.look`).

    :raises BelowMinimum: less than the minimum, or than its own fee.
    :raises NothingArrives: fee and tax would take all of it.
    """
    _least(amount_fen, terms)
    fee = terms.fee_of(amount_fen)
    found = tax.look(
        account=account, amount_fen=amount_fen, method=terms.tax_method, at=at, keep=keep
    )
    quoted = Quote(amount_fen, fee, found.said.tax_fen if found else 0, found)
    if quoted.net_fen <= 0:
        raise NothingArrives(
            f"Fee ¥{yuan(fee)}, tax ¥{yuan(quoted.tax_fen)}.",
            fields={"amount_fen": ["Ask for more."]},
        )
    return quoted


def _least(amount_fen: int, terms: Terms) -> None:
    minimum = terms.least()
    if amount_fen < minimum:
        raise BelowMinimum(
            f"The least that is paid out is ¥{yuan(minimum)}.",
            fields={"amount_fen": [f"Must be at least {minimum}."]},
            minimum_fen=minimum,
        )


def _open(terms: Terms, at: datetime) -> None:
    if not terms.asking.is_open(at):
        opens = terms.asking.next_open(at)
        raise WindowClosed(next_at=opens.isoformat() if opens else None)


def _own_name(payee: PayeeAccount, found: tax.Tax) -> None:
    if payees.clear(payee).holder_name != tax.clear(tax.taxpayer_of(found)).real_name:
        raise PayeeNameDiffers()


def find(*, account: Account, number: str) -> Payout:
    """A payout of this account, its payee account loaded.

    :raises NotFound: not a payout of this account.
    """
    payout = (
        Payout.objects.select_related("payee").filter(account=account, number=number[:40]).first()
    )
    if payout is None:
        raise NotFound()
    return payout


def cancel(*, account: Account, number: str, at: datetime) -> Payout:
    """Takes a payout back that nobody has looked at yet; its money is available again.

    :raises NotFound: not a payout of this account.
    :raises PayoutHeld: staff hold it.
    :raises WrongState: staff have it already, or it has ended.
    """
    payout = find(account=account, number=number)
    with transaction.atomic():
        # The row's lock: a hold that comes first is seen, one that comes later finds it ended.
        locked = Payout.objects.select_for_update(no_key=True, of=("self",)).get(pk=payout.pk)
        if locked.held_at:
            raise PayoutHeld()
        move_one(payout, transitions=Payout.TRANSITIONS, to=Status.CANCELLED, finished_at=at)
        money.give_back(payout, at)
    return payout
