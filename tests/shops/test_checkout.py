"""Checkouts: H1, H4, H9, B1, B5, B6, B7, B8, C8, A3."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from backend.core.clock import now
from backend.core.models import Event
from shops import ports
from shops.models import Checkout, Order, OrderLine, Product, Shop
from tests.cast import Person, person
from tests.shops.sales import (
    address_of,
    bought,
    figures,
    key,
    pay,
    place,
    refused,
    shop_of,
    sku_in,
)


def body_of(buyer: Person, *wanted: tuple[Any, int], total: int, **more: Any) -> dict[str, Any]:
    return {
        "lines": [{"sku": sku.pk, "qty": qty} for sku, qty in wanted],
        "address": address_of(buyer.account),
        "expected_total_fen": total,
        **more,
    }


def post(buyer: Person, body: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
    return buyer.client.post("/v1/checkouts", body, format="json", headers=headers or key())


def test_a_quote_prices_by_our_own_rows_and_holds_nothing(selena: Person, lily: Person) -> None:
    """C8: an order pays the highest shipping fee among its products, once."""
    shop = shop_of(selena.account)
    dress = sku_in(shop, 12_900, shipping_fee_fen=800)
    socks = sku_in(shop, 990, shipping_fee_fen=0)
    before = figures()
    answer = lily.client.post(
        "/v1/checkouts/quote",
        {"lines": [{"sku": dress.pk, "qty": 2}, {"sku": socks.pk, "qty": 3}]},
        format="json",
    )
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert found["total_fen"] == 2 * 12_900 + 3 * 990 + 800
    assert found["orders"][0]["shipping_fen"] == 800
    assert [line["payable_fen"] for line in found["orders"][0]["lines"]] == [25_800, 2_970]
    assert figures() == before


def test_a_checkout_makes_one_order_per_shop_and_freezes_what_money_rules_need(
    selena: Person, ella: Person, lily: Person
) -> None:
    """B8, H9: later changes of price, fee or title leave the order as it was."""
    mine = sku_in(shop_of(selena.account, fee_bps=450), 10_000, title="羊毛大衣")
    hers = sku_in(shop_of(ella.account), 5_000, shipping_fee_fen=600)
    answer = post(lily, body_of(lily, (mine, 1), (hers, 2), total=20_600))
    assert answer.status_code == 201, answer.content
    found = answer.json()
    assert [order["payable_fen"] for order in found["orders"]] == [10_000, 10_600]
    assert "fee_bps" not in found["orders"][0]["lines"][0]
    Product.objects.update(title="x", return_window_days=30)
    Shop.objects.update(fee_bps=9_999)
    line = OrderLine.objects.get(sku=mine)
    assert (line.title, line.fee_bps, line.unit_price_fen) == ("羊毛大衣", 450, 10_000)
    assert (line.return_window_days, line.source_kind) == (7, "direct")
    mine.refresh_from_db()
    assert (mine.on_hand, mine.committed) == (100, 1)
    events = Event.objects.filter(kind="order.placed").values_list("subject_id", flat=True)
    assert sorted(events) == sorted(Order.objects.values_list("id", flat=True))
    expires = Checkout.objects.get().expires_at - Checkout.objects.get().created_at
    assert expires == timedelta(minutes=30)


def test_the_client_may_name_no_price_and_the_total_must_agree(
    selena: Person, lily: Person
) -> None:
    sku = sku_in(shop_of(selena.account), 10_000)
    body = body_of(lily, (sku, 1), total=9_999)
    before = figures()
    answer = post(lily, body)
    refused(answer, 409, "price_changed")
    assert answer.json()["total_fen"] == 10_000
    body["lines"][0]["price_fen"] = 1
    refused(post(lily, body), 422, "invalid")
    assert figures() == before
    assert Checkout.objects.count() == 0


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([], 422),
        ([{"qty": 1}], 422),
        ([{"qty": 0}], 422),
        ([{"qty": 1000}], 422),
        ([{"qty": 1}, {"qty": 1}], 422),
        ([{"qty": True}], 422),
        ([{"qty": "2"}], 422),
        ([{"qty": 1, "source": {"kind": "note"}}], 422),
        ([{"qty": 1, "source": {"kind": "shop", "id": 3}}], 422),
        ([{"qty": 1, "source": {"kind": "referral", "id": 3}}], 422),
    ],
)
def test_malformed_lines_are_refused_by_field(
    selena: Person, lily: Person, lines: list[dict[str, Any]], status: int
) -> None:
    sku = sku_in(shop_of(selena.account))
    if lines != [{"qty": 1}]:
        lines = [{"sku": sku.pk, **line} for line in lines]
    answer = lily.client.post("/v1/checkouts/quote", {"lines": lines}, format="json")
    assert answer.status_code == status
    assert any(name.startswith("lines") for name in answer.json()["errors"])


def test_51_lines_and_a_sum_beyond_the_market_are_refused(selena: Person, lily: Person) -> None:
    shop = shop_of(selena.account)
    dear = sku_in(shop, 100_000_000, on_hand=10_000)
    many = [{"sku": dear.pk + n, "qty": 1} for n in range(51)]
    answer = lily.client.post("/v1/checkouts/quote", {"lines": many}, format="json")
    assert answer.status_code == 422
    skus = [sku_in(shop, 100_000_000, on_hand=10_000) for _ in range(11)]
    lines = [{"sku": sku.pk, "qty": 999} for sku in skus]
    answer = lily.client.post("/v1/checkouts/quote", {"lines": lines}, format="json")
    refused(answer, 422, "total_too_large")


def test_nobody_buys_from_their_own_shop(selena: Person) -> None:
    sku = sku_in(shop_of(selena.account))
    answer = post(selena, body_of(selena, (sku, 1), total=12_900))
    refused(answer, 403, "own_product")


def test_what_is_not_on_sale_is_not_sold(selena: Person, lily: Person) -> None:
    """B6: a banned product and a suspended shop stop selling at once."""
    shop = shop_of(selena.account)
    banned = sku_in(shop, status=Product.Status.BANNED)
    inactive = sku_in(shop)
    inactive.is_active = False
    inactive.save()
    sold = sku_in(shop)
    for sku_id in (banned.pk, inactive.pk, 10**9):
        answer = lily.client.post(
            "/v1/checkouts/quote", {"lines": [{"sku": sku_id, "qty": 1}]}, format="json"
        )
        refused(answer, 409, "product_not_on_sale")
        assert answer.json()["sku"] == sku_id
    shop.status = Shop.Status.SUSPENDED
    shop.save()
    refused(post(lily, body_of(lily, (sold, 1), total=12_900)), 409, "shop_not_open")
    assert Checkout.objects.count() == 0


def test_trading_off_stops_new_orders_and_lets_paid_ones_go_on(
    selena: Person, lily: Person, settings: Any
) -> None:
    """B7."""
    sku = sku_in(shop_of(selena.account))
    order = bought(lily.account, (sku, 1))
    settings.TRADING_ENABLED = False
    refused(post(lily, body_of(lily, (sku, 1), total=12_900)), 403, "trading_suspended")
    answer = selena.client.post(
        f"/v1/orders/{order.number}/shipments",
        {"carrier": "顺丰", "tracking_number": "SF0001"},
        format="json",
        headers=key(),
    )
    assert answer.status_code == 201, answer.content


def test_an_individual_past_the_yearly_limit_needs_a_licence(
    selena: Person, lily: Person, settings: Any
) -> None:
    """B5: what was refunded does not count, nor what an earlier year brought."""
    settings.LICENCE_FREE_YEARLY_FEN = 20_000
    shop = shop_of(selena.account)
    sku = sku_in(shop, 10_000)
    at = now()
    bought(lily.account, (sku, 1), at=at - timedelta(days=400))
    bought(lily.account, (sku, 1), at=at)
    body = body_of(lily, (sku, 1), total=10_000)
    assert post(lily, body).status_code == 201
    order = bought(lily.account, (sku, 1), at=at)
    refused(post(lily, body), 403, "licence_required")
    Order.objects.filter(pk=order.pk).update(refunded_fen=1)
    assert post(lily, body).status_code == 201
    Order.objects.filter(pk=order.pk).update(refunded_fen=0)
    shop.licence_number = "91310000MA1K"
    shop.save()
    assert post(lily, body).status_code == 201


def test_too_little_stock_leaves_nothing_behind(selena: Person, lily: Person) -> None:
    """C4, H4: no half orders."""
    shop = shop_of(selena.account)
    plenty, scarce = sku_in(shop, 1_000), sku_in(shop, 1_000, on_hand=2)
    before = figures()
    body = body_of(lily, (plenty, 1), (scarce, 3), total=4_000)
    answer = post(lily, body)
    refused(answer, 409, "insufficient_stock")
    assert (answer.json()["sku"], answer.json()["available"]) == (scarce.pk, 2)
    quoted = lily.client.post("/v1/checkouts/quote", {"lines": body["lines"]}, format="json")
    refused(quoted, 409, "insufficient_stock")
    assert figures() == before
    assert (Checkout.objects.count(), Event.objects.count()) == (0, 0)


@pytest.fixture
def rooms_above(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What notes and commissions would answer; keeps what they were asked."""
    asked: dict[str, list[Any]] = {"note": [], "terms": []}

    def notes(pairs: Any) -> set[tuple[int, int]]:
        asked["note"].append(list(pairs))
        return {pair for pair in pairs if pair[0] == 77}

    def terms(product_ids: Any, at: Any) -> dict[int, ports.CommissionTerms]:
        asked["terms"].append(list(product_ids))
        return {product_ids[0]: ports.CommissionTerms(offer_id=5, rate_bps=3_000)}

    monkeypatch.setattr(ports, "_checks", {"note": notes})
    monkeypatch.setattr(ports, "_terms", [terms])
    monkeypatch.setattr(
        ports, "_clicks", [lambda click: ports.Click("abc234") if click == "c1" else None]
    )
    return asked


