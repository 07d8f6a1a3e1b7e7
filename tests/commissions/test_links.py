"""Links, their pictures and the redirect: I4, K17."""

from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisAway
from rest_framework.test import APIClient

from backend.core import redis
from commissions import links, promoters, touches
from commissions.models import PromotionLink, Touch
from commissions.rest.short_links import VISITOR_COOKIE
from seeds.factories import AccountFactory, NoteFactory, ProductFactory, ShopFactory
from shops.ports import Click, click_of
from tests.cast import Person

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def link(linda: Person) -> PromotionLink:
    promoters.join(account=linda.account, at=AT)
    product = ProductFactory.create()
    made, _ = links.create(
        account=linda.account, target_kind="product", target_id=product.pk, at=AT
    )
    return made


def post(person: Person, kind: str, target: int, **more: object) -> tuple[int, dict]:
    body = {"target": {"kind": kind, "id": target}, **more}
    answer = person.client.post("/v1/promotion-links", body, format="json")
    return answer.status_code, answer.json()


def test_a_promoter_without_followers_links_to_everything(linda: Person) -> None:
    promoters.join(account=linda.account, at=AT)
    targets = {
        "product": ProductFactory.create(),
        "shop": ShopFactory.create(),
        "note": NoteFactory.create(),
    }
    for kind, target in targets.items():
        status, body = post(linda, kind, target.pk)
        assert (status, body["target"]) == (201, {"kind": kind, "id": target.pk})
        assert body["url"].endswith(f"/l/{body['code']}")
        assert len(body["code"]) == 8
    assert len(linda.client.get("/v1/promotion-links").json()["results"]) == 3


def test_asking_twice_gives_the_same_link_and_a_channel_another(
    linda: Person, link: PromotionLink
) -> None:
    status, again = post(linda, "product", link.target_id)
    assert (status, again["code"]) == (200, link.code)
    status, other = post(linda, "product", link.target_id, channel="wechat")
    assert (status, other["channel"]) == (201, "wechat")
    assert PromotionLink.objects.count() == 2


def test_who_has_not_joined_or_is_frozen_makes_no_link(linda: Person, staff: Person) -> None:
    product = ProductFactory.create()
    status, body = post(linda, "product", product.pk)
    assert (status, body["code"]) == (403, "not_promoter")
    promoter = promoters.join(account=linda.account, at=AT)
    promoters.freeze(promoter_id=promoter.pk, by=staff.account, reason="x", at=AT)
    status, body = post(linda, "product", product.pk)
    assert (status, body["code"]) == (403, "promoter_frozen")
    assert not PromotionLink.objects.exists()


def test_what_cannot_be_seen_cannot_be_promoted(linda: Person) -> None:
    promoters.join(account=linda.account, at=AT)
    hidden = ProductFactory.create(status="banned")
    closed = ProductFactory.create(shop=ShopFactory.create(status="suspended"))
    gone = NoteFactory.create(author=AccountFactory.create(is_active=False))
    targets = [("product", hidden.pk), ("product", closed.pk), ("note", gone.pk)]
    for kind, target in (*targets, ("note", 999_999), ("live", 2**62)):
        status, body = post(linda, kind, target)
        assert (status, body["code"]) == (422, "target_unknown")
    assert post(linda, "planet", 1)[0] == 422
    assert not PromotionLink.objects.exists()


