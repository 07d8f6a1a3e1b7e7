"""Whatever is done to payouts in whatever order, and whatever the channel answers, no fen is lost
and none is made: available + in transit + paid out = credited, and what is paid out is what
arrived, the fee and the tax (I7). Under a rule with a fee, a second checker, a tax and holds."""

import os
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.accounts.models import Account
from backend.core.errors import Refusal
from commissions import books, ledger, payouts
from commissions.models import Payout, PayoutAttempt, SandboxTransfer
from commissions.providers.sandbox import Mode, force
from tests.commissions.money_out import (
    AT,
    cash,
    checker,
    credit,
    earner,
    maker,
    money_of,
    officer,
)
from tests.commissions.ruled import rule, taxpayer

YUAN = 100
EXAMPLES = int(os.environ.get("TUIKE_PAYOUT_EXAMPLES", "25"))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("credit"), st.integers(-800, 3_000)),
        st.tuples(st.just("request"), st.integers(50, 2_500)),
        st.tuples(
            st.sampled_from(["cancel", "prepare", "reject", "resolve", "hold", "release"]),
            st.integers(0, 5),
        ),
        st.tuples(st.just("approve"), st.tuples(st.integers(0, 5), st.sampled_from(list(Mode)))),
        st.tuples(st.just("send"), st.none()),
        st.tuples(st.just("fold"), st.none()),
        st.tuples(st.just("wait"), st.sampled_from([40, 200, 700, 4_000])),
    ),
    max_size=24,
)


class Walk:
    """One sequence of steps over one person's payouts."""

    def __init__(self) -> None:
        self.account: Account = earner(5_000 * YUAN)
        taxpayer(self.account)
        rule(fee_fen=7, fee_bps=60, second_over_fen=1_500 * YUAN, tax_method="labour")
        self.maker, self.checkers = maker(), (checker(), checker())
        self.checker, self.keeper = self.checkers[0], officer("hold_payout")
        self.numbers: list[str] = []
        self.credited, self.at = 5_000 * YUAN, AT

    def step(self, name: str, value: Any) -> None:
        """Does one thing; what is refused must have moved nothing."""
        before = money_of(self.account)
        try:
            with transaction.atomic():
                getattr(self, name)(value)
        except Refusal:
            assert money_of(self.account) == before

    def number(self, place: int) -> str:
        return self.numbers[place % len(self.numbers)] if self.numbers else "P0"

    def credit(self, amount: int) -> None:
        credit(self.account, amount * YUAN)
        self.credited += amount * YUAN

    def request(self, amount: int) -> None:
        payout = payouts.request(account=self.account, amount_fen=amount * YUAN, at=self.at)
        self.numbers.append(payout.number)

    def cancel(self, place: int) -> None:
        payouts.cancel(account=self.account, number=self.number(place), at=self.at)

    def prepare(self, place: int) -> None:
        payouts.prepare(number=self.number(place), by=self.maker, at=self.at)

    def approve(self, chosen: tuple[int, Mode]) -> None:
        if self.numbers:
            force(self.number(chosen[0]), chosen[1])
        by = self.checkers[chosen[0] % 2]
        payouts.approve(number=self.number(chosen[0]), by=by, at=self.at)

    def hold(self, place: int) -> None:
        payouts.hold(number=self.number(place), by=self.keeper, reason="why", at=self.at)

    def release(self, place: int) -> None:
        payouts.release(number=self.number(place), by=self.keeper, reason="why", at=self.at)

    def reject(self, place: int) -> None:
        payouts.reject(number=self.number(place), by=self.checker, reason="no", at=self.at)

    def resolve(self, place: int) -> None:
        """As a person would: by what the channel's statement says, once it is settled."""
        number = self.number(place)
        found = SandboxTransfer.objects.filter(number=number).first()
        if found and found.state != "pending":
            paid = found.state == "paid"
            payouts.resolve(number=number, by=self.checker, paid=paid, reason="seen", at=self.at)

    def fold(self, _: None) -> None:
        ledger.fold()

    def send(self) -> None:
        payouts.send_payouts(at=self.at)

    def wait(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)
        payouts.reconcile_payouts(at=self.at)

    def check(self) -> None:
        """The law of this file, and that nothing was sent twice."""
        available, in_transit = money_of(self.account)
        paid = sum(Payout.objects.filter(status="paid").values_list("amount_fen", flat=True))
        assert available + in_transit + paid == self.credited
        kept = sum(Payout.objects.filter(status="paid").values_list("fee_fen", flat=True))
        assert paid == cash() + kept + ledger.balance(ledger.AccountKey("platform", 0, "tax"))
        open_ = Payout.objects.exclude(status__in=["paid", "failed", "rejected", "cancelled"])
        assert in_transit == sum(open_.values_list("amount_fen", flat=True))
        assert in_transit >= 0
        sends = PayoutAttempt.objects.filter(kind="send")
        assert sends.values("payout").distinct().count() == sends.count()


RULES = {
    "every journal has entries and they sum to zero",
    "every balance with its deltas is the sum of its entries",
    "a payout's journals are those of its state",
    "a payout's state has its history: two people, their acts, its sending",
    "what is withheld from a payout is written down once, of its whole amount",
    "what the platform owes the tax office is what was withheld from what is paid",
}


@pytest.mark.django_db
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_no_fen_is_lost_and_none_is_made(steps: list[tuple[str, Any]]) -> None:
    point = transaction.savepoint()
    try:
        walk = Walk()
        for name, value in steps:
            if name == "send":
                walk.send()
            elif name == "wait":
                walk.wait(value)
            else:
                walk.step(name, value)
            walk.check()
        broken = {finding.name for finding in books.check(at=walk.at)}
        assert broken & RULES == set()
    finally:
        transaction.savepoint_rollback(point)
