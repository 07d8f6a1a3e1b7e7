"""DAB and GMV: H5, H5b, B10, K12; performance P6 (statements are counted)."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from backend import relay
from backend.core.clock import business_day
from backend.core.models import Event
from shops import aftersales, metrics, orders
from shops.models import DailyMetric, MetricMark, Order, Refund
from tests.cast import Person, person
from tests.shops.sales import ask_back, bought, pay, place, refused, shop_of, sku_in

NOON = datetime(2026, 3, 10, 4, tzinfo=UTC)  # 12:00 in Shanghai
DAY = timedelta(days=1)
TENTH, ELEVENTH, TWELFTH = (date(2026, 3, day) for day in (10, 11, 12))


def counted_by_hand(day: date) -> dict[int, dict[str, int]]:
    """The figures of a day by plain Python, from every order there is."""
    found: dict[int, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    people: dict[tuple[int, str], set[int]] = defaultdict(set)
    for order in Order.objects.all():
        for shop in (0, order.shop_id):
            if business_day(order.placed_at) == day:
                found[shop]["orders"] += 1
                found[shop]["gmv_fen"] += order.payable_fen
                people[shop, "dab"].add(order.buyer_id)
            if order.paid_at and business_day(order.paid_at) == day:
                found[shop]["orders_paid"] += 1
                found[shop]["gmv_paid_fen"] += order.paid_fen
                people[shop, "dab_paid"].add(order.buyer_id)
                people[shop, "active_shops"].add(order.shop_id)
    for refund in Refund.objects.filter(status="succeeded").select_related("order"):
        if business_day(refund.succeeded_at) == day:  # type: ignore[arg-type]
            for shop in (0, refund.order.shop_id):
                found[shop]["refunded_fen"] += refund.amount_fen
    for (shop, name), who in people.items():
        found[shop][name] = len(who)
    return {
        shop: {name: figures[name] for name in metrics.FIGURES} for shop, figures in found.items()
    }


def stored(day: date) -> dict[int, dict[str, int]]:
    return {
        row["shop_id"]: {name: row[name] for name in metrics.FIGURES}
        for row in DailyMetric.objects.filter(day=day).values()
    }


def roll(at: datetime = NOON + 40 * DAY) -> int:
    """Everything the worker does about metrics: deliver, then count."""
    relay.drain(at=at)
    return metrics.roll_up(at=at)


def test_days_shops_and_people_are_counted(selena: Person, ella: Person, lily: Person) -> None:
    """A buyer of two shops is two shops' buyer and one of the market's."""
    mine, hers = sku_in(shop_of(selena.account), 1_000), sku_in(shop_of(ella.account), 2_000)
    other = person("other", "另一位").account
    bought(lily.account, (mine, 1), at=NOON)
    bought(lily.account, (hers, 1), at=NOON)
    place(other, (mine, 3), at=NOON)
    assert roll() == 1
    market = stored(TENTH)[0]
    assert (market["orders"], market["gmv_fen"], market["dab"]) == (3, 6_000, 2)
    assert (market["orders_paid"], market["gmv_paid_fen"], market["dab_paid"]) == (2, 3_000, 1)
    assert market["active_shops"] == 2
    mine_only = stored(TENTH)[mine.product.shop_id]
    assert (mine_only["orders"], mine_only["dab"], mine_only["active_shops"]) == (2, 2, 1)
    assert stored(TENTH) == counted_by_hand(TENTH)


def test_a_day_ends_at_midnight_in_shanghai(selena: Person, lily: Person) -> None:
    sku = sku_in(shop_of(selena.account), 1_000)
    before_midnight = datetime(2026, 3, 10, 15, 59, 59, tzinfo=UTC)
    placed = place(lily.account, (sku, 1), at=before_midnight)
    pay(placed, before_midnight + timedelta(seconds=1))
    assert roll() == 2
    assert (stored(TENTH)[0]["orders"], stored(TENTH)[0]["orders_paid"]) == (1, 0)
    assert (stored(ELEVENTH)[0]["orders"], stored(ELEVENTH)[0]["orders_paid"]) == (0, 1)


def test_refunds_stand_apart_on_their_own_day(selena: Person, lily: Person) -> None:
    """H5b: never netted."""
    sku = sku_in(shop_of(selena.account), 1_000)
    order = bought(lily.account, (sku, 2), at=NOON)
    roll()
    ask_back(order, at=NOON + DAY)
    aftersales.complete_refunds(at=NOON + 2 * DAY)
    roll()
    assert stored(TENTH)[0]["gmv_paid_fen"] == 2_000
    assert stored(TENTH)[0]["refunded_fen"] == 0
    assert stored(TWELFTH)[0] == {
        **dict.fromkeys(metrics.FIGURES, 0),
        "refunded_fen": 2_000,
    }
    assert ELEVENTH not in set(DailyMetric.objects.values_list("day", flat=True))


def test_cancelled_orders_were_placed_all_the_same(selena: Person, lily: Person) -> None:
    """DAB is read literally: who placed an order that day."""
    placed = place(lily.account, (sku_in(shop_of(selena.account), 1_000), 1), at=NOON)
    orders.cancel(buyer=lily.account, number=placed.orders.get().number, at=NOON)
    roll()
    assert (stored(TENTH)[0]["dab"], stored(TENTH)[0]["gmv_fen"]) == (1, 1_000)


def test_a_row_whose_orders_are_gone_goes(selena: Person, lily: Person) -> None:
    sku = sku_in(shop_of(selena.account), 1_000)
    order = bought(lily.account, (sku, 1), at=NOON)
    roll()
    assert set(stored(TENTH)) == {0, order.shop_id}
    Order.objects.update(placed_at=NOON + DAY, paid_at=NOON + DAY)
    for day in (TENTH, ELEVENTH):
        MetricMark.objects.create(day=day, marked_at=NOON)
    assert metrics.roll_up(at=NOON) == 2
    assert stored(TENTH) == {}
    assert set(stored(ELEVENTH)) == {0, order.shop_id}


def test_events_in_any_order_and_number_count_the_same(selena: Person, lily: Person) -> None:
    """Reliability row 7."""
    sku = sku_in(shop_of(selena.account), 1_000)
    for hours in (0, 20, 40):
        order = bought(lily.account, (sku, 1), at=NOON + timedelta(hours=hours))
    roll()
    before = list(DailyMetric.objects.order_by("day", "shop_id").values(*metrics.FIGURES))
    events = list(Event.objects.all()) * 2
    random.Random(7).shuffle(events)
    for event in events:
        metrics.mark_days([event])
        metrics.roll_up(at=NOON)
    again = list(DailyMetric.objects.order_by("day", "shop_id").values(*metrics.FIGURES))
    assert (again, order.status) == (before, "paid")


@pytest.mark.parametrize("seed", range(4))
def test_a_random_history_equals_its_recount(
    seed: int, selena: Person, ella: Person, lily: Person
) -> None:
    """A8: what is stored equals a recount by hand, and metrics.recount, on every day."""
    chance = random.Random(seed)
    shops = [shop_of(selena.account), shop_of(ella.account)]
    skus = [sku_in(shop, chance.randrange(100, 9_999), on_hand=10**6) for shop in shops * 2]
    buyers = [lily.account, *(person(f"buyer{n}", "买家").account for n in range(3))]
    for _ in range(30):
        at = NOON + timedelta(minutes=chance.randrange(6 * 24 * 60))
        wanted = [(sku, chance.randrange(1, 4)) for sku in chance.sample(skus, 2)]
        placed = place(chance.choice(buyers), *wanted, at=at)
        if chance.random() < 0.7:
            pay(placed, at + timedelta(minutes=chance.randrange(29)))
            for order in placed.orders.all():
                if chance.random() < 0.4:
                    ask_back(order, at=at)
                    aftersales.complete_refunds(at=at + timedelta(hours=chance.randrange(60)))
        if chance.random() < 0.3:
            roll()
    roll()
    for n in range(12):
        day = TENTH + n * DAY
        by_hand = counted_by_hand(day)
        assert stored(day) == by_hand
        recounted = metrics.recount(day)
        assert {row.pop("shop_id"): row for row in recounted} == by_hand


def test_the_period_has_the_mean_of_its_days(selena: Person, lily: Person, staff: Person) -> None:
    """H5: DAB of a period is the mean over its days, empty days included."""
    sku = sku_in(shop_of(selena.account), 1_000)
    bought(lily.account, (sku, 1), at=NOON)
    bought(person("other", "另一位").account, (sku, 1), at=NOON)
    bought(lily.account, (sku, 1), at=NOON + 2 * DAY)
    roll()
    answer = staff.client.get("/v1/metrics/daily?from=2026-03-10&to=2026-03-16")
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert (found["shop"], found["dab"], found["dab_paid"]) == (None, "0.429", "0.429")
    assert [day["dab"] for day in found["days"]] == [2, 0, 1, 0, 0, 0, 0]
    assert found["days"][0]["day"] == "2026-03-10"


def test_an_owner_sees_the_own_shop_and_nobody_elses(
    selena: Person, ella: Person, lily: Person, staff: Person, mallory: Person, anyone: APIClient
) -> None:
    mine, hers = shop_of(selena.account), shop_of(ella.account)
    bought(lily.account, (sku_in(mine, 1_000), 1), at=NOON)
    bought(lily.account, (sku_in(hers, 2_000), 1), at=NOON)
    roll()
    span = "/v1/metrics/daily?from=2026-03-10&to=2026-03-10"
    own = selena.client.get(f"{span}&shop={mine.pk}").json()
    assert (own["shop"], own["days"][0]["gmv_paid_fen"]) == (mine.pk, 1_000)
    refused(selena.client.get(f"{span}&shop={hers.pk}"), 404, "not_found")
    refused(mallory.client.get(f"{span}&shop={mine.pk}"), 404, "not_found")
    refused(selena.client.get(span), 403, "not_allowed")
    assert anyone.get(span).status_code == 401
    assert staff.client.get(f"{span}&shop={hers.pk}").json()["days"][0]["gmv_fen"] == 2_000
    assert staff.client.get(span).json()["days"][0]["gmv_fen"] == 3_000


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("from=2026-01-02&to=2026-01-01", "bad_span"),
        ("from=2025-01-01&to=2026-01-02", "bad_span"),
        ("from=0001-01-01&to=9999-12-31", "bad_span"),
        ("from=2026-01-01", "bad_query"),
        ("from=nonsense&to=2026-01-01", "bad_query"),
        ("from=2026-01-01&to=2026-01-01&shop=x", "bad_query"),
        ("from=2026-01-01&to=2026-01-01&shop=0", "bad_query"),
        ("from=2026-01-01&to=2026-01-01&shop=99999999999999999999", "bad_query"),
        ("from=2026-01-01&to=2026-01-01&from=2026-01-02", "bad_query"),
    ],
)
def test_spans_that_make_no_sense_are_refused(staff: Person, query: str, code: str) -> None:
    refused(staff.client.get(f"/v1/metrics/daily?{query}"), 400, code)


def test_a_year_is_one_statement(staff: Person) -> None:
    counts = []
    for span in ("from=2026-01-01&to=2026-01-01", "from=2025-01-01&to=2026-01-01"):
        with CaptureQueriesContext(connection) as captured:
            assert staff.client.get(f"/v1/metrics/daily?{span}").status_code == 200
        counts.append(len(captured))
    assert counts == [2, 2]  # the token, the figures


def test_marking_and_counting_cost_the_same_for_many(selena: Person, lily: Person) -> None:
    sku = sku_in(shop_of(selena.account), 1_000)
    counts = []
    for many in (1, 8):
        for _ in range(many):
            bought(lily.account, (sku, 1), at=NOON)
        events = list(Event.objects.all())
        with CaptureQueriesContext(connection) as captured:
            metrics.mark_days(events)
            assert metrics.roll_up(at=NOON) == 1
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_a_very_large_day_is_counted_less_often(selena: Person, lily: Person) -> None:
    """100,000 orders: every 80 seconds. 150,000 and more: every two minutes."""
    bought(lily.account, (sku_in(shop_of(selena.account), 1_000), 1), at=NOON)
    roll(at=NOON)
    for count, seconds in ((100_000, 80), (150_000, 120), (9_000_000, 120)):
        DailyMetric.objects.filter(shop_id=0).update(orders=count, rolled_at=NOON)
        MetricMark.objects.create(day=TENTH, marked_at=NOON)
        assert metrics.roll_up(at=NOON + timedelta(seconds=seconds - 1)) == 0
        assert MetricMark.objects.count() == 1
        assert metrics.roll_up(at=NOON + timedelta(seconds=seconds)) == 1
    assert stored(TENTH) == counted_by_hand(TENTH)