def test_the_picture_is_a_qr_png_for_its_owner_alone(
    linda: Person, mallory: Person, link: PromotionLink
) -> None:
    path = f"/v1/promotion-links/{link.code}/qr.png"
    answer = linda.client.get(path, headers={"Accept": "image/png"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert answer.content.startswith(b"\x89PNG\r\n")
    assert mallory.client.get(path).status_code == 404
    assert mallory.client.delete(f"/v1/promotion-links/{link.code}").status_code == 404


def test_the_redirect_leads_to_the_target_and_the_click_is_known_at_once(
    anyone: APIClient, link: PromotionLink, settings: object
) -> None:
    """K17: 302; nothing was written yet, and still the checkout can read the click."""
    answer = anyone.get(f"/l/{link.code}", headers={"Accept": "text/html"})
    target = f"{settings.PUBLIC_URL}/products/{link.target_id}?click="  # type: ignore[attr-defined]
    assert answer.status_code == 302
    assert answer["Location"].startswith(target)
    click_id = answer["Location"].removeprefix(target)
    assert not Touch.objects.exists()
    assert click_of(click_id) == Click(link.code)
    assert touches.store_touches() == 1
    touch = Touch.objects.get()
    assert (touch.click_id, touch.link_id, touch.account_id) == (click_id, link.pk, None)
    assert touch.visitor == answer.cookies[VISITOR_COOKIE].value
    cache.clear()
    assert click_of(click_id) == Click(link.code)


def test_the_visitor_keeps_the_cookie_and_the_signed_in_account_is_recorded(
    lily: Person, link: PromotionLink
) -> None:
    first = lily.client.get(f"/l/{link.code}").cookies[VISITOR_COOKIE].value
    second = lily.client.get(f"/l/{link.code}").cookies[VISITOR_COOKIE].value
    assert first == second
    assert touches.store_touches() == 2
    assert set(Touch.objects.values_list("visitor", "account_id")) == {(first, lily.account.pk)}


def test_a_forged_cookie_is_replaced(anyone: APIClient, link: PromotionLink) -> None:
    anyone.cookies[VISITOR_COOKIE] = "'; DROP TABLE"
    given = anyone.get(f"/l/{link.code}").cookies[VISITOR_COOKIE].value
    assert len(given) == 22
    assert given.isalnum()


def test_looks_ahead_do_not_count(anyone: APIClient, link: PromotionLink) -> None:
    looks = [
        anyone.head(f"/l/{link.code}"),
        anyone.get(f"/l/{link.code}", headers={"Sec-Purpose": "prefetch;prerender"}),
        anyone.get(f"/l/{link.code}", headers={"Purpose": "prefetch"}),
        anyone.get(f"/l/{link.code}", headers={"X-Moz": "prefetch"}),
    ]
    for answer in looks:
        assert answer.status_code == 302
        assert "click=" not in answer["Location"]
        assert VISITOR_COOKIE not in answer.cookies
    assert touches.store_touches() == 0


def test_an_unknown_code_is_404_and_a_disabled_one_410(
    anyone: APIClient, linda: Person, link: PromotionLink
) -> None:
    for code in ("nobody11", "x", "a" * 40, "%00", "../admin"):
        assert anyone.get(f"/l/{code}").status_code == 404
    assert anyone.get(f"/l/{link.code}").status_code == 302
    assert linda.client.delete(f"/v1/promotion-links/{link.code}").status_code == 204
    answer = anyone.get(f"/l/{link.code}")
    assert (answer.status_code, answer.json()["code"]) == (410, "link_disabled")
    assert touches.store_touches() == 1


def test_a_known_link_costs_no_query(
    anyone: APIClient, link: PromotionLink, django_assert_num_queries: object
) -> None:
    anyone.get(f"/l/{link.code}")
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert anyone.get(f"/l/{link.code}").status_code == 302


def test_without_redis_the_touch_is_written_at_once(
    anyone: APIClient, link: PromotionLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 3: the stream is a convenience, the row is the fact."""
    monkeypatch.setattr(redis, "_asked_again_at", 0.0)
    with patch.object(redis, "client", side_effect=RedisAway):
        answer = anyone.get(f"/l/{link.code}")
        assert answer.status_code == 302
        click_id = answer["Location"].split("click=")[1]
        assert touches.read_click(click_id) == Click(link.code)
        assert touches.store_touches() == 0
    assert Touch.objects.get().click_id == click_id
