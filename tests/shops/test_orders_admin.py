"""Staff pages of orders, payments, refunds and figures: K6's manner for money back, B7."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from backend import relay
from backend.core import ids
from backend.core.clock import now
from backend.core.models import AuditEntry
from shops import aftersales, metrics
from shops.models import Checkout, DailyMetric, Order, Payment, PaymentNotice, Refund
from tests.cast import Person, person
from tests.desk import signed_in
from tests.shops.sales import DAY, ask_back, bought, figures, received, shop_of, sku_in

MODELS = {
    "order": Order,
    "refund": Refund,
    "payment": Payment,
    "paymentnotice": PaymentNotice,
    "checkout": Checkout,
    "dailymetric": DailyMetric,
}


@pytest.fixture
def desk(staff: Person) -> Client:
    return signed_in(staff.account)


def url(model: str, *parts: object) -> str:
    return "/".join(["/admin/shops", model, *map(str, parts), ""])


def sale(lines: int = 1) -> Order:
    """A received order with a refund that succeeded, of people of its own."""
    seller = person(ids.code(8).lower() + "s", "卖家").account
    buyer = person(ids.code(8).lower() + "b", "买家").account
    shop = shop_of(seller)
    order = received(bought(buyer, *((sku_in(shop, 10_000), 2) for _ in range(lines))))
    refund = ask_back(order, lines={line.pk: (1, 10_000) for line in order.lines.all()})
    aftersales.approve(account=seller, number=refund.number, at=now())
    aftersales.complete_refunds(at=now())
    relay.drain(at=now())
    metrics.roll_up(at=now())
    return order


@pytest.mark.parametrize("model", MODELS)
def test_every_list_and_page_opens_at_constant_cost(
    desk: Client, model: str, django_assert_max_num_queries: Any
) -> None:
    sale()
    small = MODELS[model].objects.order_by("id").first()
    costs = []
    for path in (url(model), url(model, small.pk, "change")):
        with django_assert_max_num_queries(40) as seen:
            assert desk.get(path).status_code == 200, path
        costs.append(len(seen))
    for _ in range(3):
        sale(lines=3)
    large = MODELS[model].objects.order_by("-id").first()
    for path, cost in zip((url(model), url(model, large.pk, "change")), costs, strict=True):
        with django_assert_max_num_queries(cost):
            assert desk.get(path).status_code == 200
    assert desk.get(f"{url(model)}?q=1").status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_facts_are_not_edited_or_deleted(desk: Client, model: str) -> None:
    sale()
    row = MODELS[model].objects.order_by("id").first()
    before = figures()
    assert desk.get(url(model, "add")).status_code == 403
    assert desk.post(url(model, row.pk, "delete"), {"post": "yes"}).status_code == 403
    assert desk.post(url(model, row.pk, "change"), {"status": "x"}).status_code == 403
    assert figures() == before


def test_staff_give_an_amount_of_a_line_back_with_a_reason(desk: Client, staff: Person) -> None:
    order = sale()
    line = order.lines.get()
    path = url("order", order.pk, "refund_line")
    assert path in desk.get(url("order", order.pk, "change")).content.decode()
    assert desk.get(path).status_code == 200
    wanted = {"line": line.pk, "qty": 0, "amount_fen": 1_234, "confirmed": "yes"}
    desk.post(path, wanted)
    assert Refund.objects.count() == 1  # no reason, no refund
    answer = desk.post(path, {**wanted, "reason": "物流破损"}, follow=True)
    assert "¥12.34 go back" in answer.content.decode()
    refund = Refund.objects.order_by("-id")[0]
    assert (refund.status, refund.amount_fen, refund.decided_by) == (
        "refunding",
        1_234,
        staff.account,
    )
    assert AuditEntry.objects.get(action="order.refund").reason == "物流破损"
    answer = desk.post(path, {**wanted, "reason": "又一次"}, follow=True)
    assert "A refund of this line is open" in answer.content.decode()


def test_staff_give_everything_back(desk: Client) -> None:
    order = sale()
    path = url("order", order.pk, "refund_all")
    assert desk.get(path).status_code == 200
    assert Refund.objects.count() == 1
    desk.post(path, {"confirmed": "yes", "reason": "假货赔付"})
    assert aftersales.complete_refunds(at=now() + DAY) == 1
    order.refresh_from_db()
    assert (order.status, order.refunded_fen) == ("closed", order.paid_fen)
    page = desk.get(url("order", order.pk, "change")).content.decode()
    assert path not in page


def test_who_may_only_look_gives_nothing_back(db: None) -> None:
    order = sale()
    reader = person("reader", "客服", is_staff=True).account
    reader.user_permissions.add(
        Permission.objects.get(codename="view_order", content_type__app_label="shops")
    )
    client = signed_in(reader)
    assert client.get(url("order", order.pk, "change")).status_code == 200
    for act in ("refund_all", "refund_line"):
        answer = client.post(url("order", order.pk, act), {"confirmed": "yes", "reason": "x"})
        assert answer.status_code == 403
    assert Refund.objects.count() == 1


def test_the_whole_of_a_missing_order_is_no_500(desk: Client) -> None:
    for act in ("refund_all", "refund_line"):
        assert desk.get(url("order", 10**9, act)).status_code == 302
