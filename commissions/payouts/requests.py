"""A person asks for their money, or changes their mind."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from backend.accounts.models import Account
from backend.core import ids
from backend.core.errors import Invalid, NotFound, Refusal
from backend.core.money import yuan
from backend.core.states import move_one
from commissions import ledger
from commissions.models import PayeeAccount, Payout
from commissions.payouts import money

Status = Payout.Status


class BelowMinimum(Invalid):
    """Less than the least amount that is paid out; `minimum_fen` says how much that is."""

    code = "below_minimum"
    title = "Less than the minimum payout"


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


def request(*, account: Account, amount_fen: int, at: datetime) -> Payout:
    """A new payout of `amount_fen` fen, the fee included; the money is held from now on.

    Two requests of one person meet on the lock of their balance: the second sees what the first
    has taken. A balance below zero (refunds after settlement) refuses every payout.

    :raises BelowMinimum: less than the minimum.
    :raises PayeeMissing: no active payee account.
    :raises InsufficientBalance: more than is available.
    """
    fee = settings.PAYOUT_FEE_FEN
    minimum = max(settings.PAYOUT_MINIMUM_FEN, fee + 1)
    if amount_fen < minimum:
        raise BelowMinimum(
            f"The least that is paid out is ¥{yuan(minimum)}.",
            fields={"amount_fen": [f"Must be at least {minimum}."]},
            minimum_fen=minimum,
        )
    with transaction.atomic():
        available = ledger.lock(money.available_of(account.pk))
        payee = PayeeAccount.objects.filter(account=account, is_active=True).first()
        if payee is None:
            raise PayeeMissing()
        if amount_fen > available:
            raise InsufficientBalance(f"¥{yuan(available)} is available.", available_fen=available)
        payout = Payout.objects.create(
            number=ids.bill_number("P", at),
            account=account,
            payee=payee,
            amount_fen=amount_fen,
            fee_fen=fee,
            requested_at=at,
        )
        money.hold(payout, at)
    return payout


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
    :raises WrongState: staff have it already, or it has ended.
    """
    payout = find(account=account, number=number)
    with transaction.atomic():
        move_one(payout, transitions=Payout.TRANSITIONS, to=Status.CANCELLED, finished_at=at)
        money.give_back(payout, at)
    return payout
