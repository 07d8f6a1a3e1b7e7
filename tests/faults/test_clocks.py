"""Row 6: clocks that are wrong, and zones that somebody changed, move no business day. A day is a
stored column that PostgreSQL makes of the instant, in the zone fixed when the column was made."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.db import connection

from backend import relay
from backend.celery import FRESH, app
from backend.core.clock import business_day, day_edges
from backend.core.models import Event, Heartbeat
from commissions import books
from shops import metrics
from shops.models import DailyMetric, Order
from tests.cast import Person
from tests.shops.sales import pay, place, shop_of, sku_in

# 23:59:59 in Shanghai, and one second later.
LAST = datetime(2026, 6, 1, 15, 59, 59, tzinfo=UTC)
FIRST = LAST + timedelta(seconds=1)
ZONES = ["UTC", "Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"]


@contextmanager
def session_zone(name: str) -> Iterator[None]:
    """A database session that counts its days elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, false)", [name])
        try:
            yield
        finally:
            cursor.execute("SELECT set_config('TimeZone', 'UTC', false)")


def _sell(owner: Person, buyer: Person) -> list[Order]:
    """Placed in a day's last second, paid in the next day's first; and wholly in that day."""
    sku = sku_in(shop_of(owner.account), 1_000)
    late = place(buyer.account, (sku, 1), at=LAST)
    pay(late, FIRST)
    early = place(buyer.account, (sku, 2), at=FIRST)
    pay(early, FIRST)
    return [late.orders.get(), early.orders.get()]


def _days() -> list[tuple[date, date]]:
    return list(Order.objects.order_by("id").values_list("placed_day", "paid_day"))


EXPECTED = [
    (date(2026, 6, 1), date(2026, 6, 2)),
    (date(2026, 6, 2), date(2026, 6, 2)),
]


@pytest.mark.parametrize("zone", ZONES)
def test_a_zone_that_was_changed_moves_no_day(
    zone: str, selena: Person, lily: Person, settings: LazySettings
) -> None:
    """Django's TIME_ZONE, the database session's and the process's own."""
    settings.TIME_ZONE = zone
    with session_zone(zone), time_machine.travel(FIRST, tick=True):
        _sell(selena, lily)
        assert _days() == EXPECTED
        relay.drain(at=FIRST)
        metrics.roll_up(at=FIRST)
    assert _days() == EXPECTED
    counted = {
        row.day: (row.orders, row.orders_paid, row.dab, row.gmv_paid_fen)
        for row in DailyMetric.objects.filter(shop_id=0)
    }
    assert counted == {date(2026, 6, 1): (1, 0, 1, 0), date(2026, 6, 2): (1, 2, 1, 3_000)}
    found = books.check(at=FIRST + timedelta(days=2))
    assert [finding for finding in found if finding.code == "A8"] == []


@pytest.mark.parametrize("wrong", [timedelta(hours=-9), timedelta(seconds=1), timedelta(days=3)])
def test_a_worker_whose_clock_is_wrong_moves_no_day(
    wrong: timedelta, selena: Person, lily: Person
) -> None:
    """What it counts is the orders' own instants; only its own heartbeat shows its clock."""
    _sell(selena, lily)
    Event.objects.update(due_at=FIRST - timedelta(days=1))
    app.loader.import_default_modules()
    with time_machine.travel(FIRST + wrong, tick=True):
        app.tasks["backend.drain_events"]()
        app.tasks["shops.roll_up_metrics"]()
    assert _days() == EXPECTED
    days = set(DailyMetric.objects.values_list("day", flat=True))
    assert days == {date(2026, 6, 1), date(2026, 6, 2)}
    beat = Heartbeat.objects.get(job="metrics").at
    assert abs(beat - FIRST - wrong) < timedelta(minutes=1)


@pytest.mark.parametrize(("ahead", "expired"), [(0, False), (FRESH - 10, False), (3_600, True)])
def test_a_worker_whose_clock_is_half_a_minute_ahead_goes_on(ahead: int, expired: bool) -> None:
    """A message that expires before it arrives is never worked on. With an hour between the clocks
    the jobs stand still and /readyz says so; money is not settled an hour early."""
    app.loader.import_default_modules()
    sent_at = datetime(2026, 6, 1, tzinfo=UTC)
    for entry in app.conf.beat_schedule.values():
        if isinstance(entry["schedule"], float) and entry["schedule"] <= FRESH:
            good_until = sent_at + timedelta(seconds=entry["options"]["expires"])
            assert (sent_at + timedelta(seconds=ahead) > good_until) is expired, entry["task"]


def test_the_days_edges_are_counted_by_zone(settings: LazySettings) -> None:
    """A day of New York has 23 or 25 hours twice a year; one of Shanghai has had 24 since 1991."""
    hours = timedelta(hours=1)
    settings.BUSINESS_ZONE = "America/New_York"
    for day, length in ((date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 6, 1), 24)):
        start, end = day_edges(day)
        assert (end - start) / hours == length
        assert (business_day(start), business_day(end)) == (day, day + timedelta(days=1))
    settings.BUSINESS_ZONE = "Asia/Shanghai"
    assert day_edges(date(2026, 6, 2))[0] == FIRST
