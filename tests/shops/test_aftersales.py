"""After-sales: H1, H2, C7, H4."""

from typing import Any

import pytest
from django.db import connection

from backend.core.clock import now
from backend.core.models import Event
from shops import aftersales, orders, providers
from shops.models import Order, Refund, StockMovement
from shops.providers import sandbox
from tests.cast import Person
from tests.shops.sales import (
    DAY,
    HOUR,
    ask_back,
    bought,
    figures,
    key,
    received,
    refused,
    shipped,
    shop_of,
    sku_in,
)


@pytest.fixture
def order(selena: Person, lily: Person) -> Order:
    """Lines of 3 × 100.01 and 1 × 50.00 yuan and 6.00 shipping, paid."""
    shop = shop_of(selena.account)
    return bought(
        lily.account, (sku_in(shop, 10_001, shipping_fee_fen=600), 3), (sku_in(shop, 5_000), 1)
    )


def ask(who: Person, order: Order, kind: str = "refund_only", **body: Any) -> Any:
    return who.client.post(
        f"/v1/orders/{order.number}/refunds",
        {"kind": kind, "reason": "七天无理由", **body},
        format="json",
        headers=key(),
    )


def act(who: Person, number: str, verb: str, **body: Any) -> Any:
    return who.client.post(f"/v1/refunds/{number}/{verb}", body, format="json")


def line(order: Order, index: int = 0) -> Any:
    return order.lines.order_by("id")[index]


def test_a_whole_unshipped_order_goes_back_at_once_with_its_shipping(
    order: Order, lily: Person
) -> None:
    answer = ask(lily, order)
    assert answer.status_code == 201, answer.content
    found = answer.json()
    assert (found["status"], found["amount_fen"], found["shipping_fen"]) == (
        "refunding",
        35_603,
        600,
    )
    assert aftersales.complete_refunds(at=now()) == 1
    order.refresh_from_db()
    assert (order.status, order.refunded_fen, order.refunded_shipping_fen) == (
        "closed",
        35_603,
        600,
    )
    sku = line(order).sku
    assert (sku.on_hand, sku.committed) == (100, 0)
    kinds = Event.objects.filter(subject_id=order.pk).order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["order.placed", "order.paid", "order.refunded", "order.closed"]
    refund = Refund.objects.get()
    assert Event.objects.get(kind="order.refunded").payload == {"refund_id": refund.pk}
    assert (refund.status, refund.lines.filter(is_open=True).count()) == ("succeeded", 0)
    assert aftersales.complete_refunds(at=now()) == 0


def test_the_last_unshipped_line_takes_the_shipping_along(order: Order, lily: Person) -> None:
    first, second = line(order), line(order, 1)
    one = ask(lily, order, lines=[{"order_line": first.pk, "qty": 3}]).json()
    assert (one["status"], one["amount_fen"], one["shipping_fen"]) == ("refunding", 30_003, 0)
    two = ask(lily, order, lines=[{"order_line": second.pk, "qty": 1}]).json()
    assert (two["status"], two["amount_fen"], two["shipping_fen"]) == ("refunding", 5_600, 600)
    assert aftersales.complete_refunds(at=now()) == 2
    order.refresh_from_db()
    assert (order.status, order.refunded_fen) == ("closed", order.paid_fen)


def test_a_part_waits_for_the_shop_and_its_rest_is_shipped(
    order: Order, lily: Person, selena: Person
) -> None:
    first = line(order)
    answer = ask(lily, order, lines=[{"order_line": first.pk, "qty": 1}])
    found = answer.json()
    assert (found["status"], found["amount_fen"]) == ("requested", 10_001)
    assert found["allowed_actions"] == ["withdraw"]
    refused(act(lily, found["number"], "approve"), 404, "not_found")
    approved = act(selena, found["number"], "approve")
    assert (approved.status_code, approved.json()["status"]) == (200, "refunding")
    refused(act(selena, found["number"], "approve"), 409, "wrong_state")
    refused(act(lily, found["number"], "withdraw"), 409, "wrong_state")
    aftersales.complete_refunds(at=now())
    first.refresh_from_db()
    assert (first.refunded_fen, first.refunded_qty) == (10_001, 1)
    shipped(order)
    first.refresh_from_db()
    assert (first.shipped_qty, order.status) == (2, "shipped")
    assert (first.sku.on_hand, first.sku.committed) == (98, 0)