def test_a_note_that_showed_the_product_is_frozen_as_the_source(
    selena: Person, lily: Person, rooms_above: dict[str, list[Any]]
) -> None:
    """H9; the commission terms are frozen with it."""
    sku = sku_in(shop_of(selena.account))
    body = body_of(lily, (sku, 1), total=12_900)
    body["lines"][0]["source"] = {"kind": "note", "id": 77}
    assert post(lily, body).status_code == 201
    line = OrderLine.objects.get()
    assert (line.source_kind, line.source_id, line.referral_code) == ("note", 77, "")
    assert (line.offer_id, line.commission_bps) == (5, 3_000)
    assert rooms_above["note"] == [[(77, sku.product_id)]]


def test_a_source_that_did_not_show_the_product_is_refused(
    selena: Person, lily: Person, rooms_above: dict[str, list[Any]]
) -> None:
    sku = sku_in(shop_of(selena.account))
    body = body_of(lily, (sku, 1), total=12_900)
    for source in ({"kind": "note", "id": 78}, {"kind": "live", "id": 77}):
        body["lines"][0]["source"] = source
        answer = post(lily, body)
        refused(answer, 422, "source_unknown")
        assert answer.json()["sku"] == sku.pk
    assert Checkout.objects.count() == 0


def test_a_followed_link_stands_beside_the_note_and_goes_before_any_other_page(
    selena: Person, lily: Person, rooms_above: dict[str, list[Any]]
) -> None:
    """The link may lead to other goods: whoever showed this product must not be forgotten (K3)."""
    shop = shop_of(selena.account)
    shown, searched = sku_in(shop), sku_in(shop)
    body = body_of(lily, (shown, 1), (searched, 1), total=25_800, click="c1")
    body["lines"][0]["source"] = {"kind": "note", "id": 77}
    body["lines"][1]["source"] = {"kind": "search"}
    assert post(lily, body).status_code == 201
    found = OrderLine.objects.order_by("id")
    assert [(line.source_kind, line.source_id, line.referral_code) for line in found] == [
        ("note", 77, "abc234"),
        ("referral", None, "abc234"),
    ]
    assert Checkout.objects.get().click_id == "c1"


