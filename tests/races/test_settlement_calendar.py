"""Settling, closing, re-stating and stating at once, on real connections: nothing is settled,
stated or re-stated twice, and no late run passes for one in time (X4, X12, I9, I10)."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from commissions import books, restating, settlement, statements
from commissions.models import (
    CommissionOrder,
    Restatement,
    RestatementLine,
    SettlementPeriod,
    SettlementRule,
    SettlementRun,
    Statement,
)
from tests.commissions import sales
from tests.commissions.test_settlement_calendar import accruals, matured
from tests.races.crowd import together

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
CLOSE = datetime(2026, 11, 30, 17, tzinfo=UTC)
LATER = CLOSE + timedelta(days=3)
pytestmark = pytest.mark.django_db(transaction=True)


def test_many_workers_settle_close_state_and_restate_at_once() -> None:
    lines = matured(12)
    hands = 3
    settled = together([partial(settlement.settle_due, at=CLOSE, chunk=2)] * hands)
    assert settled == {"done": hands}
    assert SettlementRule.objects.count() == 1, "two who ask first make one rule"
    assert SettlementPeriod.objects.count() == 1
    assert set(CommissionOrder.objects.values_list("status", flat=True)) == {"settled"}
    assert not SettlementRun.objects.filter(late=True).exists()
    assert together([partial(restating.close_due, at=CLOSE)] * hands) == {"done": hands}
    assert together([partial(statements.state_due, at=CLOSE)] * hands) == {"done": hands}
    while statements.state_due(at=CLOSE):
        pass
    assert Statement.objects.count() == Statement.objects.values("owner_kind", "owner_id").count()
    assert SettlementPeriod.objects.get().stated_at == CLOSE
    for line in lines[:4]:
        sales.refund(line, 5_000)
    accruals.reconcile_orders([line.order_id for line in lines], at=LATER)
    period = SettlementPeriod.objects.get()
    act = partial(restating.restate, period_id=period.pk, by=None, reason="x", at=LATER)
    assert together([act] * hands) == {"done": hands}
    assert Restatement.objects.count() == 1
    assert RestatementLine.objects.count() == 4 * 3
    assert restating.restated(period.pk) == restating.from_scratch(period.pk)
    found = {finding.name for finding in books.check(at=LATER)}
    assert not {name for name in found if "statement" in name or "settle" in name}
