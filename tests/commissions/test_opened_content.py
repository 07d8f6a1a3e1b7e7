"""What is opened leaves a touch (K3): a note with goods that a reader opens through the API goes
into the touch stream, without a statement more, and wins by last touch."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from backend.core import ids, redis
from backend.rest.visitors import VISITOR_COOKIE
from commissions import accruals, touches
from commissions.models import Attribution, Touch
from notes.models import NoteProduct
from seeds.factories import AccountFactory, NoteFactory, PromotionLinkFactory, SkuFactory
from shops.models import Sku
from tests.cast import Person
from tests.commissions import sales

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def sku() -> Sku:
    return SkuFactory.create()


@pytest.fixture
def note(sku: Sku) -> Any:
    made = NoteFactory.create(status="published", published_at=AT)
    NoteProduct.objects.create(note=made, product=sku.product, origin="others")
    return made


def stored() -> list[Touch]:
    touches.store_touches()
    return list(Touch.objects.order_by("id"))


def test_a_signed_in_reader_leaves_a_touch_without_a_statement_more(
    note: Any, lily: Person
) -> None:
    bare = NoteFactory.create(status="published", published_at=AT)
    with CaptureQueriesContext(connection) as without:
        assert lily.client.get(f"/v1/notes/{bare.pk}").status_code == 200
    with CaptureQueriesContext(connection) as seen:
        assert lily.client.get(f"/v1/notes/{note.pk}").status_code == 200
    # The card's own question to the offers, as before.
    assert len(seen) <= len(without) + 1
    assert not [query for query in seen if "commissions_touch" in query["sql"]]
    (touch,) = stored()
    assert (touch.kind, touch.content_id, touch.link_id) == ("note", note.pk, None)
    assert touch.account_id == lily.account.pk


def test_a_reader_with_a_visitors_cookie_leaves_a_touch_and_one_without_leaves_none(
    note: Any,
) -> None:
    """Nothing could join the touch of somebody unknown to an order."""
    visitor = ids.code(22)
    client = APIClient()
    client.get(f"/v1/notes/{note.pk}")
    client.cookies[VISITOR_COOKIE] = visitor
    client.get(f"/v1/notes/{note.pk}")
    client.cookies[VISITOR_COOKIE] = "<script>"
    client.get(f"/v1/notes/{note.pk}")
    assert [(touch.visitor, touch.account_id) for touch in stored()] == [(visitor, None)]


def test_opened_again_within_a_minute_it_is_one_touch(note: Any, lily: Person) -> None:
    for _ in range(3):
        lily.client.get(f"/v1/notes/{note.pk}")
    assert len(stored()) == 1


def test_neither_the_author_nor_a_look_at_the_headers_nor_a_note_without_goods_leaves_one(
    note: Any, sku: Sku, lily: Person
) -> None:
    own = NoteFactory.create(author=lily.account, status="published", published_at=AT)
    NoteProduct.objects.create(note=own, product=sku.product, origin="others")
    bare = NoteFactory.create(status="published", published_at=AT)
    lily.client.get(f"/v1/notes/{own.pk}")
    lily.client.get(f"/v1/notes/{bare.pk}")
    lily.client.head(f"/v1/notes/{note.pk}")
    assert stored() == []


def test_a_reader_does_not_wait_for_a_redis_that_is_away(
    note: Any, lily: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise redis.RedisError

    monkeypatch.setattr(touches, "_opened", away)
    assert lily.client.get(f"/v1/notes/{note.pk}").status_code == 200
    assert stored() == []


def test_the_note_that_was_opened_last_wins_over_an_earlier_click(note: Any, sku: Sku) -> None:
    buyer = AccountFactory.create()
    link = PromotionLinkFactory.create(target_id=sku.product_id)
    touches.record(code=link.code, visitor="", account=buyer, at=AT - 2 * MINUTE)
    touches.content_opened("note", note.pk, "", buyer.pk, AT - MINUTE)
    line = sales.sale(at=AT, sku=sku, buyer=buyer)
    accruals.reconcile_orders([line.order_id], at=AT)
    found = Attribution.objects.get(order_line=line)
    assert (found.rule, found.source_kind, found.creator_id) == (
        "last_touch",
        "note",
        note.author_id,
    )
    assert [(lost["id"], lost["reason"]) for lost in found.losers] == [(link.pk, "earlier_touch")]


def test_a_thousand_opened_notes_crowd_out_no_click_and_cost_no_statement_more(sku: Sku) -> None:
    """Attribution of an order with 1,000 touches: a constant number of statements (design §3)."""
    buyer = AccountFactory.create()
    link = PromotionLinkFactory.create(target_id=sku.product_id)
    other = NoteFactory.create()
    Touch.objects.create(click_id=ids.code(22), kind="referral", link=link, visitor="",
                         account=buyer, at=AT - timedelta(days=20))  # fmt: skip
    few = sales.sale(at=AT, sku=sku, buyer=buyer)
    with CaptureQueriesContext(connection) as one:
        accruals.reconcile_orders([few.order_id], at=AT)
    Touch.objects.bulk_create(
        Touch(click_id=ids.code(22), kind="note", content_id=other.pk, visitor="",
              account=buyer, at=AT - number * MINUTE)
        for number in range(1_000)
    )  # fmt: skip
    line = sales.sale(at=AT, sku=sku, buyer=buyer)
    with CaptureQueriesContext(connection) as thousand:
        accruals.reconcile_orders([line.order_id], at=AT)
    found = Attribution.objects.get(order_line=line)
    assert (found.rule, found.promoter_id, found.losers) == ("last_touch", link.promoter_id, [])
    assert len(thousand) <= len(one)
