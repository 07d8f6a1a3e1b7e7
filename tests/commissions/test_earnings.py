"""Earnings, explain, attribution and charity through REST: I6, I7, K3, K4, K7, X1."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum
from rest_framework.test import APIClient

from backend.rest.renderers import encode
from commissions import accruals, explain, promoters, settlement
from commissions.models import CommissionOrder, CommissionSplit
from notes.models import NoteProduct
from seeds.factories import (
    AccountFactory,
    NoteFactory,
    PromotionLinkFactory,
    ShopFactory,
    SkuFactory,
    TouchFactory,
)
from tests.cast import Person
from tests.commissions import sales

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DUE = AT + timedelta(days=7)
pytestmark = pytest.mark.django_db


class Market:
    """Selena's product, Linda's link to it, Ella above Linda; Lily buys."""

    def __init__(self, selena: Person, linda: Person, ella: Person, lily: Person) -> None:
        inviter = promoters.join(account=ella.account, at=AT)
        self.linda = promoters.join(
            account=linda.account, invite_code=inviter.invite_code, at=AT - timedelta(days=1)
        )
        self.sku = SkuFactory.create(
            product__shop=ShopFactory.create(account=selena.account, name="Selena")
        )
        self.link = PromotionLinkFactory.create(promoter=self.linda, target_id=self.sku.product_id)
        self.buyer = lily.account

    def sell(self, price: int = 10_000, **more: Any) -> CommissionOrder:
        fields = {"referral_code": self.link.code} | more
        line = sales.sale(at=AT, sku=self.sku, buyer=self.buyer, price_fen=price, **fields)
        accruals.reconcile_orders([line.order_id], at=AT)
        return CommissionOrder.objects.select_related("order_line__order").get(order_line=line)

    def settle(self, commission: CommissionOrder) -> None:
        sales.receive(commission.order_line, AT)
        accruals.reconcile_orders([commission.order_line.order_id], at=AT)
        settlement.settle_due(at=DUE)


@pytest.fixture
def market(selena: Person, linda: Person, ella: Person, lily: Person) -> Market:
    return Market(selena, linda, ella, lily)


def earnings(person: Person) -> tuple[int, ...]:
    body = person.client.get("/v1/me/earnings").json()
    return tuple(body[f"{name}_fen"] for name in ("pending", "available", "in_transit", "settled"))


def test_pending_rises_with_the_payment_and_becomes_available(
    market: Market, linda: Person, ella: Person, mallory: Person
) -> None:
    """I6, K4: pending, available, in transit, settled to date."""
    assert earnings(linda) == (0, 0, 0, 0)
    commission = market.sell()
    assert (earnings(linda), earnings(ella)) == ((1_600, 0, 0, 0), (400, 0, 0, 0))
    market.settle(commission)
    assert (earnings(linda), earnings(ella)) == ((0, 1_600, 0, 1_600), (0, 400, 0, 400))
    sales.refund(commission.order_line, 10_000)
    accruals.reconcile_orders([commission.order_line.order_id], at=DUE)
    assert earnings(linda) == (0, 0, 0, 0)
    assert earnings(mallory) == (0, 0, 0, 0)


def test_earnings_are_one_statement(
    market: Market, linda: Person, django_assert_num_queries: Any
) -> None:
    market.settle(market.sell())
    from commissions import earnings as verb

    with django_assert_num_queries(1):
        verb.summary(linda.account)


def test_the_list_shows_the_callers_own_parts_by_status_and_page(
    market: Market, linda: Person, ella: Person, mallory: Person
) -> None:
    made = [market.sell(1_000 * number) for number in range(1, 6)]
    market.settle(made[0])
    page = linda.client.get("/v1/me/commissions?page_size=2").json()
    assert [row["id"] for row in page["results"]] == [made[4].pk, made[3].pk]
    assert page["results"][0]["role"] == "promoter"
    assert page["results"][0]["amount_fen"] == 800
    rest = linda.client.get(f"/v1/me/commissions?page_size=9&cursor={page['next']}").json()
    assert ([row["id"] for row in rest["results"]], rest["next"]) == (
        [made[2].pk, made[1].pk, made[0].pk],
        None,
    )
    settled = ella.client.get("/v1/me/commissions?status=settled").json()["results"]
    assert [(row["id"], row["role"], row["net_fen"]) for row in settled] == [
        (made[0].pk, "inviter", 40)
    ]
    assert mallory.client.get("/v1/me/commissions").json()["results"] == []
    assert linda.client.get("/v1/me/commissions?status=rich").status_code == 400
    assert linda.client.get("/v1/me/commissions?cursor=zzz").status_code == 400


def test_the_list_costs_one_statement_at_any_length(
    market: Market, linda: Person, django_assert_num_queries: Any
) -> None:
    for _ in range(12):
        market.sell()
    with django_assert_num_queries(2):  # the token and the list
        assert len(linda.client.get("/v1/me/commissions").json()["results"]) == 12


def test_explain_traces_every_fen_for_payees_owner_and_staff_and_nobody_else(
    market: Market,
    linda: Person,
    ella: Person,
    selena: Person,
    staff: Person,
    lily: Person,
    mallory: Person,
    anyone: APIClient,
) -> None:
    early = PromotionLinkFactory.create(target_id=market.sku.product_id)
    TouchFactory.create(link=early, account=market.buyer, at=AT - timedelta(hours=9))
    commission = market.sell(12_345, rate_bps=3_000)
    path = f"/v1/commissions/{commission.pk}/explain"
    bodies = [person.client.get(path) for person in (linda, ella, selena, staff)]
    assert [answer.status_code for answer in bodies] == [200] * 4
    trace = bodies[0].json()
    assert trace["rounding"]["budget_exact"] == "37035000/10000"
    assert (trace["budget_fen"], trace["fee_fen"]) == (3_704, 617)
    assert trace["attribution"]["link_code"] == market.link.code
    assert trace["attribution"]["losers"][0]["reason"] == "outranked"
    assert trace["tree"]["inviter"] == market.linda.sponsor_id
    assert trace["tree"]["edge"]["sponsor"] == market.linda.sponsor_id
    assert (trace["plan"]["name"], trace["plan"]["version_number"]) == ("default", 1)
    assert [part["payee"] for part in trace["splits"]] == ["linda", "ella", None, None]
    for person in (lily, mallory):
        assert person.client.get(path).status_code == 404
    assert anyone.get(path).status_code == 401
    assert linda.client.get("/v1/commissions/999999999/explain").status_code == 404


@pytest.mark.parametrize("way", ["pair", "single", "note", "nobody"])
@pytest.mark.parametrize("refunded", [0, 3_333, 12_345])
def test_the_trace_alone_gives_the_same_numbers(
    market: Market, staff: Person, way: str, refunded: int
) -> None:
    """X1: recomputed from the JSON that a client holds, to the last fen."""
    note = NoteFactory.create()
    NoteProduct.objects.create(note=note, product=market.sku.product, origin="others")
    single = PromotionLinkFactory.create(target_id=market.sku.product_id)
    ways: dict[str, dict[str, Any]] = {
        "pair": {},
        "single": {"referral_code": single.code},
        "note": {"referral_code": "", "source": ("note", note.pk)},
        "nobody": {"referral_code": ""},
    }
    commission = market.sell(12_345, rate_bps=3_333, **ways[way])
    if refunded:
        sales.refund(commission.order_line, refunded)
        accruals.reconcile_orders([commission.order_line.order_id], at=AT)
    trace = explain.of_commission(account=staff.account, commission_id=commission.pk)
    told = json.loads(encode(trace))
    again = explain.recompute(told)
    for part in told["splits"]:
        part.pop("payee")
    assert again == {name: told[name] for name in ("budget_fen", "fee_fen", "splits")}


def test_an_orders_attribution_is_told_to_those_it_concerns(
    market: Market, linda: Person, selena: Person, mallory: Person, lily: Person
) -> None:
    """K3: GET /v1/orders/{n}/attribution."""
    order = market.sell().order_line.order
    path = f"/v1/orders/{order.number}/attribution"
    for person in (linda, selena):
        body = person.client.get(path).json()
        assert body["order_number"] == order.number
        assert [line["attribution"]["rule"] for line in body["lines"]] == ["named"]
    for person in (mallory, lily):
        assert person.client.get(path).status_code == 404
    assert linda.client.get("/v1/orders/O20261101-nothing/attribution").status_code == 404


def test_charity_is_what_the_ledger_says_and_anybody_may_read_it(
    market: Market, anyone: APIClient
) -> None:
    """I7, K7: Σ over lines minus refunds, settled and pending."""
    first, second = market.sell(100_000), market.sell(200_000)
    market.settle(first)
    sales.refund(second.order_line, 100_000)
    accruals.reconcile_orders([second.order_line.order_id], at=AT)
    body = anyone.get("/v1/charity/summary").json()
    assert body == {"pending_fen": 50, "settled_fen": 50}
    parts = CommissionSplit.objects.filter(role="charity")
    sums = parts.aggregate(a=Sum("amount_fen"), r=Sum("reversed_fen"))
    assert sum(body.values()) == sums["a"] - sums["r"]


def test_a_buyer_without_promoters_still_feeds_charity(anyone: APIClient) -> None:
    line = sales.sale(at=AT, buyer=AccountFactory.create(), price_fen=200_000)
    accruals.reconcile_orders([line.order_id], at=AT)
    assert anyone.get("/v1/charity/summary").json() == {"pending_fen": 100, "settled_fen": 0}