def test_a_click_that_nobody_knows_leaves_the_source(
    selena: Person, lily: Person, rooms_above: dict[str, list[Any]]
) -> None:
    """An old link in a client's memory must not stop a purchase; the id is kept all the same."""
    sku = sku_in(shop_of(selena.account))
    body = body_of(lily, (sku, 1), total=12_900, click="gone")
    body["lines"][0]["source"] = {"kind": "search"}
    assert post(lily, body).status_code == 201
    assert (OrderLine.objects.get().source_kind, Checkout.objects.get().click_id) == (
        "search",
        "gone",
    )


def test_the_same_key_makes_one_checkout(selena: Person, lily: Person) -> None:
    """H4: same body replayed, another body refused, no key refused."""
    sku = sku_in(shop_of(selena.account))
    body = body_of(lily, (sku, 1), total=12_900)
    headers = key()
    first, again = post(lily, body, headers), post(lily, body, headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert again["Idempotent-Replayed"] == "true"
    other = {**body, "expected_total_fen": 1}
    refused(post(lily, other, headers), 422, "idempotency_key_reused")
    missing = lily.client.post("/v1/checkouts", body, format="json")
    refused(missing, 400, "idempotency_key_required")
    assert Checkout.objects.count() == 1
    sku.refresh_from_db()
    assert sku.committed == 1


def test_a_refused_checkout_leaves_its_key_free(selena: Person, lily: Person) -> None:
    sku = sku_in(shop_of(selena.account))
    headers = key()
    refused(post(lily, body_of(lily, (sku, 1), total=1), headers), 409, "price_changed")
    assert post(lily, body_of(lily, (sku, 1), total=12_900), headers).status_code == 201


def test_another_persons_address_is_not_found(selena: Person, lily: Person) -> None:
    sku = sku_in(shop_of(selena.account))
    body = body_of(lily, (sku, 1), total=12_900)
    body["address"] = address_of(selena.account)
    refused(post(lily, body), 404, "not_found")


def test_nobody_checks_out_without_signing_in(anyone: APIClient, db: None) -> None:
    answer = anyone.post("/v1/checkouts", {}, format="json", headers=key())
    assert answer.status_code == 401


def test_followers_change_nothing_about_a_checkout(selena: Person, lily: Person) -> None:
    """A3."""
    sku = sku_in(shop_of(selena.account))
    bodies = []
    for count in (0, 1_000_000):
        for who in (selena, lily):
            who.account.follower_count = count
            who.account.save()
        answer = lily.client.post(
            "/v1/checkouts/quote", {"lines": [{"sku": sku.pk, "qty": 1}]}, format="json"
        )
        bodies.append(answer.content)
    assert bodies[0] == bodies[1]


def test_statements_do_not_grow_with_the_lines(selena: Person, ella: Person, lily: Person) -> None:
    """One line, and 20 lines of 3 shops: only the guarded UPDATE of each SKU's stock is added."""
    third = shop_of(person("third", "三号店").account)
    shops = [shop_of(selena.account), shop_of(ella.account), third]
    skus = [sku_in(shops[n % 3], 1_000) for n in range(20)]
    counts = []
    for wanted in (skus[:1], skus):
        body = body_of(lily, *((sku, 1) for sku in wanted), total=1_000 * len(wanted))
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert post(lily, body).status_code == 201
        stock = [q for q in captured if q["sql"].startswith('UPDATE "shops_sku"')]
        assert len(stock) == len(wanted)
        counts.append(len(captured) - len(stock))
    assert counts[0] == counts[1]


def test_a_stranger_sees_no_checkout(selena: Person, lily: Person, mallory: Person) -> None:
    placed = place(lily.account, (sku_in(shop_of(selena.account)), 1))
    pay(placed)
    for who in (mallory, selena):
        refused(who.client.get(f"/v1/checkouts/{placed.number}"), 404, "not_found")
        refused(who.client.post(f"/v1/checkouts/{placed.number}/pay"), 404, "not_found")
    assert lily.client.get(f"/v1/checkouts/{placed.number}").json()["status"] == "paid"
