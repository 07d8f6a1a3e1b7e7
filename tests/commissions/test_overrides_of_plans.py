"""Overrides (X7) of lines that a plan has priced."""

import pytest

from commissions import accruals, disputes, overrides, settlement
from seeds.factories import PromoterFactory
from tests.commissions import sales
from tests.commissions.disputed import AT, DUE, checker, clean, maker
from tests.commissions.plan_world import Stall

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("settled", [False, True])
def test_what_a_plan_has_set_as_the_budget_is_owed_to_the_new_payee(settled: bool) -> None:
    """12.34 a unit, whatever the rate: not base × rate."""
    stall, mia = Stall(), PromoterFactory.create()
    stall.named("exclusive", unit_fen=1_234)
    commission = stall.sell(offer=2_000)
    assert (commission.budget_fen, sales.fen_of(stall.linda.account, "pending")) == (1_234, 1_234)
    if settled:
        sales.receive(commission.order_line, AT)
        accruals.reconcile_orders([commission.order_line.order_id], at=AT)
        settlement.settle_due(at=DUE)

    def proposed(handle: str) -> int:
        dispute = disputes.open_dispute(
            account=stall.shop.account,
            order_number=commission.order_line.order.number,
            line_id=commission.order_line_id,
            claim="Mia showed it",
            at=AT,
        )
        asked = {"role": "promoter", "handle": handle, "reason": "Mia showed it"}
        return disputes.propose(dispute_id=dispute.pk, by=maker(), at=AT, **asked).pk

    nobody = proposed("")
    with pytest.raises(overrides.PricedByPlan):
        disputes.approve(dispute_id=nobody, by=checker(), at=AT)
    disputes.reject(dispute_id=nobody, by=checker(), reason="somebody is owed it", at=AT)
    disputes.approve(dispute_id=proposed(mia.account.handle), by=checker(), at=AT)
    kind = "available" if settled else "pending"
    assert sales.fen_of(stall.linda.account, kind) == 0
    assert sales.fen_of(mia.account, kind) == 1_234
    assert clean(DUE)
    stall.refund(commission, 5_000)
    assert sales.fen_of(mia.account, kind) == 617
    assert clean(DUE)
