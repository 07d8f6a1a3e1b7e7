"""Races for plans: the edge of a fund, the edge of a cap, two exclusive plans at once."""

from collections.abc import Sequence
from functools import partial

import pytest

from backend.core.sql import rows, run
from commissions import accruals, plans
from commissions.models import CommissionOrder, PlanFund, PlanVersion
from commissions.plans import applying, drafting
from seeds.factories import SkuFactory
from shops.models import OrderLine
from tests.commissions import sales
from tests.commissions.plan_world import AT, DAY, Stall
from tests.races.crowd import Act, Answer, Meeting
from tests.races.race import Race, meet_before
from tests.races.unguarded import Check

# A line of 100.00 at 10 %.
BUDGET = 1_000


class OfPlans(Race):
    """One stall, a plan of 10 %, and two lines a round that come by Linda's link."""

    def ground(self, rounds: int) -> None:
        plans.ensure_default(at=AT)
        self.stall = Stall()
        self.version = self.stall.plan(rate_bps=1_000)

    def sell(self) -> OrderLine:
        """A paid line that waits for its commission."""
        stall = self.stall
        return sales.sale(at=AT, sku=stall.sku, referral_code=stall.link.code, rate_bps=0)

    def two(self) -> Sequence[Act]:
        """Two workers, a line each."""
        self.lines = [self.sell(), self.sell()]
        return [partial(accruals.reconcile_orders, [line.order_id], at=AT) for line in self.lines]

    def budgets(self) -> list[int]:
        """What the round's lines were granted."""
        found = CommissionOrder.objects.filter(order_line__in=self.lines)
        return sorted(found.values_list("budget_fen", flat=True))

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, applying, "_choose")


class FundEdge(OfPlans):
    name = "two lines at the edge of a plan's fund"
    removed = "the fund's lock, and its CHECK"
    guards = (Check("commissions_planfund", "plan_fund_never_exceeded"),)

    def prepare(self, number: int) -> Sequence[Act]:
        # Enough for one of the two, not for both.
        fund = PlanFund.objects.filter(plan=self.version.plan_id).first()
        self.stall.fund(self.version, (fund.taken_fen if fund else 0) + BUDGET + 1)
        return self.two()

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        naive = applying._LOCK_FUNDS.replace("FOR NO KEY UPDATE", "")
        assert naive != applying._LOCK_FUNDS
        patch.setattr(applying, "_LOCK_FUNDS", naive)

    def judge(self, answers: list[Answer]) -> str:
        fund, granted = PlanFund.objects.get(plan=self.version.plan_id), self.budgets()
        right = granted == [0, BUDGET] and fund.taken_fen <= fund.funded_fen
        return "" if right else f"{granted} of {fund.funded_fen}, taken {fund.taken_fen}"


_LOOK = """
SELECT plan_id, kind, account_id, period, used_fen FROM commissions_plancounter
WHERE plan_id = ANY(%s::bigint[])
"""
_OPEN = """
INSERT INTO commissions_plancounter (plan_id, kind, account_id, period, used_fen)
VALUES (%s, %s, %s, %s, 0) ON CONFLICT DO NOTHING
"""


class CapEdge(OfPlans):
    name = "two lines at the edge of a promoter's daily cap"
    removed = "the counter's lock (ON CONFLICT DO UPDATE)"

    def ground(self, rounds: int) -> None:
        plans.ensure_default(at=AT)
        self.stall = Stall()

    def prepare(self, number: int) -> Sequence[Act]:
        ended = PlanVersion.objects.filter(is_default=False, ends_at__isnull=True)
        ended.update(ends_at=AT - DAY)
        self.version = self.stall.plan(rate_bps=1_000, cap_day_fen=BUDGET, name=f"round {number}")
        # The counter is there before the two: what they meet over is its row.
        at = int(f"{AT:%Y%m%d}")
        plan, linda = self.version.plan_id, self.stall.linda.account_id
        run(_OPEN, [plan, "day", linda, at])
        return self.two()

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        def look(keys: list[applying.Key]) -> dict[applying.Key, int]:
            found = rows(_LOOK, [[key[0] for key in keys]])
            return {
                (row["plan_id"], row["kind"], row["account_id"], row["period"]): row["used_fen"]
                for row in found
            }

        patch.setattr(applying, "_locked_counters", look)

    def judge(self, answers: list[Answer]) -> str:
        granted = self.budgets()
        return "" if granted == [0, BUDGET] else f"{granted} with a cap of {BUDGET}"


class ExclusiveTwice(OfPlans):
    name = "two exclusive plans for one product and promoter, published at once"
    removed = "the lock that publications take"

    def prepare(self, number: int) -> Sequence[Act]:
        product = SkuFactory.create(product__shop=self.stall.shop).product_id
        linda = [self.stall.linda.account.handle]
        self.drafts = [
            self.stall.draft("exclusive", rate_bps=5, promoters=linda, products=[product])
            for _ in range(2)
        ]
        return [
            partial(plans.publish, version_id=one.pk, by=self.stall.staff, at=AT - DAY)
            for one in self.drafts
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, drafting, "_end_the_one_before")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        patch.setattr(drafting, "lock", lambda: None)

    def judge(self, answers: list[Answer]) -> str:
        drafts = [one.pk for one in self.drafts]
        count = PlanVersion.objects.filter(pk__in=drafts, published_at__isnull=False).count()
        words = sorted(answer.word for answer in answers)
        right = (count, words) == (1, ["done", "plan_overlaps_exclusive"])
        return "" if right else f"{count} published: {words}"


RACES = (FundEdge, CapEdge, ExclusiveTwice)
