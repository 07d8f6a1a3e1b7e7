"""K16: webhooks tell news: what was told once stays told, and what partners say late is news."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from backend import relay
from backend.core import events
from backend.core.models import Event
from backend.webhooks import endpoints
from backend.webhooks.endpoints import Wanted
from backend.webhooks.models import WebhookDelivery, WebhookEndpoint
from commissions import disputes, payouts, settlement
from commissions.models import ConversionNotice
from shops.models import Refund
from tests.backend.subscribers import AT, KINDS, Market, data, forget, happens, listen, told
from tests.cast import Person
from tests.commissions import money_out, sales
from tests.commissions.disputed import Case, checker
from tests.commissions.elsewhere import AT as THEN
from tests.commissions.elsewhere import DAY, Partner

pytestmark = pytest.mark.django_db


@pytest.fixture
def market(selena: Person, linda: Person, ella: Person, lily: Person) -> Market:
    return Market(selena, linda, ella, lily)


@pytest.fixture
def partner(selena: Person) -> Partner:
    return Partner(selena.account)


def heard(partner: Partner) -> list[WebhookEndpoint]:
    """The shop and the promoter listen to their own from the partner's first day on."""
    wanted = Wanted("own", "https://hooks.example/x", KINDS[WebhookEndpoint.Scope.OWN])
    wanted_by_shop = Wanted("shop", wanted.url, KINDS[WebhookEndpoint.Scope.SHOP])
    return [
        endpoints.add(account=partner.owner, wanted=wanted_by_shop, at=THEN)[0],
        endpoints.add(account=partner.linda, wanted=wanted, at=THEN)[0],
    ]


def says(partner: Partner, at: datetime = THEN, **more: Any) -> str:
    """The partner tells its line again, and the relay runs."""
    name = f"msg_{ConversionNotice.objects.count()}"
    verdict = partner.postback(partner.row(**more), at=at, sent=at, name=name)
    relay.drain(at=at)
    return verdict


def test_orders_made_elsewhere_tell_their_commissions_alone(partner: Partner) -> None:
    shop, own = heard(partner)
    assert says(partner) == "accepted"
    assert told(shop) == told(own) == ["commission.estimated"]
    assert says(partner, refunded_fen=2_500) == "refunded"
    received: dict[str, Any] = {"received_at": THEN.isoformat()}
    assert says(partner, refunded_fen=2_500, **received) == "received"
    wanted = ["commission.estimated", "commission.reversed", "commission.confirmed"]
    assert told(shop) == told(own) == wanted
    late = THEN + timedelta(days=16)
    settlement.settle_due(at=late)
    relay.drain(at=late)
    assert says(partner, at=late, refunded_fen=10_000, **received) == "refunded"
    wanted += ["commission.settled", "commission.reversed"]
    assert told(shop) == told(own) == wanted
    last = WebhookDelivery.objects.filter(endpoint=own).latest("id")
    assert (last.data["amount_fen"], last.data["net_fen"]) == (1_600, 0)


def test_a_receipt_is_news_when_a_partner_tells_it_however_long_ago_it_was(
    partner: Partner,
) -> None:
    shop, own = heard(partner)
    says(partner)
    told_at = THEN + timedelta(days=60)
    forget(told_at)
    assert says(partner, at=told_at, received_at=(THEN + DAY).isoformat()) == "received"
    assert told(shop) == told(own) == ["commission.confirmed"]
    assert WebhookDelivery.objects.filter(occurred_at=told_at).count() == 2


def test_a_dry_run_tells_nothing_and_where_nobody_listens_nothing_is_written(
    partner: Partner,
) -> None:
    partner.import_(partner.row())
    assert not Event.objects.filter(kind="webhooks.orders").exists()
    heard(partner)
    partner.import_(partner.row("A2"), dry_run=True)
    assert not Event.objects.filter(kind="webhooks.orders").exists()
    partner.import_(partner.row("A2"), partner.row("A3"), partner.row("A1"))
    assert Event.objects.filter(kind="webhooks.orders").count() == 1


def test_what_was_told_and_forgotten_is_not_told_again(
    market: Market, selena: Person, linda: Person
) -> None:
    shop, own = listen(selena, "shop"), listen(linda, "own")
    line = market.sell()
    happens("paid", line.order_id)
    sales.receive(line, AT)
    happens("received", line.order_id)
    late = AT + timedelta(days=31)
    forget(late)
    settlement.settle_due(at=late)
    relay.drain(at=late)
    assert told(shop) == told(own) == ["commission.settled"]
    sales.refund(line, 5_000)
    asked = sales.open_refund(line, late).refund
    Refund.objects.filter(pk=asked.pk).update(status="succeeded", succeeded_at=late)
    happens("refunded", line.order_id, at=late)
    assert told(own) == ["commission.settled", "commission.reversed"]
    assert told(shop) == ["commission.settled", "order.refunded", "commission.reversed"]


def test_an_old_event_that_is_put_back_in_line_tells_nothing_old(
    market: Market, selena: Person
) -> None:
    shop = listen(selena, "shop")
    happens("paid", market.sell().order_id)
    late = AT + timedelta(days=31)
    forget(late)
    parked = Event.objects.filter(kind="webhooks.orders")
    parked.update(state="parked")
    ids = list(parked.values_list("pk", flat=True))
    events.replay(event_ids=ids, by=selena.account, at=late)
    relay.drain(at=late)
    assert parked.get().state == "delivered"
    assert told(shop) == []


def test_the_way_of_a_payout_that_took_a_month_is_not_told_again() -> None:
    payee = money_out.earner(10_000)
    wanted = Wanted("own", "https://hooks.example/x", KINDS[WebhookEndpoint.Scope.OWN])
    own = endpoints.add(account=payee, wanted=wanted, at=AT)[0]
    payout = payouts.request(account=payee, amount_fen=5_000, at=AT)
    relay.drain(at=AT)
    late = AT + timedelta(days=31)
    forget(late)
    payouts.cancel(account=payee, number=payout.number, at=late)
    relay.drain(at=late)
    assert told(own) == ["payout.cancelled"]


def test_whoever_loses_a_part_is_told_however_long_they_had_it() -> None:
    case = Case()
    wanted = Wanted("own", "https://hooks.example/x", KINDS[WebhookEndpoint.Scope.OWN])
    was, now_is, buyer = (
        endpoints.add(account=one, wanted=wanted, at=money_out.AT)[0]
        for one in (case.linda.account, case.mia.account, case.buyer)
    )
    happens("paid", case.line.order_id, at=money_out.AT)
    late = money_out.AT + timedelta(days=31)
    dispute = case.proposed("promoter", case.mia.account.handle)
    forget(late)
    disputes.approve(dispute_id=dispute.pk, by=checker(), at=late)
    relay.drain(at=late)
    assert told(was) == told(now_is) == ["commission.changed"]
    assert told(buyer) == []
    assert data(was, "commission.changed")["parts"] == []
    assert data(now_is, "commission.changed")["amount_fen"] == 1_600
