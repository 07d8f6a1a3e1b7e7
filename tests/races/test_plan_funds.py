"""X10: a hundred orders meet the edge of a plan's budget at once. The control without the guard
is the race FundEdge (tests/races/of_plans.py)."""

from collections import Counter
from functools import partial

import pytest

from commissions import accruals, books, plans
from commissions.models import CommissionOrder, PlanFund
from tests.commissions import sales
from tests.commissions.plan_world import AT, DAY, FEN, Stall
from tests.races.crowd import together

pytestmark = pytest.mark.django_db(transaction=True)
HANDS, EACH = 20, 5


def test_a_hundred_orders_at_once_never_exceed_a_fund() -> None:
    """Room for 37 and a half: 37 are granted whole, the others get the product's own offer; what
    refunds give back meanwhile is granted again."""
    plans.ensure_default(at=AT)
    stall = Stall()
    version = stall.plan("campaign", rate_bps=1_000, ends_at=AT + DAY)
    stall.fund(version, 37_500)
    orders = [
        sales.sale(at=AT, sku=stall.sku, referral_code=stall.link.code, rate_bps=400).order_id
        for _ in range(HANDS * EACH)
    ]

    def work(mine: list[int]) -> None:
        for order in mine:
            accruals.reconcile_orders([order], at=AT)

    hands = [orders[place::HANDS] for place in range(HANDS)]
    assert together([partial(work, mine) for mine in hands]) == {"done": HANDS}
    granted = Counter(CommissionOrder.objects.values_list("step", "budget_fen"))
    assert granted == {("campaign", 1_000): 37, ("product", 400): 63}
    fund = PlanFund.objects.get(plan=version.plan_id)
    assert (fund.taken_fen, fund.returned_fen, fund.funded_fen) == (37_000, 0, 37_500)
    refund_and_sell_again(stall, version.plan_id)
    rules = [rule for rule in books.RULES if rule.code in ("X10", "K1", "K1 I8", "I2", "I4")]
    assert books.check(at=AT, rules=rules) == []


def refund_and_sell_again(stall: Stall, plan_id: int) -> None:
    """Ten refunds against twenty new lines, all at once."""
    paid = list(CommissionOrder.objects.filter(step="campaign").order_by("id")[:10])
    lines = [
        sales.sale(at=AT, sku=stall.sku, referral_code=stall.link.code, rate_bps=400)
        for _ in range(10)
    ]
    for commission in paid:
        sales.refund(commission.order_line, FEN)
    acts = [commission.order_line.order_id for commission in paid] + [
        line.order_id for line in lines
    ]
    jobs = [partial(accruals.reconcile_orders, [order], at=AT) for order in acts]
    assert together(jobs) == {"done": 20}
    fund = PlanFund.objects.get(plan=plan_id)
    assert fund.taken_fen - fund.returned_fen <= fund.funded_fen
    exposed = plans.exposure(plan=fund.plan)
    assert exposed["exposed_fen"] == 37_500 - exposed["left_fen"]
