"""Payouts 提现 in every state, by the product's own verbs and the sandbox channel."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stdnum import luhn

from backend.accounts.models import Account
from commissions import ledger, payees, payouts
from commissions.models import Payout
from seeds.scenarios.people import People
from seeds.scenarios.stage import Stage
from seeds.texts import people

LEAST_FEN = 1_000
EARLIER = timedelta(days=8)
REJECTED = "收款人姓名与实名信息不一致，请更新收款账户后重新申请"
# The last four digits of a sandbox account choose its fate (commissions/providers/sandbox.py).
FINE, FAILS, NO_ANSWER = "0001", "9002", "9004"


@dataclass(frozen=True, slots=True)
class Scene:
    """A payout's way: how far staff takes it, and what the channel does."""

    ends: str
    suffix: str = FINE


EARLY = (Scene("paid"), Scene("paid"), Scene("failed", FAILS), Scene("rejected"))
LATE = (
    Scene("requested"),
    Scene("prepared"),
    Scene("unknown", NO_ANSWER),
    Scene("approved", "bank"),
)


@dataclass(slots=True)
class Cashier:
    """Plays the early payouts on one evening a week ago, the late ones today."""

    stage: Stage
    town: People
    earners: Sequence[Account]
    done: int = 0
    is_early_done: bool = False

    def each_day(self, evening: datetime) -> None:
        """Called when a day is over; the first evening within the last eight days is the one."""
        if not self.is_early_done and evening >= self.stage.at - EARLIER:
            self.is_early_done = True
            self._play(EARLY, evening)

    def today(self) -> None:
        """What staff finds on its table this morning."""
        self._play(LATE, self.stage.at)

    def _play(self, scenes: Sequence[Scene], at: datetime) -> None:
        rich = list(self._rich())
        for place, scene in enumerate(scenes):
            if rich:
                account = rich[place % len(rich)]
                self.done += self._scene(scene, account, at)

    def _rich(self) -> Iterator[Account]:
        """Those with something to withdraw, the named people first."""
        for account in self.earners:
            if self._available(account) >= LEAST_FEN:
                yield account

    def _available(self, account: Account) -> int:
        key = ledger.AccountKey(ledger.Owner.PERSON, account.pk, ledger.Kind.AVAILABLE)
        return ledger.balance(key)

    def _scene(self, scene: Scene, account: Account, at: datetime) -> int:
        amount_fen = max(payout_share(self._available(account)), LEAST_FEN // 2)
        if self._available(account) < amount_fen:
            return 0
        self._payee(scene, account, at)
        payout = payouts.request(account=account, amount_fen=amount_fen, at=at)
        self._review(scene, payout, at)
        return 1

    def _payee(self, scene: Scene, account: Account, at: datetime) -> None:
        rng = self.stage.rng(f"payee:{account.handle}:{scene.suffix}")
        body = f"621700{rng.randrange(10**9):09d}"
        bank = scene.suffix == "bank"
        payees.add(
            account=account,
            provider="bank_file" if bank else "sandbox",
            holder_name=people.real_name(self.stage.rng(f"name:{account.handle}"), "female"),
            number=body + str(luhn.calc_check_digit(body)) if bank else f"{body}{scene.suffix}",
            at=at,
        )

    def _review(self, scene: Scene, payout: Payout, at: datetime) -> None:
        maker, checker = self.town.named("finance_a"), self.town.named("finance_b")
        if scene.ends == "requested":
            return
        payouts.prepare(number=payout.number, by=maker, at=at)
        if scene.ends == "prepared":
            return
        if scene.ends == "rejected":
            payouts.reject(number=payout.number, by=checker, reason=REJECTED, at=at)
            return
        payouts.approve(number=payout.number, by=checker, at=at)
        if scene.ends != "approved":
            payouts.send_payouts(at=at)


def payout_share(available_fen: int) -> int:
    """A third of what is there, in whole yuan."""
    return available_fen // 300 * 100
