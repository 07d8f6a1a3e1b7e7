"""Applying for a shop through REST: B1, B3, B4, B5, A2, A3."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from backend.accounts.models import Account
from backend.core.clock import business_day, now
from backend.core.errors import WrongState
from backend.core.models import AuditEntry
from seeds.factories import ShopFactory
from shops import onboarding
from shops.models import Shop, ShopApplication
from tests.cast import Person

LICENCE = "91110000600037341L"
URL = "/v1/shops/applications"
FIELDS = {"shop_name": "Selena 的衣橱", "owner_type": "individual", "intro": "慢慢挑\n好好穿"}


def apply(person: Person, **fields: Any) -> dict[str, Any]:
    answer = person.client.post(URL, {**FIELDS, **fields}, format="json")
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def submitted(person: Person, **fields: Any) -> int:
    application = apply(person, **fields)["id"]
    answer = person.client.post(f"{URL}/{application}/submit")
    assert answer.status_code == 200, answer.content
    return int(application)


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.content
    return dict(answer.json())


def test_an_account_with_0_followers_opens_a_shop(selena: Person, staff: Person) -> None:
    """B1: the whole way, with nobody following."""
    assert selena.account.follower_count == 0
    application = submitted(selena)
    at = now()
    shop = onboarding.approve(application_id=application, by=staff.account, at=at)
    assert (shop.status, shop.fee_bps, shop.opened_at) == ("open", 500, at)
    answer = selena.client.get(f"{URL}/{application}").json()
    assert (answer["status"], answer["shop_id"]) == ("approved", shop.pk)
    assert "shop" in selena.client.get("/v1/me").json()["capabilities"]


@pytest.mark.parametrize(
    ("owner_type", "licence"),
    [("individual", ""), ("individual_business", LICENCE), ("enterprise", LICENCE)],
)
def test_every_owner_type_reaches_an_open_shop(
    selena: Person, staff: Person, owner_type: str, licence: str
) -> None:
    """B3."""
    application = submitted(selena, owner_type=owner_type, licence_number=licence)
    shop = onboarding.approve(application_id=application, by=staff.account, at=now())
    assert (shop.owner_type, shop.licence_number, shop.status) == (owner_type, licence, "open")


def test_followers_change_no_answer_of_an_application(selena: Person, lily: Person) -> None:
    """A3: metamorphic, 0 against a million followers."""
    Account.objects.filter(pk=lily.account.pk).update(follower_count=1_000_000)
    quiet, famous = (
        apply(selena, shop_name="甲铺", owner_type="enterprise", licence_number=LICENCE),
        apply(lily, shop_name="乙铺", owner_type="enterprise", licence_number=LICENCE),
    )
    same = {"id", "shop_name", "created_at"}
    assert {k: v for k, v in quiet.items() if k not in same} == {
        k: v for k, v in famous.items() if k not in same
    }
    assert "follower" not in str(quiet)
    assert not [f.name for f in ShopApplication._meta.fields if "follower" in f.name]


def test_a_rejected_application_shows_its_reason_and_is_submitted_again(
    selena: Person, staff: Person
) -> None:
    """B4."""
    application = submitted(selena)
    onboarding.reject(application_id=application, by=staff.account, reason="名称太泛", at=now())
    answer = selena.client.get(f"{URL}/{application}").json()
    assert (answer["status"], answer["reject_reason"]) == ("rejected", "名称太泛")
    answer = selena.client.patch(f"{URL}/{application}", {"shop_name": "小满衣橱"}, format="json")
    assert (answer.status_code, answer.json()["shop_name"]) == (200, "小满衣橱")
    answer = selena.client.post(f"{URL}/{application}/submit").json()
    assert (answer["status"], answer["reject_reason"]) == ("submitted", "")
    shop = onboarding.approve(application_id=application, by=staff.account, at=now())
    assert shop.name == "小满衣橱"
    assert list(AuditEntry.objects.order_by("id").values_list("action", "reason")) == [
        ("shop_application.reject", "名称太泛"),
        ("shop_application.approve", ""),
    ]


def test_the_fee_is_the_one_of_the_day_of_approval(selena: Person, staff: Person) -> None:
    application = submitted(selena)
    with override_settings(PLATFORM_FEE_BPS=321):
        shop = onboarding.approve(application_id=application, by=staff.account, at=now())
    shop.refresh_from_db()
    assert shop.fee_bps == 321


@pytest.mark.parametrize("owner_type", ["individual_business", "enterprise"])
def test_a_business_without_a_licence_number_is_refused(selena: Person, owner_type: str) -> None:
    """B5."""
    answer = selena.client.post(URL, {**FIELDS, "owner_type": owner_type}, format="json")
    body = refused(answer, 422, "licence_required")
    assert list(body["errors"]) == ["licence_number"]
    assert not ShopApplication.objects.exists()


def test_an_individual_cannot_turn_business_without_a_licence(selena: Person) -> None:
    application = apply(selena)["id"]
    answer = selena.client.patch(
        f"{URL}/{application}", {"owner_type": "enterprise"}, format="json"
    )
    refused(answer, 422, "licence_required")
    assert ShopApplication.objects.get().owner_type == "individual"


@pytest.mark.parametrize(
    "number",
    ["91110000600037341M", "123", "９１１１００００６０００３７３４１Ｌ１", "²" * 18, "无照"],
)
def test_a_number_that_is_no_credit_code_is_refused(selena: Person, number: str) -> None:
    answer = selena.client.post(URL, {**FIELDS, "licence_number": number}, format="json")
    refused(answer, 422, "licence_invalid")
    assert not ShopApplication.objects.exists()


def test_one_application_is_open_at_a_time(selena: Person, staff: Person) -> None:
    application = apply(selena)["id"]
    answer = selena.client.post(URL, {**FIELDS, "shop_name": "另一家"}, format="json")
    refused(answer, 409, "application_open")
    selena.client.post(f"{URL}/{application}/submit")
    onboarding.approve(application_id=application, by=staff.account, at=now())
    answer = selena.client.post(URL, {**FIELDS, "shop_name": "另一家"}, format="json")
    refused(answer, 409, "shop_exists")
    assert ShopApplication.objects.count() == 1


@pytest.mark.parametrize("name", ["慢慢 小铺", "慢慢小铺", "慢慢\u3000小铺"])
def test_a_name_that_looks_taken_is_taken(selena: Person, name: str) -> None:
    ShopFactory.create(name="慢慢小铺", name_skeleton="慢慢小铺")
    answer = selena.client.post(URL, {**FIELDS, "shop_name": name}, format="json")
    assert list(refused(answer, 422, "shop_name_taken")["errors"]) == ["shop_name"]


def test_width_and_case_do_not_make_another_name(selena: Person) -> None:
    ShopFactory.create(name="Slow Shop", name_skeleton="slowshop")
    answer = selena.client.post(URL, {**FIELDS, "shop_name": "ＳＬＯＷ shop"}, format="json")
    refused(answer, 422, "shop_name_taken")


def test_the_name_of_a_closed_shop_is_free(selena: Person) -> None:
    ShopFactory.create(name="慢慢小铺", name_skeleton="慢慢小铺", status=Shop.Status.CLOSED)
    assert apply(selena, shop_name="慢慢小铺")["status"] == "draft"


@pytest.mark.parametrize("name", ["", " ", "\ufe0f", "\u200b", "a\u202eb", "甲\n乙", "ﷺ" * 20, 7])
def test_a_name_that_nobody_can_read_is_refused(selena: Person, name: Any) -> None:
    answer = selena.client.post(URL, {**FIELDS, "shop_name": name}, format="json")
    assert list(refused(answer, 422, "invalid")["errors"]) == ["shop_name"]


def test_of_two_applications_of_one_name_the_second_approval_is_refused(
    selena: Person, lily: Person, staff: Person
) -> None:
    first, second = submitted(selena), submitted(lily)
    onboarding.approve(application_id=first, by=staff.account, at=now())
    with pytest.raises(onboarding.ShopNameTaken):
        onboarding.approve(application_id=second, by=staff.account, at=now())
    assert ShopApplication.objects.get(pk=second).status == "submitted"
    assert Shop.objects.count() == 1
    assert AuditEntry.objects.count() == 1


def test_a_decision_is_made_once(selena: Person, staff: Person) -> None:
    application = submitted(selena)
    onboarding.approve(application_id=application, by=staff.account, at=now())
    with pytest.raises(WrongState):
        onboarding.approve(application_id=application, by=staff.account, at=now())
    with pytest.raises(WrongState):
        onboarding.reject(application_id=application, by=staff.account, reason="x", at=now())
    assert AuditEntry.objects.count() == 1


def test_a_rejection_without_a_reason_is_refused(selena: Person, staff: Person) -> None:
    application = submitted(selena)
    with pytest.raises(onboarding.ReasonRequired):
        onboarding.reject(application_id=application, by=staff.account, reason=" ", at=now())
    assert ShopApplication.objects.get().status == "submitted"


def test_a_submitted_application_is_not_changed(selena: Person) -> None:
    application = submitted(selena)
    path = f"{URL}/{application}"
    refused(selena.client.patch(path, {"intro": "x"}, format="json"), 409, "wrong_state")
    refused(selena.client.post(f"{path}/submit"), 409, "wrong_state")
    document = {"kind": "id_card", "number": "1"}
    answer = selena.client.post(f"{path}/documents", document, format="json")
    refused(answer, 409, "wrong_state")


@pytest.mark.parametrize("field", ["status", "fee_bps", "reject_reason", "kind", "follower_count"])
def test_what_the_platform_decides_is_not_accepted(selena: Person, field: str) -> None:
    answer = selena.client.post(URL, {**FIELDS, field: "approved"}, format="json")
    assert list(refused(answer, 422, "invalid")["errors"]) == [field]


def test_strangers_see_no_application(selena: Person, mallory: Person, anyone: APIClient) -> None:
    application = apply(selena)["id"]
    path = f"{URL}/{application}"
    refused(mallory.client.get(path), 404, "not_found")
    refused(mallory.client.patch(path, {"intro": "x"}, format="json"), 404, "not_found")
    refused(mallory.client.post(f"{path}/submit"), 404, "not_found")
    document = {"kind": "id_card", "number": "1"}
    refused(mallory.client.post(f"{path}/documents", document, format="json"), 404, "not_found")
    assert mallory.client.get(URL).json() == {"results": [], "next": None}
    assert anyone.get(URL).status_code == 401
    assert ShopApplication.objects.get().intro == FIELDS["intro"]


def test_documents_are_kept_with_the_application(selena: Person) -> None:
    """B5."""
    path = f"{URL}/{apply(selena)['id']}/documents"
    today = business_day(now())
    document = {"kind": "business_licence", "number": "沪A1", "valid_until": today.isoformat()}
    answer = selena.client.post(path, document, format="json")
    assert (answer.status_code, answer.json()["status"]) == (201, "pending")
    refused(selena.client.post(path, document, format="json"), 409, "document_exists")
    old = {**document, "number": "B", "valid_until": (today - timedelta(days=1)).isoformat()}
    refused(selena.client.post(path, old, format="json"), 422, "document_expired")
    (kept,) = selena.client.get(URL).json()["results"][0]["documents"]
    assert (kept["kind"], kept["number"]) == ("business_licence", "沪A1")


def test_an_application_holds_20_documents(selena: Person) -> None:
    path = f"{URL}/{apply(selena)['id']}/documents"
    for number in range(20):
        document = {"kind": "food_licence", "number": str(number)}
        assert selena.client.post(path, document, format="json").status_code == 201
    answer = selena.client.post(path, {"kind": "food_licence", "number": "20"}, format="json")
    refused(answer, 409, "too_many_documents")


def test_the_list_of_applications_costs_the_same_at_any_number(
    selena: Person, django_assert_num_queries: Any
) -> None:
    application = apply(selena)["id"]
    for number in range(5):
        document = {"kind": "food_licence", "number": str(number)}
        selena.client.post(f"{URL}/{application}/documents", document, format="json")
    with django_assert_num_queries(3):  # the token, the applications, their documents
        selena.client.get(URL)
