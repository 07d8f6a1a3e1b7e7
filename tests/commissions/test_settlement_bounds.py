"""What one calendar can do to everybody else's settlement and statements: nothing (X4)."""

from datetime import date, timedelta

import pytest

from commissions import calendars, restating
from commissions.calendars import BadSettlementRule
from commissions.models import SettlementPeriod, SettlementRule
from commissions.statements import state_due
from seeds.factories import ShopFactory
from tests.commissions.test_settlement_calendar import _utc, matured, rule

DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_a_rule_of_another_age_is_refused_and_stops_nobodys_statements(zone: str) -> None:
    """9999-12-31 has no day after it, and a rule for 2062 would keep every earlier one away."""
    shop = matured()[0].order.shop
    rule("monthly", date(2026, 10, 1))
    ahead = date(2026, 9, 1) + calendars.AHEAD
    for day in (date(1, 1, 1), date(1999, 12, 31), date(9999, 12, 31), ahead + DAY):
        for shop_id in (None, shop.pk):
            with pytest.raises(BadSettlementRule):
                rule("daily", day, zone, shop_id=shop_id)
    assert SettlementRule.objects.filter(cadence="daily").count() == 0
    rule("daily", ahead, zone, shop_id=shop.pk)
    assert state_due(at=_utc("2026-11-30T17")) > 0
    assert SettlementPeriod.objects.exclude(stated_at=None).exists()


def test_periods_that_still_wait_keep_no_later_one_that_is_due_open() -> None:
    """Seven shops that settle 30 days after each day have more open periods than a run looks at."""
    end = _utc("2026-11-30T16")
    slow = rule("daily", date(2026, 10, 1), settle_days=30)
    quick = rule("daily", date(2026, 10, 2))
    days = {"zone": slow.zone, "label": "x"}
    SettlementPeriod.objects.bulk_create(
        SettlementPeriod(
            **days, rule=slow, shop=shop, from_at=end - (n + 3) * DAY, to_at=end - (n + 2) * DAY
        )
        for shop in ShopFactory.create_batch(8)
        for n in range(26)
    )
    made = SettlementPeriod.objects.create(**days, rule=quick, from_at=end - DAY, to_at=end)
    assert restating.close_due(at=end + timedelta(minutes=59)) == 0
    assert restating.close_due(at=end + timedelta(hours=1)) == 1
    made.refresh_from_db()
    assert made.closed_at == end + timedelta(hours=1)
    # The oldest of the others: 30 midnights after its end, and an hour.
    oldest = end - 27 * DAY + 30 * DAY + timedelta(hours=1)
    assert restating.close_due(at=oldest - timedelta(microseconds=1)) == 0
    assert restating.close_due(at=oldest) == 8
