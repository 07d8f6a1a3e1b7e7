"""The customer lock 锁客 (K3): bound by clicks and orders, by each shop's setting, as of the moment
an order is placed, whatever comes in which order. A lock is a function of its changes."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.accounts.models import Account
from backend.core.errors import NotFound
from commissions import accruals, books, locks, touches
from commissions.locks import Change
from commissions.models import Attribution, LockChange, LockSetting
from notes.models import LiveProduct, LiveSession, NoteProduct
from seeds.factories import (
    AccountFactory,
    LockSettingFactory,
    NoteFactory,
    PromoterFactory,
    PromotionLinkFactory,
    ShopFactory,
    SkuFactory,
)
from shops.models import Sku
from tests.cast import Person
from tests.commissions import sales

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def sku() -> Sku:
    """Of a shop that locks: 7 days by a click, 30 by an order."""
    made = SkuFactory.create()
    LockSettingFactory.create(shop=made.product.shop, since=AT - 400 * DAY)
    return made


@pytest.fixture
def other(sku: Sku) -> Sku:
    """Another product of the same shop, which no link leads to."""
    return SkuFactory.create(product__shop=sku.product.shop)


def link_to(sku: Sku, **fields: Any) -> Any:
    return PromotionLinkFactory.create(target_id=sku.product_id, **fields)


def click(link: Any, buyer: Account | None, at: datetime) -> None:
    touches.record(code=link.code, visitor="", account=buyer, at=at)
    touches.store_touches()


def decided(line: Any, at: datetime = AT) -> Attribution:
    accruals.reconcile_orders([line.order_id], at=at)
    return Attribution.objects.get(order_line=line)


def holder(buyer: Account, sku: Sku, at: datetime) -> int | None:
    held = locks.holder(buyer_id=buyer.pk, shop_id=sku.product.shop_id, at=at)
    return held["promoter_id"] if held else None


def test_a_click_on_one_product_wins_the_sale_of_another_of_the_shop(sku: Sku, other: Sku) -> None:
    buyer, link = AccountFactory.create(), link_to(sku)
    click(link, buyer, AT - DAY)
    found = decided(sales.sale(at=AT, sku=other, buyer=buyer))
    change = LockChange.objects.get(cause="click")
    assert (found.rule, found.source_kind, found.source_id) == ("lock", "lock", change.pk)
    assert found.promoter_id == link.promoter_id
    assert [(lost["id"], lost["reason"]) for lost in found.losers] == [(link.pk, "wrong_target")]
    assert sales.fen_of(link.promoter.account, "pending") == 2_064
    assert not [one for one in books.check(at=AT) if one.code == "I8"]


def test_a_lock_runs_out_at_its_instant_half_open(sku: Sku, other: Sku) -> None:
    buyer, link = AccountFactory.create(), link_to(sku)
    click(link, buyer, AT - 7 * DAY)
    assert decided(sales.sale(at=AT, sku=other, buyer=buyer)).rule == "none"
    just = AT - timedelta(microseconds=1)
    assert decided(sales.sale(at=just, sku=other, buyer=buyer)).rule == "lock"


def test_the_last_touch_stands_above_the_lock(sku: Sku) -> None:
    buyer, first, second = AccountFactory.create(), link_to(sku), link_to(sku)
    click(first, buyer, AT - 2 * DAY)
    click(second, buyer, AT - DAY)
    found = decided(sales.sale(at=AT, sku=sku, buyer=buyer))
    assert (found.rule, found.promoter_id) == ("last_touch", second.promoter_id)
    assert holder(buyer, sku, AT) == first.promoter_id
    assert {(lost["kind"], lost["reason"]) for lost in found.losers} == {
        ("referral", "earlier_touch"),
        ("lock", "outranked"),
    }


def test_a_shop_without_a_setting_locks_nobody_and_the_platform_may_have_a_default() -> None:
    sku = SkuFactory.create()
    other = SkuFactory.create(product__shop=sku.product.shop)
    buyer, link = AccountFactory.create(), link_to(sku)
    click(link, buyer, AT - 2 * DAY)
    assert not LockChange.objects.exists()
    LockSettingFactory.create(shop=None, since=AT - DAY)
    click(link, buyer, AT - HOUR)
    assert LockChange.objects.get().days == 7
    assert decided(sales.sale(at=AT, sku=other, buyer=buyer)).rule == "lock"


def test_the_shops_own_setting_stands_above_the_platforms(sku: Sku) -> None:
    LockSettingFactory.create(shop=None, click_product_days=300, since=AT - DAY)
    click(link_to(sku), AccountFactory.create(), AT)
    assert LockChange.objects.get().days == 7


@pytest.mark.parametrize(("kind", "source", "days"), [("note", "content", 3), ("live", "live", 5)])
def test_content_and_live_rooms_have_days_of_their_own(kind: str, source: str, days: int) -> None:
    sku = SkuFactory.create()
    LockSettingFactory.create(
        shop=sku.product.shop, click_content_days=3, click_live_days=5, since=AT - DAY
    )
    note = NoteFactory.create()
    NoteProduct.objects.create(note=note, product=sku.product, origin="others")
    room = LiveSession.objects.create(host=AccountFactory.create(), title="x", starts_at=AT)
    LiveProduct.objects.create(session=room, product=sku.product)
    target = note.pk if kind == "note" else room.pk
    link = PromotionLinkFactory.create(target_kind=kind, target_id=target)
    click(link, AccountFactory.create(), AT)
    change = LockChange.objects.get()
    assert (change.source, change.days, change.shop_id) == (source, days, sku.product.shop_id)


def test_a_paid_order_extends_the_lock_of_its_winner_once(sku: Sku) -> None:
    buyer, link = AccountFactory.create(), link_to(sku)
    line = sales.sale(at=AT, sku=sku, buyer=buyer, referral_code=link.code)
    for _ in range(3):
        decided(line)
    change = LockChange.objects.get()
    assert (change.cause, change.cause_id, change.days) == ("order", line.pk, 30)
    assert holder(buyer, sku, AT + 30 * DAY - HOUR) == link.promoter_id
    assert holder(buyer, sku, AT + 30 * DAY) is None


def test_neither_ones_own_click_nor_the_shops_owner_nor_a_stranger_is_bound(sku: Sku) -> None:
    link = link_to(sku)
    click(link, link.promoter.account, AT)
    click(link, sku.product.shop.account, AT)
    click(link, None, AT)
    assert not LockChange.objects.exists()


def setting(sku: Sku, **fields: Any) -> None:
    LockSettingFactory.create(shop=sku.product.shop, since=AT - 300 * DAY, **fields)


@pytest.mark.parametrize(
    ("mode", "protect", "after", "winner"),
    [
        ("first", 0, 1, 0),
        ("last", 0, 1, 1),
        ("override", 3, 1, 0),
        ("override", 3, 3, 1),
        ("override", 0, 1, 1),
    ],
)
def test_who_may_take_a_customer_over(
    sku: Sku, mode: str, protect: int, after: int, winner: int
) -> None:
    setting(sku, mode=mode, protect_days=protect)
    buyer, links = AccountFactory.create(), [link_to(sku), link_to(sku)]
    click(links[0], buyer, AT)
    click(links[1], buyer, AT + after * DAY)
    assert holder(buyer, sku, AT + after * DAY) == links[winner].promoter_id
    assert holder(buyer, sku, AT) == links[0].promoter_id


def test_a_frozen_holder_loses_and_is_named(sku: Sku, other: Sku) -> None:
    buyer = AccountFactory.create()
    link = link_to(sku, promoter=PromoterFactory.create(status="frozen"))
    click(link, buyer, AT - DAY)
    found = decided(sales.sale(at=AT, sku=other, buyer=buyer))
    assert found.rule == "none"
    assert ("lock", "promoter_frozen") in [(x["kind"], x["reason"]) for x in found.losers]


def test_the_order_in_which_touches_arrive_moves_no_lock(sku: Sku) -> None:
    """The stream may be late: whoever bound first by the clock holds, however it is stored."""
    holders = set()
    for order in itertools.permutations(range(3)):
        buyer, links = AccountFactory.create(), [link_to(sku) for _ in range(3)]
        for number in order:
            click(links[number], buyer, AT + number * HOUR)
        found = holder(buyer, sku, AT + DAY)
        holders.add(next(n for n, link in enumerate(links) if link.promoter_id == found))
    assert holders == {0}


def test_what_was_decided_by_a_lock_stays_when_an_earlier_touch_arrives_late(
    sku: Sku, other: Sku
) -> None:
    buyer, late, known = AccountFactory.create(), link_to(sku), link_to(sku)
    click(known, buyer, AT - DAY)
    line = sales.sale(at=AT, sku=other, buyer=buyer)
    found = decided(line)
    click(late, buyer, AT - 2 * DAY)
    assert holder(buyer, sku, AT) == late.promoter_id
    assert decided(line, AT + DAY) == found
    assert found.promoter_id == known.promoter_id


_CHANGES = st.lists(
    st.builds(
        Change,
        promoter_id=st.integers(1, 3),
        at=st.integers(0, 400).map(lambda hours: AT + hours * HOUR),
        days=st.integers(1, 9),
        mode=st.sampled_from(["first", "last", "override"]),
        protect_days=st.integers(0, 5),
    ),
    max_size=12,
)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=_CHANGES, hours=st.integers(0, 700), rng=st.randoms(use_true_random=False))
def test_the_database_and_the_written_rule_agree_on_every_history(
    changes: list[Change], hours: int, rng: Any
) -> None:
    as_of = AT + hours * HOUR
    wanted = locks.hold(changes, as_of)
    rng.shuffle(changes)
    with transaction.atomic():
        LockChange.objects.bulk_create(
            LockChange(buyer_id=1, shop_id=1, source="product", cause="click", cause_id=number,
                       **change._asdict())
            for number, change in enumerate(changes)
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("SELECT promoter_id, from_at, until_at"
                           " FROM tuike_customer_lock(1, 1, %s)", [as_of])  # fmt: skip
            found = cursor.fetchone()
        transaction.set_rollback(True)
    assert found == (tuple(wanted) if wanted else None)


def test_changes_and_settings_are_append_only(sku: Sku) -> None:
    click(link_to(sku), AccountFactory.create(), AT)
    for table in ("commissions_lockchange", "commissions_locksetting"):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            connection.cursor().execute(f"DELETE FROM {table}")


# ---------------------------------------------------------------- doors
def test_a_shop_reads_and_changes_its_setting_and_nobody_elses(
    selena: Person, mallory: Person
) -> None:
    shop = ShopFactory.create(account=selena.account)
    path = f"/v1/shops/{shop.pk}/lock-settings"
    first = selena.client.get(path).json()
    assert (first["mode"], first["click_product_days"], first["own"]) == ("first", 0, False)
    body = {"mode": "override", "click_product_days": 7, "protect_days": 2}
    answer = selena.client.put(path, body, format="json")
    assert answer.status_code == 200
    found = selena.client.get(path).json()
    assert found == answer.json()
    assert (found["mode"], found["protect_days"], found["order_live_days"], found["own"]) == (
        "override",
        2,
        0,
        True,
    )
    assert mallory.client.get(path).status_code == 404
    assert mallory.client.put(path, body, format="json").status_code == 404
    too_long = {**body, "protect_days": 366}
    assert selena.client.put(path, too_long, format="json").status_code == 422
    assert LockSetting.objects.count() == 1


def test_more_than_a_year_is_refused_by_the_verb_too(selena: Person) -> None:
    shop = ShopFactory.create(account=selena.account)
    with pytest.raises(locks.LockDaysTooLong):
        locks.change_setting(
            account=selena.account, shop_id=shop.pk, at=AT, mode="first", click_live_days=366
        )
    locks.change_setting(account=selena.account, shop_id=shop.pk, at=AT, mode="first")
    with pytest.raises(locks.SettingJustChanged):
        locks.change_setting(account=selena.account, shop_id=shop.pk, at=AT, mode="last")
    with pytest.raises(NotFound):
        locks.setting_of(account=AccountFactory.create(), shop_id=shop.pk, at=AT)


def test_a_promoter_sees_their_customers_masked_by_one_statement(
    sku: Sku, linda: Person, django_assert_num_queries: Any
) -> None:
    promoter = PromoterFactory.create(account=linda.account)
    link = link_to(sku, promoter=promoter)
    for name in ("buyer_one", "buyer_two", "buyer_six"):
        click(link, AccountFactory.create(handle=name), AT)
    with django_assert_num_queries(1):
        found = locks.customers_of(linda.account, at=AT + HOUR)
    assert [row["buyer"] for row in found] == ["b***x", "b***o", "b***e"]
    assert {row["holds"] for row in found} == {True}
    page = linda.client.get("/v1/me/customer-locks?page_size=2").json()
    assert len(page["results"]) == 2
    rest = linda.client.get(f"/v1/me/customer-locks?cursor={page['next']}").json()
    assert [row["buyer"] for row in rest["results"]] == ["b***e"]
    assert "buyer_" not in str(page)
