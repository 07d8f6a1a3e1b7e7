"""Who may do what about a refund: staff, the two parties, and nobody else. H1, H2."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.core.clock import now
from backend.core.errors import NotAllowed
from backend.core.models import AuditEntry, Event
from shops import aftersales, orders
from shops.models import Order, OrderEvent, Refund
from tests.cast import Person
from tests.shops.sales import (
    DAY,
    bought,
    figures,
    key,
    received,
    refused,
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


def test_staff_refund_a_completed_order(order: Order, staff: Person) -> None:
    """Goodwill after settlement: any amount that is left, with a reason that stays."""
    at = now()
    received(order, at - 8 * DAY)
    orders.complete_orders(at=at)
    refund = aftersales.staff_refund(
        by=staff.account,
        number=order.number,
        lines={line(order).pk: (0, 1_234)},
        reason="物流破损",
        at=at,
    )
    assert aftersales.complete_refunds(at=at) == 1
    order.refresh_from_db()
    assert (order.status, order.refunded_fen) == ("completed", 1_234)
    assert Event.objects.get(kind="order.refunded").payload == {"refund_id": refund.pk}
    entry = AuditEntry.objects.get(action="order.refund")
    assert (entry.actor, entry.reason, entry.data["amount_fen"]) == (
        staff.account,
        "物流破损",
        1_234,
    )
    aftersales.staff_refund(by=staff.account, number=order.number, lines={}, reason="全退", at=at)
    aftersales.complete_refunds(at=at)
    order.refresh_from_db()
    assert (order.status, order.refunded_fen) == ("closed", 35_003)
    with pytest.raises(aftersales.NothingLeft):
        aftersales.staff_refund(by=staff.account, number=order.number, lines={}, reason="x", at=at)


def test_only_staff_refund_as_staff(order: Order, lily: Person) -> None:
    before = figures()
    with pytest.raises(NotAllowed):
        aftersales.staff_refund(
            by=lily.account, number=order.number, lines={}, reason="x", at=now()
        )
    assert figures() == before


def test_the_history_tells_who_did_what(order: Order, lily: Person, selena: Person) -> None:
    received(order)
    number = ask(lily, order, lines=[{"order_line": line(order).pk, "qty": 1}]).json()["number"]
    act(selena, number, "approve")
    aftersales.complete_refunds(at=now())
    told = OrderEvent.objects.filter(order=order).order_by("id").values_list("kind", "actor")
    assert list(told)[4:] == [
        ("refund_requested", lily.account.pk),
        ("refund_refunding", selena.account.pk),
        ("refunded", None),
    ]


def test_the_same_key_asks_once(order: Order, lily: Person) -> None:
    headers = key()
    body = {"kind": "refund_only", "reason": "x"}
    path = f"/v1/orders/{order.number}/refunds"
    first = lily.client.post(path, body, format="json", headers=headers)
    again = lily.client.post(path, body, format="json", headers=headers)
    assert (first.status_code, first.content) == (201, again.content)
    assert Refund.objects.count() == 1


VERBS = ["approve", "reject", "withdraw", "return-shipment", "confirm-return"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_strangers_refund_is_not_found_by_any_verb(
    order: Order, lily: Person, mallory: Person, ella: Person, verb: str
) -> None:
    shop_of(ella.account)
    received(order)
    number = ask(lily, order).json()["number"]
    body = {
        "reject": {"reason": "x"},
        "return-shipment": {"carrier": "x", "tracking_number": "SF01"},
    }.get(verb, {})
    before = figures()
    for who in (mallory, ella):
        refused(act(who, number, verb, **body), 404, "not_found")
        refused(who.client.get(f"/v1/refunds/{number}"), 404, "not_found")
    assert figures() == before


def test_each_party_lists_its_refunds_at_a_constant_cost(
    order: Order, lily: Person, selena: Person
) -> None:
    received(order)
    counts = []
    for index in (0, 1):
        ask(lily, order, lines=[{"order_line": line(order, index).pk, "qty": 1}])
        for who, query in ((lily, ""), (selena, "?role=shop&status=requested")):
            with CaptureQueriesContext(connection) as captured:
                found = who.client.get(f"/v1/refunds{query}").json()["results"]
            assert len(found) == index + 1
            counts.append(len(captured))
    assert len(set(counts)) == 1
    assert lily.client.get("/v1/refunds?role=shop").json()["results"] == []


def test_deadlines_are_told(order: Order, lily: Person) -> None:
    received(order)
    ask(lily, order)
    refund = Refund.objects.get()
    assert refund.deadline_at - refund.requested_at == timedelta(hours=48)


def test_a_refund_that_cannot_be_booked_does_not_stop_the_rest(order: Order, lily: Person) -> None:
    ask(lily, order)
    other = bought(lily.account, (line(order).sku, 1))
    ask(lily, other)
    order.checkout.payments.update(status="returned")
    assert aftersales.complete_refunds(at=now()) == 1
    other.refresh_from_db()
    assert other.status == "closed"
    assert Refund.objects.get(order=order).status == "refunding"


def test_staff_do_not_refund_what_they_have_bought_themselves(
    selena: Person, staff: Person
) -> None:
    """Two people stand between staff and their own money, as with payouts (K6)."""
    order = bought(staff.account, (sku_in(shop_of(selena.account)), 1))
    before = figures()
    with pytest.raises(NotAllowed):
        aftersales.staff_refund(
            by=staff.account, number=order.number, lines={}, reason="x", at=now()
        )
    assert figures() == before
