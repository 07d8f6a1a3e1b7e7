"""Row 27: whatever runs beside whatever, nobody waits in a circle. PostgreSQL counts the circles
it had to break; the control shows that the same crowd makes some where locks have no order."""

import random
import time
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.db.models import F

from backend.core.errors import Refusal
from backend.core.sql import run
from commissions import accruals, ledger, payouts, settlement
from commissions.ledger import AccountKey, JournalKind, Posting
from seeds.factories import AccountFactory, PromoterFactory, PromotionLinkFactory, SkuFactory
from shops.models import OrderLine
from tests.commissions import sales
from tests.commissions.money_out import AT, payee
from tests.races.crowd import Crowd, deadlocks
from tests.races.of_payouts import causes
from tests.races.test_ledger import drift
from tests.races.unguarded import Function

pytestmark = pytest.mark.django_db(transaction=True)
HANDS = 4
DUE = AT + timedelta(days=8)
FEN = 10_000


class Market:
    """Six promoters, each the inviter of another's orders, and one product."""

    def __init__(self) -> None:
        self.sku = SkuFactory.create(price_fen=FEN)
        self.buyer = AccountFactory.create()
        self.promoters = [PromoterFactory.create()]
        for _ in range(5):
            self.promoters.append(PromoterFactory.create(sponsor=self.promoters[-1]))
        self.links = [
            PromotionLinkFactory.create(promoter=one, target_id=self.sku.product_id)
            for one in self.promoters
        ]
        for promoter in self.promoters:
            payee(promoter.account)
        self.lines: list[OrderLine] = []

    def sell(self, dice: random.Random) -> None:
        """A few orders, accrued in any order."""
        made = [
            sales.sale(
                at=AT,
                sku=self.sku,
                buyer=self.buyer,
                price_fen=FEN,
                referral_code=dice.choice(self.links).code,
            )
            for _ in range(3)
        ]
        self.lines += made
        accruals.reconcile_orders([line.order_id for line in reversed(made)], at=AT)

    def receive(self, dice: random.Random) -> None:
        """Some orders are received."""
        for line in self.some(dice):
            sales.receive(line, AT)
            accruals.reconcile_orders([line.order_id], at=AT)

    def refund(self, dice: random.Random) -> None:
        """Some orders are refunded in part and reversed together."""
        chosen = self.some(dice)
        for line in chosen:
            left = OrderLine.objects.filter(pk=line.pk, refunded_fen__lt=FEN - 700)
            left.update(refunded_fen=F("refunded_fen") + dice.randint(1, 700))
        accruals.reconcile_orders([line.order_id for line in chosen], at=DUE)

    def some(self, dice: random.Random) -> list[OrderLine]:
        """Up to six orders, in any order."""
        known = list(self.lines)
        return dice.sample(known, min(6, len(known)))

    def settle(self, dice: random.Random) -> None:
        """What has matured, in small chunks."""
        settlement.settle_due(at=DUE, chunk=dice.randint(1, 9), limit=3)

    def withdraw(self, dice: random.Random) -> None:
        """Somebody asks for money, and may change their mind."""
        account = dice.choice(self.promoters).account
        payout = payouts.request(account=account, amount_fen=dice.randint(100, 900), at=DUE)
        if dice.random() < 0.5:
            payouts.cancel(account=account, number=payout.number, at=DUE)

    def fold(self, dice: random.Random) -> None:
        """Deltas become balances."""
        ledger.fold(batch=dice.randint(3, 40))


def _crowd_for(seconds: float) -> Counter[str]:
    """Four connections do whatever comes; how often each thing was done."""
    market = Market()
    market.sell(random.Random(1))
    acts = [market.sell, market.receive, market.refund, market.settle, market.withdraw, market.fold]
    done: Counter[str] = Counter()

    def work(seed: int) -> None:
        dice, end = random.Random(seed), time.monotonic() + seconds
        while time.monotonic() < end:
            act = dice.choice(acts)
            try:
                act(dice)
                done[act.__name__] += 1
            except Refusal:
                continue

    with Crowd(HANDS) as crowd:
        answers = crowd.at_once(*(partial(work, seed) for seed in range(HANDS)))
    assert [answer.word for answer in answers] == ["done"] * HANDS
    return done


def test_a_mixed_crowd_makes_no_circle() -> None:
    before = deadlocks()
    done = _crowd_for(1)
    assert deadlocks() == before
    assert drift() == 0
    assert len(done) == 6, f"only {set(done)} were done"


_UNSORTED = """
CREATE OR REPLACE FUNCTION tuike_entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wanted record;
BEGIN
    FOR wanted IN SELECT account_id, sum(amount_fen) AS fen FROM fresh
                  GROUP BY 1 ORDER BY random() LOOP
        UPDATE commissions_balance SET balance_fen = balance_fen + wanted.fen
        WHERE account_id = wanted.account_id;
    END LOOP;
    RETURN NULL;
END $$
"""


def _posters(rounds: int) -> tuple[int, int]:
    """Four connections post journals of six accounts, each until its first circle: how many of
    them met one, and how many PostgreSQL has counted."""
    keys = [AccountKey("person", number, "pending") for number in range(1, 6)]
    legs = [*((key, 100) for key in keys), (AccountKey("platform", 0, "pending"), -500)]
    before = deadlocks()

    def post() -> None:
        run("SET deadlock_timeout = '20ms'")
        for _ in range(rounds):
            with transaction.atomic():
                ledger.post([Posting(JournalKind.ACCRUAL, next(causes), legs)], at=AT)

    with Crowd(HANDS) as crowd:
        answers = crowd.at_once(*[post] * HANDS)
    met = sum("deadlock detected" in answer.word for answer in answers)
    return met, deadlocks() - before


def test_running_balances_in_no_order_make_circles() -> None:
    """The negative control: balances updated by each entry, in no order, instead of deltas."""
    assert _posters(25) == (0, 0)
    with Function("tuike_entries_balance", _UNSORTED).dropped():
        met, counted = _posters(200)
    assert met == counted > 0


@pytest.mark.soak
def test_a_mixed_crowd_makes_no_circle_in_half_a_minute() -> None:
    before = deadlocks()
    done = _crowd_for(30)
    assert deadlocks() == before
    assert drift() == 0
    print(f"\n{sum(done.values())} acts of four connections, 0 deadlocks: {dict(done)}")
