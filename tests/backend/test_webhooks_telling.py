"""K16: what webhooks tell, to whom, once, and what it costs a market without any."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from backend import relay
from backend.accounts.models import Account
from backend.core import events
from backend.core.models import Event
from backend.webhooks import endpoints, sending
from backend.webhooks.endpoints import Wanted
from backend.webhooks.models import WebhookDelivery, WebhookEndpoint
from commissions import accruals, payouts, settlement
from commissions.models import CommissionOrder
from shops.models import Refund
from tests.backend.subscribers import AT, KINDS, Market, data, happens, listen, told
from tests.cast import Person
from tests.commissions import money_out, sales

DUE = AT + timedelta(days=8)
pytestmark = pytest.mark.django_db


@pytest.fixture
def market(selena: Person, linda: Person, ella: Person, lily: Person) -> Market:
    return Market(selena, linda, ella, lily)


def test_a_sale_is_told_to_its_shop_its_promoters_and_the_market(
    market: Market, selena: Person, linda: Person, ella: Person, mallory: Person, staff: Person
) -> None:
    shop, own, above = listen(selena, "shop"), listen(linda, "own"), listen(ella, "own")
    stranger, whole = listen(mallory, "own"), listen(staff, "market")
    line = market.sell()
    happens("paid", line.order_id)
    sales.receive(line, AT)
    happens("received", line.order_id)
    settlement.settle_due(at=DUE)
    relay.drain(at=DUE)
    commission = ["commission.estimated", "commission.confirmed", "commission.settled"]
    assert told(own) == told(above) == commission
    assert told(shop) == told(whole) == ["order.paid", *commission]
    assert told(stranger) == []


def test_nobody_reads_of_another_person(
    market: Market, selena: Person, linda: Person, lily: Person, staff: Person
) -> None:
    shop, own, whole = listen(selena, "shop"), listen(linda, "own"), listen(staff, "market")
    line = market.sell()
    happens("paid", line.order_id)
    commission = CommissionOrder.objects.get()
    mine = data(own, "commission.estimated")
    split = commission.splits.get(payee=linda.account)
    part = {"role": "promoter", "amount_fen": split.amount_fen, "reversed_fen": 0}
    assert mine["parts"] == [part]
    assert (mine["amount_fen"], mine["net_fen"]) == (split.amount_fen, split.amount_fen)
    assert data(shop, "commission.estimated")["amount_fen"] == 2_000
    assert all("payee" not in one for one in data(shop, "commission.estimated")["parts"])
    assert {one["payee"] for one in data(whole, "commission.estimated")["parts"]} >= {
        linda.account.pk
    }
    paid = data(shop, "order.paid")
    assert set(paid) == {
        "order", "shop", "status", "paid_fen", "refunded_fen", "shipping_fen", "paid_at",
        "shipped_at", "received_at", "completed_at", "lines",
    }  # fmt: skip
    assert paid["lines"][0]["paid_fen"] == 10_000
    everything = json.dumps(list(WebhookDelivery.objects.values_list("data", flat=True)))
    assert lily.account.handle not in everything
    assert lily.account.display_name not in everything


def test_a_refund_is_told_with_what_it_takes_back(
    market: Market, selena: Person, linda: Person
) -> None:
    shop, own = listen(selena, "shop"), listen(linda, "own")
    line = market.sell()
    happens("paid", line.order_id)
    sales.refund(line, 5_000)
    asked = sales.open_refund(line, AT).refund
    Refund.objects.filter(pk=asked.pk).update(status="succeeded", succeeded_at=AT, amount_fen=5_000)
    happens("refunded", line.order_id)
    assert told(own) == ["commission.estimated", "commission.reversed"]
    back = data(own, "commission.reversed")
    assert back["reversed_fen"] * 2 == back["amount_fen"]
    assert back["net_fen"] == back["amount_fen"] - back["reversed_fen"]
    assert told(shop)[-2:] == ["order.refunded", "commission.reversed"]
    assert data(shop, "order.refunded")["refund"] == {
        "number": asked.number, "amount_fen": 5_000, "shipping_fen": 0,
    }  # fmt: skip


def test_deriving_again_in_any_order_tells_nothing_twice(market: Market, selena: Person) -> None:
    shop = listen(selena, "shop")
    line = market.sell()
    sales.receive(line, AT)
    for kind in ("received", "paid", "paid", "shipped", "received"):
        happens(kind, line.order_id)
    before = told(shop)
    assert before == ["order.paid", "commission.estimated", "commission.confirmed"]
    Event.objects.update(state="pending")
    relay.drain(at=AT)
    assert told(shop) == before


def test_what_happened_before_somebody_listened_is_not_told(market: Market, selena: Person) -> None:
    line = market.sell()
    shop = listen(selena, "shop", at=AT + timedelta(seconds=1))
    happens("paid", line.order_id)
    assert told(shop) == []


def test_whoever_may_not_see_the_rows_any_more_is_not_told(
    market: Market, selena: Person, staff: Person, mallory: Person
) -> None:
    shop, whole = listen(selena, "shop"), listen(staff, "market")
    market.sku.product.shop.account = mallory.account
    market.sku.product.shop.save(update_fields=["account"])
    staff.account.is_staff = False
    staff.account.save(update_fields=["is_staff"])
    happens("paid", market.sell().order_id)
    assert told(shop) == told(whole) == []


@pytest.mark.parametrize("by_group", [False, True])
def test_the_market_is_told_to_those_alone_who_may_listen(market: Market, by_group: bool) -> None:
    """And what waits for them waits until they may again."""
    right = Permission.objects.get(codename="listen_market")
    clerk, group = money_out.officer("view_event"), Group.objects.create(name="listeners")
    group.permissions.add(right)
    rights: Any = clerk.groups if by_group else clerk.user_permissions
    given = group if by_group else right
    rights.add(given)
    wanted = Wanted("market", "https://hooks.example/x", ["order.paid"])
    whole = endpoints.add(account=Account.objects.get(pk=clerk.pk), wanted=wanted, at=AT)[0]
    happens("paid", market.sell().order_id)
    assert told(whole) == ["order.paid"]
    rights.remove(given)
    happens("paid", market.sell().order_id)
    assert told(whole) == ["order.paid"]
    assert sending.claim(at=AT) == []
    rights.add(given)
    assert [call.delivery_id for call in sending.claim(at=AT)] == [whole.deliveries.get().pk]


def test_the_way_of_a_payout_is_told_to_its_payee_and_the_market(staff: Person) -> None:
    payee = money_out.earner(10_000)
    wanted = Wanted("own", "https://hooks.example/x", KINDS[WebhookEndpoint.Scope.OWN])
    own = endpoints.add(account=payee, wanted=wanted, at=AT)[0]
    whole = listen(staff, "market")
    payout = payouts.request(account=payee, amount_fen=5_000, at=AT)
    payouts.prepare(number=payout.number, by=money_out.maker(), at=AT)
    payouts.approve(number=payout.number, by=money_out.checker(), at=AT)
    relay.drain(at=AT)
    assert told(own) == told(whole) == ["payout.requested", "payout.approved"]
    assert data(own, "payout.requested")["payout"] == payout.number
    assert data(whole, "payout.requested")["account"] == payee.pk
    again = payouts.request(account=payee, amount_fen=1_000, at=AT)
    payouts.cancel(account=payee, number=again.number, at=AT)
    relay.drain(at=AT)
    assert told(own)[-2:] == ["payout.requested", "payout.cancelled"]


def test_a_market_without_webhooks_pays_no_statement_for_them(market: Market) -> None:
    def statements() -> list[str]:
        line = market.sell()
        with transaction.atomic():
            events.record(kind="order.paid", subject_id=line.order_id, at=AT)
        with CaptureQueriesContext(connection) as seen:
            relay.drain(at=AT)
        return [one["sql"] for one in seen.captured_queries]

    statements()
    found = statements()
    naming = [text for text in found if "webhooks_" in text]
    # Both are the claim of the relay itself: with rows, and finding none any more.
    assert all("UPDATE core_event" in text for text in naming)
    assert len(naming) == 2
    assert not Event.objects.filter(kind="webhooks.orders").exists()


def test_a_mistake_in_telling_never_holds_a_commission_up(
    market: Market, selena: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen(selena, "shop")

    def broken(_: Any) -> None:
        raise ValueError("a mistake")

    monkeypatch.setitem(relay.HANDLERS, "webhooks.orders", (broken,))
    line = market.sell()
    happens("paid", line.order_id)
    assert CommissionOrder.objects.filter(order_line=line).exists()
    waiting = Event.objects.get(kind="webhooks.orders")
    assert (waiting.state, waiting.attempts) == ("pending", 1)


def test_a_commission_that_staff_ends_is_told(market: Market, linda: Person) -> None:
    own = listen(linda, "own")
    line = market.sell()
    happens("paid", line.order_id)
    commission = CommissionOrder.objects.get(order_line=line)
    with transaction.atomic():
        accruals.end(commission_id=commission.pk, reason="risk_velocity_day", at=AT)
    relay.drain(at=AT)
    assert told(own) == ["commission.estimated", "commission.reversed"]
    assert data(own, "commission.reversed")["status"] == "invalid"
    assert data(own, "commission.reversed")["net_fen"] == 0


def test_whom_we_switched_off_misses_nothing_for_thirty_days(
    market: Market, selena: Person, linda: Person
) -> None:
    failing, gone = listen(selena, "shop"), listen(linda, "own")
    for row, why in ((failing, "failing"), (gone, "gone")):
        WebhookEndpoint.objects.filter(pk=row.pk).update(status="off", off_reason=why, off_at=AT)
    later = AT + timedelta(days=29)
    happens("paid", market.sell(at=later).order_id, at=later)
    too_late = AT + timedelta(days=31)
    happens("paid", market.sell(at=too_late).order_id, at=too_late)
    assert told(failing) == ["order.paid", "commission.estimated"]
    assert told(gone) == []
    for row in (failing, gone):
        by = row.account
        endpoints.enable(endpoint_id=row.pk, account=by, by=by, at=too_late)
        row.refresh_from_db()
    assert (failing.since, gone.since) == (AT, too_late)
