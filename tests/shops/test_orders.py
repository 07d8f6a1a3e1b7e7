"""Orders and parcels: H1, H4, B6, C7."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.core.clock import now
from backend.core.models import Event
from shops import aftersales, orders
from shops.models import Checkout, Order, StockMovement
from tests.cast import Person
from tests.shops.sales import (
    DAY,
    HOUR,
    ask_back,
    bought,
    figures,
    key,
    pay,
    place,
    received,
    refused,
    shipped,
    shop_of,
    sku_in,
)


@pytest.fixture
def order(selena: Person, lily: Person) -> Order:
    """Two lines of 3 and 1 units, paid."""
    shop = shop_of(selena.account)
    return bought(lily.account, (sku_in(shop, 10_000), 3), (sku_in(shop, 5_000), 1))


def act(who: Person, order: Order, verb: str, **body: Any) -> Any:
    return who.client.post(f"/v1/orders/{order.number}/{verb}", body, format="json", headers=key())


def send(who: Person, order: Order, lines: dict[int, int], number: str = "SF1001") -> Any:
    wanted = [{"order_line": line, "qty": qty} for line, qty in lines.items()]
    more = {"lines": wanted} if wanted else {}
    return act(who, order, "shipments", carrier="顺丰", tracking_number=number, **more)


def test_an_order_leaves_in_two_parcels(order: Order, selena: Person, lily: Person) -> None:
    first, second = order.lines.order_by("id")
    answer = send(selena, order, {first.pk: 2})
    assert (answer.status_code, answer.json()["status"]) == (201, "partially_shipped")
    assert answer.json()["allowed_actions"] == ["ship"]
    answer = send(selena, order, {}, number="SF1002")
    assert (answer.status_code, answer.json()["status"]) == (201, "shipped")
    parcels = [
        {line["order_line"]: line["qty"] for line in parcel["lines"]}
        for parcel in answer.json()["shipments"]
    ]
    assert parcels == [{first.pk: 2}, {first.pk: 1, second.pk: 1}]
    first.sku.refresh_from_db()
    assert (first.sku.on_hand, first.sku.committed) == (97, 0)
    order.refresh_from_db()
    assert order.auto_receive_at == order.shipped_at + timedelta(days=10)  # type: ignore[operator]
    assert Event.objects.filter(kind="order.shipped").count() == 2
    assert lily.client.get(f"/v1/orders/{order.number}").json()["allowed_actions"] == [
        "receive",
        "refund",
    ]


def test_no_more_than_is_left_is_sent(order: Order, selena: Person) -> None:
    first = order.lines.order_by("id")[0]
    assert send(selena, order, {first.pk: 2}).status_code == 201
    before = figures()
    answer = send(selena, order, {first.pk: 2}, number="SF1002")
    refused(answer, 422, "qty_exceeds")
    assert (answer.json()["line"], answer.json()["left"]) == (first.pk, 1)
    refused(send(selena, order, {10**9: 1}, number="SF1003"), 404, "not_found")
    refused(send(selena, order, {first.pk: 1}), 409, "shipment_known")
    assert figures() == before


def test_what_is_wholly_shipped_is_not_sent_again(order: Order, selena: Person) -> None:
    shipped(order)
    refused(send(selena, order, {}), 409, "wrong_state")


def test_a_line_under_an_open_refund_stays(order: Order, selena: Person) -> None:
    first, second = order.lines.order_by("id")
    refund = ask_back(order, lines={first.pk: (1, 5_000)})
    refused(send(selena, order, {first.pk: 1}), 409, "refund_open")
    refused(send(selena, order, {}), 409, "refund_open")
    assert send(selena, order, {second.pk: 1}).status_code == 201
    aftersales.approve(account=selena.account, number=refund.number, at=now())
    aftersales.complete_refunds(at=now())
    answer = send(selena, order, {}, number="SF1002")
    assert answer.json()["status"] == "shipped"
    assert [line["shipped_qty"] for line in answer.json()["lines"]] == [2, 1]


def test_an_unpaid_order_is_cancelled_with_its_checkout(
    selena: Person, ella: Person, lily: Person
) -> None:
    """One payment stands for the orders of both shops, so they go together."""
    mine, hers = sku_in(shop_of(selena.account)), sku_in(shop_of(ella.account))
    placed = place(lily.account, (mine, 2), (hers, 3))
    number = placed.orders.order_by("id")[0].number
    answer = lily.client.post(f"/v1/orders/{number}/cancel", {}, format="json", headers=key())
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert answer.json()["allowed_actions"] == []
    placed.refresh_from_db()
    assert placed.status == "cancelled"
    assert set(Order.objects.values_list("status", flat=True)) == {"cancelled"}
    for sku in (mine, hers):
        sku.refresh_from_db()
        assert (sku.on_hand, sku.committed) == (100, 0)
    assert Event.objects.filter(kind="order.cancelled").count() == 2
    again = lily.client.post(f"/v1/orders/{number}/cancel", {}, format="json", headers=key())
    refused(again, 409, "wrong_state")


def test_a_paid_order_is_not_cancelled(order: Order, lily: Person) -> None:
    before = figures()
    refused(act(lily, order, "cancel"), 409, "wrong_state")
    assert figures() == before


def test_checkouts_expire_after_their_time_and_free_the_stock(selena: Person, lily: Person) -> None:
    """H4: nothing stays reserved."""
    sku = sku_in(shop_of(selena.account))
    at = now()
    for qty in (1, 2, 3):
        place(lily.account, (sku, qty), at=at)
    kept = place(lily.account, (sku, 4), at=at + timedelta(minutes=10))
    assert orders.expire_checkouts(at=at + timedelta(minutes=29)) == 0
    assert orders.expire_checkouts(at=at + timedelta(minutes=30)) == 3
    sku.refresh_from_db()
    assert (sku.on_hand, sku.committed) == (100, 4)
    assert Checkout.objects.get(status="pending") == kept
    assert StockMovement.objects.filter(kind="release").count() == 3


def test_jobs_go_on_batch_by_batch_and_stop_at_their_limit(
    lily: Person, selena: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "BATCH", 2)
    monkeypatch.setattr(orders, "BATCHES_A_RUN", 2)
    sku = sku_in(shop_of(selena.account))
    at = now()
    for _ in range(5):
        place(lily.account, (sku, 1), at=at)
    assert orders.expire_checkouts(at=at + HOUR) == 4
    assert orders.expire_checkouts(at=at + HOUR) == 1
    sku.refresh_from_db()
    assert (sku.on_hand, sku.committed) == (100, 0)


def test_expiry_costs_the_same_for_many(selena: Person, lily: Person) -> None:
    sku = sku_in(shop_of(selena.account))
    counts = []
    for many in (1, 12):
        at = now()
        for _ in range(many):
            place(lily.account, (sku, 1), at=at)
        with CaptureQueriesContext(connection) as captured:
            assert orders.expire_checkouts(at=at + HOUR) == many
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_receipt_opens_the_windows(order: Order, lily: Person) -> None:
    refused(act(lily, order, "receive"), 409, "wrong_state")
    shipped(order)
    answer = act(lily, order, "receive")
    assert (answer.status_code, answer.json()["status"]) == (200, "received")
    order.refresh_from_db()
    assert order.aftersale_until == order.received_at + 7 * DAY  # type: ignore[operator]
    refused(act(lily, order, "receive"), 409, "wrong_state")


def test_what_nobody_receives_is_received_after_ten_days(order: Order, lily: Person) -> None:
    order.lines.filter(qty=1).update(return_window_days=15)
    at = now()
    shipped(order, at)
    assert orders.receive_overdue(at=at + 10 * DAY - HOUR) == 0
    assert orders.receive_overdue(at=at + 10 * DAY) == 1
    order.refresh_from_db()
    assert (order.status, order.received_at) == ("received", at + 10 * DAY)
    assert order.aftersale_until == at + 25 * DAY
    assert Event.objects.filter(kind="order.received", subject_id=order.pk).count() == 1
    assert orders.receive_overdue(at=at + 11 * DAY) == 0


def test_an_order_completes_after_its_last_window(order: Order) -> None:
    at = now()
    received(order, at)
    assert orders.complete_orders(at=at + 7 * DAY) == 0
    assert orders.complete_orders(at=at + 7 * DAY + HOUR) == 1
    order.refresh_from_db()
    assert (order.status, order.completed_at) == ("completed", at + 7 * DAY + HOUR)
    assert Event.objects.filter(kind="order.completed", subject_id=order.pk).count() == 1
    assert orders.complete_orders(at=at + 8 * DAY) == 0


def test_an_open_refund_holds_completion_up(order: Order, selena: Person) -> None:
    at = now()
    received(order, at)
    refund = ask_back(order, at=at + 6 * DAY, lines={order.lines.all()[0].pk: (0, 100)})
    assert orders.complete_orders(at=at + 8 * DAY) == 0
    aftersales.reject(account=selena.account, number=refund.number, reason="不符", at=at + 8 * DAY)
    assert orders.complete_orders(at=at + 8 * DAY) == 1


def test_each_party_lists_its_own_orders(order: Order, selena: Person, lily: Person) -> None:
    def numbers(who: Person, query: str) -> list[str]:
        return [row["number"] for row in who.client.get(f"/v1/orders{query}").json()["results"]]

    assert numbers(lily, "") == numbers(lily, "?role=buyer&status=paid") == [order.number]
    assert numbers(selena, "?role=shop") == [order.number]
    assert numbers(selena, "") == numbers(lily, "?role=shop") == []
    assert numbers(lily, "?status=completed") == []
    refused(lily.client.get("/v1/orders?status=nonsense"), 400, "bad_query")
    refused(lily.client.get("/v1/orders?account=1"), 400, "bad_query")


def test_the_rates_are_the_shops_business(order: Order, selena: Person, lily: Person) -> None:
    """B8."""
    mine = lily.client.get(f"/v1/orders/{order.number}").json()
    sold = selena.client.get(f"/v1/orders/{order.number}").json()
    assert "fee_bps" not in mine["lines"][0]
    assert sold["lines"][0]["fee_bps"] == 500
    assert sold["address"]["receiver"] == "李小鱼"


def test_a_list_costs_the_same_for_many(selena: Person, lily: Person) -> None:
    shop = shop_of(selena.account)
    skus = [sku_in(shop) for _ in range(5)]
    counts = []
    for many in (1, 4):
        for _ in range(many):
            bought(lily.account, *((sku, 1) for sku in skus[:many]))
        for path in ("/v1/orders", "/v1/orders?role=shop"):
            who = selena if "shop" in path else lily
            with CaptureQueriesContext(connection) as captured:
                assert who.client.get(path).status_code == 200
            counts.append(len(captured))
    assert len(set(counts)) == 1


def test_an_orders_page_costs_the_same_for_many_lines(
    selena: Person, lily: Person, order: Order, django_assert_num_queries: Any
) -> None:
    small = bought(lily.account, (sku_in(order.shop), 1))
    shipped(small)
    send(selena, order, {order.lines.all()[0].pk: 1})
    send(selena, order, {}, number="SF1002")
    ask_back(order, lines={line.pk: (0, 10) for line in order.lines.all()})
    counts = []
    for found in (small, order):
        with CaptureQueriesContext(connection) as captured:
            assert lily.client.get(f"/v1/orders/{found.number}").status_code == 200
        counts.append(len(captured))
    # The token, the order, its lines, its parcels and refunds, and the lines of both where any.
    assert counts == [6, 7]


VERBS = ["cancel", "receive", "shipments", "refunds"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_strangers_order_is_not_found_by_any_verb(
    order: Order, mallory: Person, ella: Person, verb: str
) -> None:
    """ella has a shop, only another one."""
    shop_of(ella.account)
    body: dict[str, Any] = {
        "shipments": {"carrier": "顺丰", "tracking_number": "SF1001"},
        "refunds": {"kind": "refund_only", "reason": "x"},
    }.get(verb, {})
    before = figures()
    for who in (mallory, ella):
        refused(act(who, order, verb, **body), 404, "not_found")
        refused(who.client.get(f"/v1/orders/{order.number}"), 404, "not_found")
    assert figures() == before


def test_neither_party_does_the_others_part(order: Order, selena: Person, lily: Person) -> None:
    refused(send(lily, order, {}), 404, "not_found")
    refused(act(selena, order, "receive"), 404, "not_found")
    refused(act(selena, order, "cancel"), 404, "not_found")
    refused(act(selena, order, "refunds", kind="refund_only", reason="x"), 404, "not_found")


def test_paths_with_strange_numbers_are_not_found(lily: Person) -> None:
    for number in ("%00", "a%00b", "é", "a b", "x" * 300):
        answer = lily.client.get(f"/v1/orders/{number}")
        refused(answer, 404, "not_found")


def test_a_payment_of_two_orders_pays_both(selena: Person, ella: Person, lily: Person) -> None:
    mine, hers = sku_in(shop_of(selena.account)), sku_in(shop_of(ella.account))
    placed = place(lily.account, (mine, 1), (hers, 1))
    pay(placed)
    assert set(Order.objects.values_list("status", "paid_fen")) == {("paid", 12_900)}
    assert Event.objects.filter(kind="order.paid").count() == 2
