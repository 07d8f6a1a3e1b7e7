"""Funded plans are never exceeded, give way whole, and get back what refunds return: X10, I2."""

import pytest
from django.db import IntegrityError, connection, transaction

from commissions import accruals, books, explain, plans, settlement
from commissions.models import CommissionOrder, PlanFund, PlanReturn
from commissions.plans import FundBelowUse
from tests.commissions import sales
from tests.commissions.plan_world import AT, DAY, FEN, Stall, terms

pytestmark = pytest.mark.django_db
OF_PLANS = [rule for rule in books.RULES if rule.code in ("X10", "K1", "K1 I8")]


@pytest.fixture
def stall() -> Stall:
    return Stall()


def test_a_line_takes_its_budget_whole_or_falls_to_the_next_step(stall: Stall) -> None:
    """A campaign of 10 % with 25.00: two lines, then the product's own offer again."""
    version = stall.plan("campaign", rate_bps=1_000, ends_at=AT + DAY)
    stall.fund(version, 2_500)
    found = [stall.sell(offer=400) for _ in range(3)]
    assert [(one.step, one.budget_fen) for one in found] == [
        ("campaign", 1_000), ("campaign", 1_000), ("product", 400),
    ]  # fmt: skip
    last = found[-1]
    assert last.plan_version_id != version.pk
    assert terms(last)["passed_over"] == [
        {
            "version_id": version.pk, "plan": version.plan.name, "step": "campaign",
            "reason": "fund_used_up", "wanted_fen": 1_000, "left_fen": 500,
        }
    ]  # fmt: skip
    told = explain.for_staff(last.pk)
    assert "left_fen" not in told["pricing"]["passed_over"][0]
    assert "passed over" in explain.readable(told)
    assert explain.recompute(told)["budget_fen"] == 400
    small = stall.sell(price_fen=5_000)
    assert (small.step, small.budget_fen) == ("campaign", 500), "a smaller line still fits"
    fund = PlanFund.objects.get(plan=version.plan_id)
    assert (fund.taken_fen, fund.returned_fen) == (2_500, 0)
    assert books.check(at=AT, rules=OF_PLANS) == []


def test_what_a_refund_takes_back_is_in_the_fund_for_the_next_line(stall: Stall) -> None:
    version = stall.plan(rate_bps=1_000)
    stall.fund(version, 1_000)
    first = stall.sell()
    assert stall.sell().budget_fen == 0
    stall.refund(first, 4_000)
    assert PlanReturn.objects.get().amount_fen == 400
    assert books.check(at=AT, rules=OF_PLANS) == []
    assert stall.sell(price_fen=4_000).budget_fen == 400
    assert not PlanReturn.objects.exists()
    fund = PlanFund.objects.get(plan=version.plan_id)
    assert (fund.taken_fen, fund.returned_fen) == (1_400, 400)
    assert books.check(at=AT, rules=OF_PLANS) == []


def test_a_refund_after_settlement_gives_back_too(stall: Stall) -> None:
    version = stall.plan(rate_bps=1_000)
    stall.fund(version, 1_000)
    commission = stall.sell()
    sales.receive(commission.order_line, AT)
    accruals.reconcile_orders([commission.order_line.order_id], at=AT)
    settlement.settle_due(at=AT + 8 * DAY)
    stall.refund(commission, FEN)
    assert stall.sell().budget_fen == 1_000


def test_many_lines_of_one_batch_share_the_fund_in_their_order(stall: Stall) -> None:
    version = stall.plan(rate_bps=1_000)
    stall.fund(version, 2_999)
    lines = [
        sales.sale(at=AT, sku=stall.sku, referral_code=stall.link.code, rate_bps=0)
        for _ in range(5)
    ]
    accruals.reconcile_orders([line.order_id for line in lines], at=AT)
    found = CommissionOrder.objects.order_by("order_line").values_list("budget_fen", flat=True)
    assert list(found) == [1_000, 1_000, 0, 0, 0]


def test_a_fund_is_not_set_below_what_is_used(stall: Stall) -> None:
    version = stall.plan(rate_bps=1_000)
    stall.fund(version, 1_000)
    stall.sell()
    with pytest.raises(FundBelowUse) as refused:
        stall.fund(version, 999)
    assert refused.value.extra == {"used_fen": 1_000}
    stall.fund(version, 2_000)
    assert [stall.sell().budget_fen for _ in range(2)] == [1_000, 0]


def test_the_database_refuses_an_exceeded_fund(stall: Stall) -> None:
    version = stall.plan(rate_bps=1_000)
    stall.fund(version, 1_000)
    statement = "UPDATE commissions_planfund SET taken_fen = 1001"
    with pytest.raises(IntegrityError, match="plan_fund_never_exceeded"), transaction.atomic():
        connection.cursor().execute(statement)


def test_a_fund_that_comes_later_counts_from_then_on(stall: Stall) -> None:
    version = stall.plan(rate_bps=1_000)
    before = stall.sell()
    stall.fund(version, 1_000)
    assert stall.sell().budget_fen == 1_000
    stall.refund(before, FEN)
    assert not PlanReturn.objects.exists()
    assert books.check(at=AT, rules=OF_PLANS) == []


def test_the_exposure_is_what_stands_and_what_would_be_left(stall: Stall) -> None:
    version = stall.plan(rate_bps=1_000, cap_day_fen=3_500)
    stall.fund(version, 10_000)
    lines = [stall.sell() for _ in range(4)]
    for commission in lines[:2]:
        sales.receive(commission.order_line, AT)
        accruals.reconcile_orders([commission.order_line.order_id], at=AT)
    settlement.settle_due(at=AT + 7 * DAY, chunk=1, limit=1)
    stall.refund(lines[2], 5_000)
    found = plans.exposure(plan=version.plan, refund_bps=1_000)
    assert found == {
        "plan_id": version.plan_id, "funded_fen": 10_000, "left_fen": 7_000,
        "taken_fen": 3_500, "returned_fen": 500, "lines": 4, "cut_lines": 1,
        "estimated_fen": 1_000, "confirmed_fen": 1_000, "settled_fen": 1_000,
        "exposed_fen": 3_000,
        "if_refunded": {
            "refund_bps": 1_000, "back_fen": 200, "exposed_fen": 2_800, "left_fen": 7_200,
        },
    }  # fmt: skip
    assert "estimated: 10.00" in plans.exposure_words(version.plan)


def test_what_staff_end_goes_back_to_the_fund(stall: Stall) -> None:
    version = stall.plan(rate_bps=1_000)
    stall.fund(version, 1_000)
    ended = stall.sell()
    with transaction.atomic():
        accruals.end(commission_id=ended.pk, reason="risk_self_phone", at=AT)
    assert PlanReturn.objects.get().amount_fen == 1_000
    assert stall.sell().budget_fen == 1_000
