"""Orders under parallel hands: C4, H4, H1; reliability rows 7, 24, 25. Real connections, one
start for all."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from backend import relay
from backend.core import ids
from backend.core.clock import now
from backend.core.errors import Refusal
from backend.core.models import Event
from shops import aftersales, checkout, metrics, orders, payments, shipments
from shops.checkout import LineRequest
from shops.models import (
    Checkout,
    DailyMetric,
    Order,
    Payment,
    PaymentNotice,
    Refund,
    Sku,
    StockMovement,
)
from tests.cast import Person, person
from tests.races.crowd import Crowd
from tests.shops.sales import (
    DAY,
    HOUR,
    address_of,
    ask_back,
    bought,
    callback,
    pay,
    place,
    received,
    shipped,
    shop_of,
    sku_in,
)

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 4


def together(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """The jobs' answers in their order; the code where a job was refused, a bug as itself."""
    with Crowd(len(jobs)) as crowd:
        answers = crowd.at_once(*jobs)
    return [
        answer.error.code if isinstance(answer.error, Refusal) else answer.error or answer.value
        for answer in answers
    ]


def stock(sku: Sku) -> tuple[int, int]:
    sku.refresh_from_db()
    return sku.on_hand, sku.committed


def client_of(who: Person) -> APIClient:
    """Each thread has a client of its own."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {who.token}")
    return client


def post_checkout(who: Person, sku: Sku, address: int, key: str) -> Any:
    body = {
        "lines": [{"sku": sku.pk, "qty": 1}],
        "address": address,
        "expected_total_fen": sku.price_fen,
    }
    return client_of(who).post(
        "/v1/checkouts", body, format="json", headers={"Idempotency-Key": key}
    )


def test_a_hundred_checkouts_share_ten_units(selena: Person, lily: Person) -> None:
    """C4: exactly ten are created, ninety are told that nothing is left."""
    sku = sku_in(shop_of(selena.account), on_hand=10)
    address = address_of(lily.account)
    answers: list[tuple[int, str]] = []

    def work() -> None:
        for _ in range(10):
            answer = post_checkout(lily, sku, address, ids.code(12))
            answers.append((answer.status_code, answer.json().get("code", "")))

    together([work] * 10)
    assert Counter(answers) == {(201, ""): 10, (409, "insufficient_stock"): 90}
    assert stock(sku) == (10, 10)
    assert (Checkout.objects.count(), Order.objects.count()) == (10, 10)
    assert StockMovement.objects.filter(kind="reserve").count() == 10


def test_one_key_in_six_hands_makes_one_checkout(selena: Person, lily: Person) -> None:
    """H4, row 25: who comes while the first is under way waits, and gets its answer."""
    sku = sku_in(shop_of(selena.account))
    address = address_of(lily.account)
    found = together([lambda: post_checkout(lily, sku, address, "same-key")] * 6)
    assert [answer.status_code for answer in found] == [201] * 6
    assert len({answer.content for answer in found}) == 1
    assert sum("Idempotent-Replayed" in answer for answer in found) == 5
    assert (Checkout.objects.count(), stock(sku)) == (1, (100, 1))


def test_one_key_with_two_bodies_does_one_of_them(selena: Person, lily: Person) -> None:
    shop = shop_of(selena.account)
    skus = [sku_in(shop), sku_in(shop)]
    address = address_of(lily.account)
    found = together(
        [lambda sku=sku: post_checkout(lily, sku, address, "same-key") for sku in skus]
    )
    assert sorted(answer.status_code for answer in found) == [201, 422]
    assert Checkout.objects.count() == 1


def test_baskets_in_opposite_orders_never_wait_in_a_circle(selena: Person, lily: Person) -> None:
    """And expiry, which frees the stock of many at once, is no exception."""
    shop = shop_of(selena.account)
    skus = [sku_in(shop, 1_000, on_hand=10_000) for _ in range(4)]
    address = address_of(lily.account)

    def buy(turned: bool) -> Callable[[], object]:
        wanted = [LineRequest(sku.pk, 1) for sku in (reversed(skus) if turned else skus)]

        def work() -> None:
            for _ in range(6):
                checkout.place(
                    buyer=lily.account,
                    lines=wanted,
                    address_id=address,
                    expected_total_fen=4_000,
                    at=now(),
                )

        return work

    def expire() -> None:
        for _ in range(10):
            orders.expire_checkouts(at=now() + HOUR)

    assert together([buy(turned=n % 2 == 1) for n in range(6)] + [expire] * 2) == [None] * 8
    orders.expire_checkouts(at=now() + HOUR)
    assert {stock(sku) for sku in skus} == {(10_000, 0)}
    assert Event.objects.filter(kind="order.cancelled").count() == 36


def test_the_same_notice_in_eight_hands_pays_once(selena: Person, lily: Person) -> None:
    placed = place(lily.account, (sku_in(shop_of(selena.account)), 1))
    found = together(
        [lambda: callback(APIClient(), placed, notice_id="msg_1", transaction_id="t1")] * 8
    )
    assert {answer.status_code for answer in found} == {200}
    assert (Payment.objects.count(), PaymentNotice.objects.count()) == (1, 1)
    assert Event.objects.filter(kind="order.paid").count() == 1


def test_of_two_transactions_one_stays_and_one_goes_back(selena: Person, lily: Person) -> None:
    sku = sku_in(shop_of(selena.account))
    for _ in range(ROUNDS):
        placed = place(lily.account, (sku, 1))
        found = together([lambda placed=placed: callback(APIClient(), placed)] * 3)
        outcomes = Counter(answer.json()["outcome"] for answer in found)
        assert outcomes == {"accepted": 1, "second": 2}
    returned = together([lambda: payments.return_payments(at=now())] * 3)
    assert sum(returned) == 2 * ROUNDS
    states = Counter(Payment.objects.values_list("status", flat=True))
    assert states == {"accepted": ROUNDS, "returned": 2 * ROUNDS}


def test_cancelling_against_paying_ends_in_one_of_both(selena: Person, lily: Person) -> None:
    """Never a paid order without stock, never money kept for a cancelled one."""
    sku = sku_in(shop_of(selena.account), on_hand=100)
    ends = Counter[str]()
    for _ in range(ROUNDS):
        placed = place(lily.account, (sku, 1))
        order = placed.orders.get()
        cancelled, paid = together(
            [
                lambda number=order.number: (
                    orders.cancel(buyer=lily.account, number=number, at=now()).status
                ),
                lambda placed=placed: callback(APIClient(), placed).json()["outcome"],
            ]
        )
        order.refresh_from_db()
        assert (cancelled, paid, order.status) in (
            ("cancelled", "late", "cancelled"),
            ("wrong_state", "accepted", "paid"),
        )
        ends[order.status] += 1
    assert stock(sku) == (100, ends["paid"])
    assert Payment.objects.filter(status="returning").count() == ends["cancelled"]


def test_expiry_against_paying_ends_in_one_of_both(selena: Person, lily: Person) -> None:
    sku = sku_in(shop_of(selena.account), on_hand=100)
    paid = 0
    for _ in range(ROUNDS):
        placed = place(lily.account, (sku, 1))
        expired, outcome = together(
            [
                lambda: orders.expire_checkouts(at=now() + HOUR),
                lambda placed=placed: callback(APIClient(), placed).json()["outcome"],
            ]
        )
        # The sweep passes a row by that a payment holds.
        assert (expired, outcome) in ((1, "late"), (0, "accepted"))
        paid += outcome == "accepted"
    assert stock(sku) == (100, paid)


def test_two_who_send_the_same_units_send_them_once(selena: Person, lily: Person) -> None:
    sku = sku_in(shop_of(selena.account))
    order = bought(lily.account, (sku, 2))
    line = order.lines.get()

    def send() -> Any:
        return shipments.ship(
            account=selena.account,
            number=order.number,
            carrier="顺丰",
            tracking_number=ids.code(10),
            lines={line.pk: 2},
            at=now(),
        ).pk

    found = together([send] * 4)
    assert Counter(type(one) for one in found) == {int: 1, str: 3}
    assert stock(sku) == (98, 0)
    line.refresh_from_db()
    assert line.shipped_qty == 2


def test_receipt_against_a_refund_that_closes(selena: Person, lily: Person) -> None:
    """Whoever is first: the money is back once and the order ends closed."""
    shop = shop_of(selena.account)
    for _ in range(ROUNDS):
        order = shipped(bought(lily.account, (sku_in(shop), 1)))
        refund = ask_back(order)
        aftersales.approve(account=selena.account, number=refund.number, at=now())
        answers = together(
            [
                lambda number=order.number: (
                    orders.receive(buyer=lily.account, number=number, at=now()).number
                ),
                lambda: aftersales.complete_refunds(at=now()),
            ]
        )
        assert answers[0] in (order.number, "wrong_state")
        assert answers[1] == 1
        order.refresh_from_db()
        assert (order.status, order.refunded_fen) == ("closed", order.paid_fen)


def test_shipping_against_asking_for_everything_back(selena: Person, lily: Person) -> None:
    """Goods that left are never counted as cancelled."""
    sku = sku_in(shop_of(selena.account))
    sent = 0
    for _ in range(ROUNDS):
        order = bought(lily.account, (sku, 1))
        answers = together(
            [
                lambda order=order: (
                    shipments.ship(
                        account=selena.account,
                        number=order.number,
                        carrier="顺丰",
                        tracking_number=ids.code(10),
                        lines={},
                        at=now(),
                    ).pk
                ),
                lambda order=order: ask_back(order).status,
            ]
        )
        assert answers[1] in ("refunding", "requested")
        left = isinstance(answers[0], int)
        assert (answers[0] == "refund_open") == (answers[1] == "refunding") == (not left)
        sent += left
    aftersales.complete_refunds(at=now())
    assert stock(sku) == (100 - sent, 0)
    assert Refund.objects.filter(status="succeeded").count() == ROUNDS - sent


def test_many_workers_pay_each_refund_back_once(selena: Person, lily: Person) -> None:
    sku = sku_in(shop_of(selena.account))
    for _ in range(6):
        ask_back(bought(lily.account, (sku, 2)))
    assert sum(together([lambda: aftersales.complete_refunds(at=now())] * 4)) == 6
    assert stock(sku) == (100, 0)
    assert Event.objects.filter(kind="order.refunded").count() == 6
    for order in Order.objects.all():
        assert (order.status, order.refunded_fen) == ("closed", order.paid_fen)


def test_one_line_has_one_open_refund_whoever_asks(selena: Person, lily: Person) -> None:
    order = received(bought(lily.account, (sku_in(shop_of(selena.account)), 1)))
    found = together([lambda: ask_back(order).status] * 5)
    assert Counter(found) == {"requested": 1, "refund_open": 4}


def test_completion_never_passes_a_refund_by(selena: Person, lily: Person, staff: Person) -> None:
    """Staff may refund at any time: completion sees the refund or comes before it, and an order
    that completed with a refund open does not exist."""
    sku = sku_in(shop_of(selena.account))
    at = now()
    for _ in range(ROUNDS):
        order = received(bought(lily.account, (sku, 1)), at)
        together(
            [
                lambda: orders.complete_orders(at=at + 8 * DAY),
                lambda order=order: aftersales.staff_refund(
                    by=staff.account,
                    number=order.number,
                    lines={order.lines.get().pk: (0, 100)},
                    reason="补偿",
                    at=at + 8 * DAY,
                ),
            ]
        )
        order.refresh_from_db()
        history = list(order.history.order_by("id").values_list("kind", flat=True))
        if order.status == "completed":
            assert history.index("completed") < history.index("refund_by_staff")
        else:
            assert orders.complete_orders(at=at + 8 * DAY) == 0
            aftersales.complete_refunds(at=at + 8 * DAY)
            assert orders.complete_orders(at=at + 8 * DAY) == 1


def test_batches_in_several_hands_move_each_order_once(selena: Person, lily: Person) -> None:
    sku = sku_in(shop_of(selena.account))
    at = now()
    for _ in range(8):
        shipped(bought(lily.account, (sku, 1)), at)
    late = at + timedelta(days=10)
    assert sum(together([lambda: orders.receive_overdue(at=late)] * 3)) == 8
    late += timedelta(days=8)
    assert sum(together([lambda: orders.complete_orders(at=late)] * 3)) == 8
    for kind in ("order.received", "order.completed"):
        assert Event.objects.filter(kind=kind).count() == 8


def test_days_are_counted_right_while_orders_come_in(selena: Person, lily: Person) -> None:
    """A8: relay and roll-up in several hands, and the stored day equals its recount at the end."""
    shop = shop_of(selena.account)
    skus = [sku_in(shop, 1_000, on_hand=10_000) for _ in range(3)]
    buyers = [person(f"buyer{n}", "买家").account for n in range(3)]

    def buy(n: int) -> Callable[[], object]:
        def work() -> None:
            for _ in range(6):
                pay(place(buyers[n], (skus[n], 1)))

        return work

    def count() -> None:
        for _ in range(15):
            relay.drain(at=now())
            metrics.roll_up(at=now())

    assert together([*map(buy, range(3)), count, count]) == [None] * 5
    relay.drain(at=now())
    metrics.roll_up(at=now())
    market = DailyMetric.objects.filter(shop_id=0)
    assert sum(row.orders_paid for row in market) == 18
    for row in market:
        recounted = {found.pop("shop_id"): found for found in metrics.recount(row.day)}
        assert recounted[0] == {name: getattr(row, name) for name in metrics.FIGURES}