def test_when_the_rest_is_refunded_the_order_counts_as_shipped(
    order: Order, lily: Person, selena: Person
) -> None:
    """Nothing is left to leave: the buyer's receipt and its windows follow."""
    first = line(order)
    shipped(order, **{f"line_{first.pk}": 3})
    assert order.status == "partially_shipped"
    found = ask(lily, order, lines=[{"order_line": line(order, 1).pk, "qty": 1}]).json()
    assert (found["status"], found["shipping_fen"]) == ("refunding", 0)
    aftersales.complete_refunds(at=now())
    order.refresh_from_db()
    assert (order.status, order.refunded_fen) == ("shipped", 5_000)
    assert order.auto_receive_at is not None


def test_goods_come_back_before_the_money(order: Order, lily: Person, selena: Person) -> None:
    received(order)
    found = ask(
        lily, order, "return_refund", lines=[{"order_line": line(order).pk, "qty": 2}]
    ).json()
    number = found["number"]
    assert (found["status"], found["amount_fen"]) == ("requested", 20_002)
    refused(
        act(lily, number, "return-shipment", carrier="中通", tracking_number="ZT01"),
        409,
        "wrong_state",
    )
    assert act(selena, number, "approve").json()["status"] == "awaiting_return"
    refused(act(selena, number, "confirm-return"), 409, "wrong_state")
    sent = act(lily, number, "return-shipment", carrier="中通", tracking_number="ZT01")
    assert sent.json()["status"] == "returned"
    refused(act(lily, number, "withdraw"), 409, "wrong_state")
    assert act(selena, number, "confirm-return").json()["status"] == "refunding"
    aftersales.complete_refunds(at=now())
    first = line(order)
    assert (first.refunded_qty, first.refunded_fen) == (2, 20_002)
    assert (first.sku.on_hand, first.sku.committed) == (99, 0)
    assert StockMovement.objects.get(kind="return").delta_on_hand == 2
    order.refresh_from_db()
    assert order.status == "received"


def test_a_rejected_refund_moves_nothing_and_may_be_asked_again(
    order: Order, lily: Person, selena: Person
) -> None:
    received(order)
    before = figures()
    number = ask(lily, order).json()["number"]
    refused(act(selena, number, "reject"), 422, "invalid")
    answer = act(selena, number, "reject", reason="商品完好")
    assert (answer.json()["status"], answer.json()["reject_reason"]) == ("rejected", "商品完好")
    assert aftersales.complete_refunds(at=now()) == 0
    after = figures()
    assert (after.orders, after.lines, after.stock) == (before.orders, before.lines, before.stock)
    refused(act(selena, number, "approve"), 409, "wrong_state")
    assert ask(lily, order).status_code == 201


def test_five_attempts_and_no_more(order: Order, lily: Person) -> None:
    received(order)
    wanted = [{"order_line": line(order).pk, "qty": 1}]
    for _ in range(5):
        number = ask(lily, order, lines=wanted).json()["number"]
        assert act(lily, number, "withdraw").json()["status"] == "withdrawn"
    refused(ask(lily, order, lines=wanted), 409, "attempts_exceeded")
    other = [{"order_line": line(order, 1).pk, "qty": 1}]
    assert ask(lily, order, lines=other).status_code == 201


def test_the_window_is_the_lines_own(order: Order) -> None:
    """C7: 7 days on one line, 30 on the other, from receipt."""
    at = now()
    order.lines.filter(qty=1).update(return_window_days=30)
    received(order, at)
    first, second = line(order), line(order, 1)
    ask_back(order, at=at + 6 * DAY, lines={first.pk: (1, 10)})
    Refund.objects.get().lines.update(is_open=False)
    for late, asked in ((8, first), (31, second)):
        with pytest.raises(aftersales.WindowClosed):
            ask_back(order, at=at + late * DAY, lines={asked.pk: (1, 10)})
    ask_back(order, at=at + 29 * DAY, lines={second.pk: (1, 10)})


def test_a_completed_order_is_past_its_window(order: Order, lily: Person) -> None:
    at = now()
    received(order, at - 8 * DAY)
    assert orders.complete_orders(at=at) == 1
    refused(ask(lily, order), 409, "window_closed")


