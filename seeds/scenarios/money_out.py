"""Payouts 提现 in every state, by the product's own verbs and the sandbox channel."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from stdnum import luhn
from stdnum.cn import ric

from backend.accounts.models import Account
from commissions import bounties, ledger, payees, payout_rules, payouts, tax
from commissions.models import BountyAward, Payout
from seeds.scenarios.people import People
from seeds.scenarios.stage import Stage
from seeds.texts import people

LEAST_FEN = 1_000
EARLIER = timedelta(days=8)
REJECTED = "收款人姓名与实名信息不一致，请更新收款账户后重新申请"
HELD = "收款人姓名与历史记录不同，待核实"
# Published a week ago, before anybody was paid. The cumulative method is what platforms withhold by
# since 2025-10-01: who earns less than 6,250 yuan a month pays nothing.
RULES: dict[str, Any] = {
    "minimum_fen": 100,
    "person_daily_count": 10,
    "person_daily_fen": 2_000_000,
    "second_over_fen": 30_000,
    "tax_method": "cumulative",
    "note": "开业提现规则：单笔超过 300 元须两人复核；按累计预扣法代扣个人所得税",
}
PRIZE_FEN = 900_000
# The last four digits of a sandbox account choose its fate (commissions/providers/sandbox.py).
FINE, FAILS, NO_ANSWER = "0001", "9002", "9004"
WALLETS = {"wechat": "oUpF8uMuAJO_M2pxb1Q9zNjWe{0:03d}", "alipay": "138{0:08d}"}


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
    Scene("held"),
    Scene("requested", "wechat"),
    Scene("requested", "alipay"),
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
            payout_rules.publish(
                by=self.town.named("admin"), effective_from=evening, at=evening, **RULES
            )
            self._play(EARLY, evening)

    def today(self) -> None:
        """What staff finds on its table this morning."""
        self._play(LATE, self.stage.at)
        self._prize()

    def _play(self, scenes: Sequence[Scene], at: datetime) -> None:
        rich = list(self._rich())
        for place, scene in enumerate(scenes):
            if rich:
                account = rich[place % len(rich)]
                self.done += self._scene(scene, account, at)

    def _prize(self) -> None:
        """A prize large enough to be taxed: most of it is paid by two checkers, and more of it
        waits for the second one."""
        at = self.stage.ago(days=29)
        admin = self.town.named("admin")
        made = bounties.draft(
            title="平台开业推广大奖",
            goal="orders",
            target=1,
            reward_fen=PRIZE_FEN,
            budget_fen=PRIZE_FEN,
            starts_at=at,
            ends_at=at + timedelta(days=15),
            hold_days=3,
            by=admin,
            at=at,
        )
        bounties.publish(bounty_id=made.pk, by=admin, at=at)
        bounties.evaluate(at=self.stage.at)
        bounties.pay_due(at=self.stage.at)
        award = BountyAward.objects.filter(bounty=made, status="paid").first()
        if award is not None:
            self._payout(Scene("paid"), award.account, 800_000, self.stage.at)
            self._payout(Scene("checked"), award.account, 50_000, self.stage.at)
            self.done += 2

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
        closed = scene.suffix in WALLETS and scene.suffix not in payees.open_providers()
        if self._available(account) < amount_fen or closed:
            return 0
        self._payout(scene, account, amount_fen, at)
        return 1

    def _payout(self, scene: Scene, account: Account, amount_fen: int, at: datetime) -> None:
        self._payee(scene, account, at)
        payout = payouts.request(account=account, amount_fen=amount_fen, at=at)
        self._review(scene, payout, at)

    def _payee(self, scene: Scene, account: Account, at: datetime) -> None:
        rng = self.stage.rng(f"payee:{account.handle}:{scene.suffix}")
        body = f"621700{rng.randrange(10**9):09d}"
        name = people.real_name(self.stage.rng(f"name:{account.handle}"), "female")
        provider, number = "sandbox", f"{body}{scene.suffix}"
        if scene.suffix == "bank":
            provider, number = "bank_file", body + str(luhn.calc_check_digit(body))
        elif scene.suffix in WALLETS:
            provider, number = scene.suffix, WALLETS[scene.suffix].format(account.pk % 1_000)
        payees.add(account=account, provider=provider, holder_name=name, number=number, at=at)
        tax.identify(account=account, real_name=name, number=id_card(account.pk), at=at)

    def _review(self, scene: Scene, payout: Payout, at: datetime) -> None:
        maker, checker = self.town.named("finance_a"), self.town.named("finance_b")
        if scene.ends == "requested":
            return
        payouts.prepare(number=payout.number, by=maker, at=at)
        if scene.ends == "held":
            payouts.hold(number=payout.number, by=maker, reason=HELD, at=at)
        if scene.ends in ("prepared", "held"):
            return
        if scene.ends == "rejected":
            payouts.reject(number=payout.number, by=checker, reason=REJECTED, at=at)
            return
        payouts.approve(number=payout.number, by=checker, at=at)
        if scene.ends == "checked":
            return
        if payout.needs_second:
            payouts.approve(number=payout.number, by=self.town.named("admin"), at=at)
        if scene.ends != "approved":
            payouts.send_payouts(at=at)


def id_card(number: int) -> str:
    """An identity card's number that nobody has, another one for every number below nine million:
    a district, a birthday, a place in the day, a check digit."""
    born = date(1975, 1, 1) + timedelta(days=number % 9_000)
    digits = f"310104{born:%Y%m%d}{number // 9_000:03d}"
    return digits + ric.calc_check_digit(f"{digits}0")


def payout_share(available_fen: int) -> int:
    """A third of what is there, in whole yuan."""
    return available_fen // 300 * 100
