"""What commissions know of a person, and how they forget it: where their money went. The ledger,
the payouts, the locks and the tree of inviters stay, as numbers of an account without a name."""

from datetime import datetime

from backend.accounts.erasure import Room
from backend.accounts.models import Account
from backend.core import sealing
from commissions import agencies, ledger, payout_rules, promoters
from commissions.models import (
    AttributionDispute,
    PayeeAccount,
    Payout,
    Promoter,
    TaxIdentity,
    TaxWithholding,
)

_ENDED = (
    Payout.Status.PAID,
    Payout.Status.FAILED,
    Payout.Status.REJECTED,
    Payout.Status.CANCELLED,
)


def in_the_way(account: Account) -> dict[str, int]:
    """Payouts on their way, disputes under way, and money: what has not settled, what can still be
    paid out, what is owed back. Less than the least payout is left behind."""
    found = ledger.balances_of(ledger.Owner.PERSON, account.pk)
    available = found.pop(ledger.Kind.AVAILABLE, 0)
    nothing = 0 <= available < payout_rules.newest().least()
    return {
        "payouts": Payout.objects.filter(account=account).exclude(status__in=_ENDED).count(),
        "money_fen": 0 if nothing else available,
        "unsettled_fen": sum(abs(fen) for fen in found.values()),
        "disputes": AttributionDispute.objects.filter(
            opened_by=account, status__in=AttributionDispute.UNDER_WAY
        ).count(),
    }


def forget(account: Account, at: datetime) -> None:
    """Runs inside the transaction of the erasure."""
    PayeeAccount.objects.filter(account=account).update(
        holder_name_sealed=sealing.seal(""),
        number_sealed=sealing.seal(""),
        number_masked="",
        fingerprint="",
        is_active=False,
    )
    _forget_taxpayer(account)
    AttributionDispute.objects.filter(opened_by=account).update(claim="", evidence=[])
    promoter = Promoter.objects.filter(account=account).exclude(status=Promoter.Status.LEFT).first()
    if promoter is not None:
        promoters.leave(account=account, at=at)
    agencies.forget(account=account, at=at)


def _forget_taxpayer(account: Account) -> None:
    """An identity under which tax was withheld is kept, sealed: the tax office may ask for it.
    One that was never used is overwritten. Neither is in use any more."""
    mine = TaxIdentity.objects.filter(account=account)
    used = TaxWithholding.objects.filter(account=account).values("identity_id")
    mine.update(is_active=False)
    mine.exclude(pk__in=used).update(
        real_name_sealed=sealing.seal(""),
        number_sealed=sealing.seal(""),
        number_masked="",
        fingerprint="",
    )


ROOM = Room(in_the_way, forget)
