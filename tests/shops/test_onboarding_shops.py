"""An open shop: who sees it, what its owner changes, how it is suspended. A3, B6, B9."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from backend.accounts.models import Account
from backend.core.clock import now
from backend.core.errors import WrongState
from backend.core.models import AuditEntry
from seeds.factories import ShopFactory
from shops import onboarding
from shops.models import Shop
from tests.cast import Person


@pytest.fixture
def shop(selena: Person) -> Shop:
    return ShopFactory.create(account=selena.account, name="慢慢小铺")


def test_anyone_sees_an_open_shop_without_its_inner_numbers(
    shop: Shop, anyone: APIClient, selena: Person
) -> None:
    public = anyone.get(f"/v1/shops/{shop.pk}").json()
    assert (public["name"], public["owner"], public["kind"]) == (
        "慢慢小铺",
        "selena",
        "third_party",
    )
    assert not {"fee_bps", "licence_number", "suspended_reason", "follower_count"} & set(public)
    own = selena.client.get(f"/v1/shops/{shop.pk}").json()
    assert own["fee_bps"] == 500
    (listed,) = anyone.get("/v1/shops").json()["results"]
    assert listed == public


def test_followers_change_no_answer_about_shops(shop: Shop, anyone: APIClient) -> None:
    """A3: metamorphic; another shop of a famous owner stands in the same place."""
    ShopFactory.create()
    before = [anyone.get("/v1/shops").content, anyone.get(f"/v1/shops/{shop.pk}").content]
    Account.objects.filter(pk=shop.account_id).update(follower_count=1_000_000)
    after = [anyone.get("/v1/shops").content, anyone.get(f"/v1/shops/{shop.pk}").content]
    assert before == after


def test_a_suspended_shop_is_gone_for_everybody_but_its_owner(
    shop: Shop, anyone: APIClient, mallory: Person, selena: Person, staff: Person
) -> None:
    """B6."""
    onboarding.suspend(shop_id=shop.pk, by=staff.account, reason="售假", at=now())
    assert anyone.get(f"/v1/shops/{shop.pk}").status_code == 404
    assert mallory.client.get(f"/v1/shops/{shop.pk}").status_code == 404
    assert anyone.get("/v1/shops").json()["results"] == []
    own = selena.client.get(f"/v1/shops/{shop.pk}").json()
    assert (own["status"], own["suspended_reason"]) == ("suspended", "售假")
    onboarding.reopen(shop_id=shop.pk, by=staff.account, at=now())
    assert anyone.get(f"/v1/shops/{shop.pk}").status_code == 200
    assert list(AuditEntry.objects.order_by("id").values_list("action", "reason")) == [
        ("shop.suspend", "售假"),
        ("shop.reopen", ""),
    ]


def test_suspending_needs_an_open_shop_and_a_reason(shop: Shop, staff: Person) -> None:
    with pytest.raises(onboarding.ReasonRequired):
        onboarding.suspend(shop_id=shop.pk, by=staff.account, reason="", at=now())
    with pytest.raises(WrongState):
        onboarding.reopen(shop_id=shop.pk, by=staff.account, at=now())
    onboarding.suspend(shop_id=shop.pk, by=staff.account, reason="售假", at=now())
    with pytest.raises(WrongState):
        onboarding.suspend(shop_id=shop.pk, by=staff.account, reason="again", at=now())
    assert AuditEntry.objects.count() == 1


def test_the_owner_changes_the_introduction_and_nothing_else(
    shop: Shop, selena: Person, mallory: Person, anyone: APIClient
) -> None:
    path = f"/v1/shops/{shop.pk}"
    answer = selena.client.patch(path, {"intro": "新的一季"}, format="json")
    assert (answer.status_code, answer.json()["intro"]) == (200, "新的一季")
    for field in ("name", "fee_bps", "status", "kind"):
        answer = selena.client.patch(path, {"intro": "x", field: "closed"}, format="json")
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])
    assert mallory.client.patch(path, {"intro": "x"}, format="json").status_code == 404
    assert anyone.patch(path, {"intro": "x"}, format="json").status_code == 401
    shop.refresh_from_db()
    assert (shop.intro, shop.fee_bps, shop.status) == ("新的一季", 500, "open")


def test_shops_are_listed_in_pages_by_kind_and_owner(
    shop: Shop, anyone: APIClient, django_assert_num_queries: Any
) -> None:
    """B9."""
    own = ShopFactory.create(kind=Shop.Kind.SELF_OPERATED)
    ShopFactory.create_batch(3)
    with django_assert_num_queries(1):
        first = anyone.get("/v1/shops?page_size=3").json()
    second = anyone.get(f"/v1/shops?page_size=3&cursor={first['next']}").json()
    ids = [row["id"] for row in first["results"] + second["results"]]
    assert (ids, second["next"]) == (sorted(ids, reverse=True), None)
    assert len(set(ids)) == 5
    (found,) = anyone.get("/v1/shops?kind=self_operated").json()["results"]
    assert found["id"] == own.pk
    (found,) = anyone.get("/v1/shops?owner=Selena").json()["results"]
    assert found["id"] == shop.pk
    answer = anyone.get("/v1/shops?sort=followers")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_query")


@pytest.mark.parametrize("path", ["/v1/shops/9223372036854775808", "/v1/shops/0"])
def test_no_number_breaks_the_address(anyone: APIClient, db: None, path: str) -> None:
    assert anyone.get(path).status_code == 404
