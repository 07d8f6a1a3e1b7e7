"""Shared ground of the payout tests: people with rights, and money to ask for."""

from datetime import UTC, datetime
from itertools import count

from django.contrib.auth.models import Permission
from django.db import transaction

from backend.accounts.models import Account
from commissions import ledger, payees, payouts
from commissions.models import Payout
from seeds.factories import AccountFactory

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
CARD = "6222020000000000034"  # a made-up number with a right check digit
OK, FAIL, PAID_LATE, LOST = "62220001", "62229002", "62229003", "62229004"
DUPLICATE, SLOW, WRONG = "62229005", "62229006", "62229007"
_subjects = count(1)


def credit(account: Account, amount_fen: int) -> None:
    """Gives a person `amount_fen` to withdraw (below zero: takes it), out of the platform's."""
    legs = [
        (ledger.AccountKey("platform", 0, "available"), -amount_fen),
        (ledger.AccountKey("person", account.pk, "available"), amount_fen),
    ]
    with transaction.atomic():
        posting = ledger.Posting(ledger.JournalKind.SETTLEMENT, next(_subjects), legs)
        ledger.post([posting], at=AT)


def payee(account: Account, number: str = OK, provider: str = "sandbox") -> None:
    """Says where the person's money goes; the sandbox behaves by the number's last digits."""
    payees.add(account=account, provider=provider, holder_name="李小鱼", number=number, at=AT)


def earner(amount_fen: int = 10_000, number: str = OK, provider: str = "sandbox") -> Account:
    """Somebody with money to withdraw and an account to be paid on."""
    account = AccountFactory.create()
    credit(account, amount_fen)
    payee(account, number, provider)
    return account


def officer(*rights: str) -> Account:
    """A member of staff with these rights, such as prepare_payout."""
    account = AccountFactory.create(is_staff=True)
    account.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return Account.objects.get(pk=account.pk)


def maker() -> Account:
    """May prepare."""
    return officer("prepare_payout")


def checker() -> Account:
    """May approve."""
    return officer("approve_payout")


def approved(account: Account, amount_fen: int = 1_000) -> Payout:
    """A payout that two members of staff have agreed to."""
    payout = payouts.request(account=account, amount_fen=amount_fen, at=AT)
    payouts.prepare(number=payout.number, by=maker(), at=AT)
    return payouts.approve(number=payout.number, by=checker(), at=AT)


def money_of(account: Account) -> tuple[int, int]:
    """(available, in transit) in fen."""
    found = ledger.balances_of("person", account.pk)
    return found.get("available", 0), found.get("in_transit", 0)


def cash() -> int:
    """What the channels have paid out, in fen."""
    return ledger.balance(ledger.AccountKey("provider", 0, "cash"))
