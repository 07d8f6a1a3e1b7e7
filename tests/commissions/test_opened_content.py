"""What is opened leaves a touch (K3): a note with goods that a reader opens through the API goes
into the touch stream, without a statement more, and wins by last touch."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from backend.accounts import tokens
from backend.core import ids, redis
from backend.core.clock import now
from backend.rest.visitors import VISITOR_COOKIE
from commissions import accruals, touches
from commissions.models import Attribution, Touch
from notes.models import LiveProduct, NoteProduct
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


@pytest.fixture
def host(sku: Sku) -> Person:
    """A shop's owner, who shows their own goods."""
    account = sku.product.shop.account
    token, _ = tokens.issue(account=account, at=now())
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return Person(account, client, token)


def test_a_live_room_is_announced_filled_started_and_entered_by_rest(
    host: Person, sku: Sku, lily: Person
) -> None:
    """The host's door and the viewer's; what the viewer buys then is the host's (G1, K3)."""
    said = {"title": "周日直播", "starts_at": "2999-01-01T00:00:00Z"}
    made = host.client.post("/v1/live-sessions", said, format="json")
    assert (made.status_code, made.data["status"]) == (201, "scheduled")
    room = f"/v1/live-sessions/{made.data['id']}"
    shown = host.client.post(f"{room}/products", {"product": sku.product_id}, format="json")
    assert [card["product"] for card in shown.data["cards"]] == [sku.product_id]
    lily.client.get(room)
    assert stored() == [], "announced: nobody sold anything in it"
    assert host.client.post(f"{room}/start", {}, format="json").data["status"] == "live"
    listed = lily.client.get("/v1/live-sessions").data["results"]
    assert [(one["id"], one["host"]["handle"]) for one in listed] == [
        (made.data["id"], host.account.handle)
    ]
    host.client.get(room)
    lily.client.head(room)
    assert stored() == [], "neither the host nor a look at the headers"
    with CaptureQueriesContext(connection) as seen:
        assert lily.client.get(room).data["cards"][0]["available"] is True
    assert not [query for query in seen if "commissions_touch" in query["sql"]]
    (touch,) = stored()
    assert (touch.kind, touch.content_id) == ("live", made.data["id"])
    assert touch.account_id == lily.account.pk
    assert host.client.post(f"{room}/end", {}, format="json").data["status"] == "ended"
    lily.client.get(room)
    assert len(stored()) == 1
    line = sales.sale(at=touch.at + MINUTE, sku=SkuFactory.create(), buyer=lily.account)
    other = _showing(made.data["id"], line)
    accruals.reconcile_orders([line.order_id], at=touch.at + MINUTE)
    found = Attribution.objects.get(order_line=line)
    assert (found.rule, found.source_kind, found.source_id, found.creator_id) == (
        "last_touch", "live", other.session_id, host.account.pk,
    )  # fmt: skip


def _showing(session_id: int, line: Any) -> LiveProduct:
    """The room shows another shop's product as well."""
    return LiveProduct.objects.create(
        session_id=session_id, product=line.product, position=1, origin="others"
    )


def test_a_called_off_room_and_a_strangers_are_nobodys(host: Person, lily: Person) -> None:
    said = {"title": "周日直播", "starts_at": "2999-01-01T00:00:00Z"}
    made = host.client.post("/v1/live-sessions", said, format="json").data
    room = f"/v1/live-sessions/{made['id']}"
    for act in ("start", "end", "cancel"):
        assert lily.client.post(f"{room}/{act}", {}, format="json").status_code == 404
    assert host.client.post(f"{room}/end", {}, format="json").status_code == 409
    assert host.client.post(f"{room}/cancel", {}, format="json").status_code == 204
    assert lily.client.get(room).status_code == 404
    assert lily.client.get("/v1/live-sessions?status=scheduled").data["results"] == []


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