def test_only_what_is_left_comes_back(order: Order, lily: Person, selena: Person) -> None:
    received(order)
    first = line(order)

    def wanted(qty: int, amount_fen: int | None = None) -> list[dict[str, Any]]:
        amount = {} if amount_fen is None else {"amount_fen": amount_fen}
        return [{"order_line": first.pk, "qty": qty, **amount}]

    before = figures()
    answer = ask(lily, order, lines=wanted(1, 30_004))
    refused(answer, 422, "amount_exceeds")
    assert answer.json()["left_fen"] == 30_003
    refused(ask(lily, order, lines=wanted(4)), 422, "qty_exceeds")
    refused(ask(lily, order, lines=wanted(0)), 422, "amount_exceeds")
    refused(ask(lily, order, "return_refund", lines=wanted(0, 5)), 422, "qty_exceeds")
    refused(ask(lily, order, lines=[{"order_line": 10**9, "qty": 1}]), 404, "not_found")
    assert figures() == before
    number = ask(lily, order, lines=wanted(0, 30_003)).json()["number"]
    refused(ask(lily, order, lines=wanted(1)), 409, "refund_open")
    act(selena, number, "approve")
    aftersales.complete_refunds(at=now())
    refused(ask(lily, order, lines=wanted(1)), 409, "nothing_left")


def test_all_the_money_takes_the_unshipped_units_along(order: Order, lily: Person) -> None:
    """Or the shop would send goods that are no longer paid."""
    first = line(order)
    for qty in (0, 2):
        answer = ask(
            lily, order, lines=[{"order_line": first.pk, "qty": qty, "amount_fen": 30_003}]
        )
        refused(answer, 422, "units_missing")
        assert answer.json()["qty"] == 3
    shipped(order, **{f"line_{first.pk}": 1})
    returned = [{"order_line": first.pk, "qty": 1, "amount_fen": 30_003}]
    refused(ask(lily, order, "return_refund", lines=returned), 422, "units_missing")


def test_unpaid_orders_are_not_refunded(selena: Person, lily: Person) -> None:
    from tests.shops.sales import place

    placed = place(lily.account, (sku_in(shop_of(selena.account)), 1))
    refused(ask(lily, placed.orders.get()), 409, "wrong_state")


def test_the_shops_silence_approves(order: Order, lily: Person) -> None:
    """H2: after 48 hours."""
    received(order)
    number = ask(lily, order, lines=[{"order_line": line(order).pk, "qty": 1}]).json()["number"]
    at = now()
    assert aftersales.answer_overdue(at=at + 47 * HOUR) == 0
    assert aftersales.answer_overdue(at=at + 48 * HOUR) == 1
    assert Refund.objects.get(number=number).status == "refunding"


def test_each_silence_has_its_end(order: Order, lily: Person, selena: Person) -> None:
    """No parcel in seven days: closed. No word about a parcel in ten: it counts as arrived."""
    received(order)
    at = now()
    numbers = [
        ask(lily, order, "return_refund", lines=[{"order_line": one.pk, "qty": 1}]).json()["number"]
        for one in order.lines.order_by("id")
    ]
    assert aftersales.answer_overdue(at=at + 2 * DAY + HOUR) == 2
    aftersales.send_back(
        account=lily.account,
        number=numbers[0],
        carrier="中通",
        tracking_number="ZT01",
        at=at + 3 * DAY,
    )
    assert aftersales.answer_overdue(at=at + 9 * DAY + 2 * HOUR) == 1
    assert aftersales.answer_overdue(at=at + 13 * DAY) == 1
    states = dict(Refund.objects.values_list("number", "status"))
    assert states == {numbers[0]: "refunding", numbers[1]: "closed"}
    assert not Refund.objects.get(number=numbers[1]).lines.get().is_open


def test_a_provider_that_is_away_leaves_the_refund_where_it_is(
    order: Order, lily: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The crash between the provider and our rows looks the same: the next run goes on."""
    ask(lily, order)
    asked: list[str] = []

    def refund(self: Any, *, refund_number: str, **_: Any) -> None:
        assert not connection.in_atomic_block or connection.savepoint_ids == []
        asked.append(refund_number)
        if len(asked) == 1:
            raise providers.ProviderAway

    monkeypatch.setattr(sandbox.Sandbox, "refund", refund)
    before = figures()
    assert aftersales.complete_refunds(at=now()) == 0
    assert figures() == before
    assert aftersales.complete_refunds(at=now()) == 1
    assert len(set(asked)) == 1
    order.refresh_from_db()
    assert order.refunded_fen == order.paid_fen
