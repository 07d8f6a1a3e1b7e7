"""Staff pages of shops and goods, through HTTP: every page opens at constant cost, every decision
works, none is made by a link. B4, B6, C1."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from backend.core.clock import now
from backend.core.models import AuditEntry
from backend.core.texts import skeleton
from seeds.factories import (
    AccountFactory,
    CategoryFactory,
    ProductFactory,
    ShopFactory,
    SkuFactory,
)
from shops import inventory, onboarding
from shops.models import Category, Product, Shop, ShopApplication, Sku
from tests.cast import Person
from tests.desk import signed_in


@pytest.fixture
def desk(staff: Person) -> Client:
    return signed_in(staff.account)


def application(name: str = "慢慢小铺") -> ShopApplication:
    account, at = AccountFactory.create(), now()
    made = onboarding.apply(account=account, shop_name=name, owner_type="individual", at=at)
    onboarding.add_document(
        account=account, application_id=made.pk, kind="id_card", number="1", at=at
    )
    return onboarding.submit(account=account, application_id=made.pk, at=at)


def product(name: str) -> Product:
    shop = ShopFactory.create(name=name, name_skeleton=skeleton(name))
    made = ProductFactory.create(shop=shop, title=name)
    sku = SkuFactory.create(product=made)
    inventory.adjust(account=shop.account, sku_id=sku.pk, delta=5, reason="到货", at=now())
    return made


def make(model: str, name: str) -> Any:
    """A row of the model, with neighbours of its own."""
    if model == "shopapplication":
        return application(name)
    made = product(name)
    sku = made.skus.get()
    if model == "category":
        code = f"below-{Category.objects.count()}"
        return CategoryFactory.create(code=code, name=name, parent=made.category)
    return {
        "shop": made.shop,
        "product": made,
        "sku": sku,
        "stockmovement": sku.movements.get(),
    }[model]


def url(model: str, *parts: object) -> str:
    return "/".join(["/admin/shops", model, *map(str, parts), ""])


MODELS = ["shopapplication", "shop", "product", "category", "sku", "stockmovement"]


@pytest.mark.parametrize("model", MODELS)
def test_every_list_and_page_opens_at_constant_cost(
    desk: Client, model: str, django_assert_max_num_queries: Any
) -> None:
    first = make(model, "第一家")
    paths = [url(model), url(model, first.pk, "change")]
    costs = {}
    for path in paths:
        with django_assert_max_num_queries(40) as seen:
            answer = desk.get(path)
        assert answer.status_code == 200, path
        costs[path] = len(seen)
    for number in range(6):
        make(model, f"另一家{number}")
    for path in paths:
        with django_assert_max_num_queries(costs[path]):
            assert desk.get(path).status_code == 200
    assert desk.get(f"{url(model)}?q=x").status_code == 200


def test_an_application_is_approved_on_its_page(desk: Client, staff: Person) -> None:
    made = application()
    path = url("shopapplication", made.pk, "approve_one")
    page = desk.get(url("shopapplication", made.pk, "change")).content.decode()
    assert path in page
    assert desk.get(path).status_code == 200
    assert not Shop.objects.exists()  # looking decides nothing
    answer = desk.post(path, {"confirmed": "yes"}, follow=True)
    assert answer.status_code == 200
    assert "the shop is open" in answer.content.decode()
    assert Shop.objects.get().name == "慢慢小铺"
    made.refresh_from_db()
    assert (made.status, made.decided_by) == ("approved", staff.account)
    page = desk.get(url("shopapplication", made.pk, "change")).content.decode()
    assert path not in page  # what is decided is no longer offered
    answer = desk.post(path, {"confirmed": "yes"}, follow=True)
    assert "cannot become approved" in answer.content.decode()
    assert AuditEntry.objects.count() == 1


def test_a_rejection_asks_for_its_reason(desk: Client) -> None:
    made = application()
    path = url("shopapplication", made.pk, "reject_one")
    assert 'name="reason"' in desk.get(path).content.decode()
    for reason in ("", "  "):
        answer = desk.post(path, {"confirmed": "yes", "reason": reason})
        assert (answer.status_code, "required" in answer.content.decode()) == (200, True)
    made.refresh_from_db()
    assert made.status == "submitted"
    answer = desk.post(path, {"confirmed": "yes", "reason": "证件不清"})
    assert (answer.status_code, answer["Location"]) == (
        302,
        url("shopapplication", made.pk, "change"),
    )
    made.refresh_from_db()
    assert (made.status, made.reject_reason) == ("rejected", "证件不清")


def test_applications_are_decided_in_the_list_each_by_itself(desk: Client) -> None:
    first, twin, other = application(), application(), application("另一家")
    chosen = {"action": "approve_selected", "_selected_action": [first.pk, twin.pk]}
    asked = desk.post(url("shopapplication"), chosen).content.decode()
    assert f'name="_selected_action" value="{twin.pk}"' in asked
    assert not Shop.objects.exists()
    answer = desk.post(url("shopapplication"), {**chosen, "confirmed": "yes"}, follow=True)
    said = answer.content.decode()
    assert "the shop is open" in said
    assert "Another shop has this name" in said
    assert Shop.objects.count() == 1
    chosen = {
        "action": "reject_selected",
        "_selected_action": [twin.pk, other.pk],
        "confirmed": "yes",
    }
    assert "required" in desk.post(url("shopapplication"), chosen).content.decode()
    desk.post(url("shopapplication"), {**chosen, "reason": "重名"})
    found = ShopApplication.objects.order_by("id").values_list("status", "reject_reason")
    assert list(found) == [("approved", ""), ("rejected", "重名"), ("rejected", "重名")]


def test_a_shop_is_suspended_with_a_reason_and_reopened(desk: Client) -> None:
    shop = ShopFactory.create()
    path = url("shop", shop.pk, "suspend_one")
    desk.post(path, {"confirmed": "yes"})
    shop.refresh_from_db()
    assert shop.status == "open"
    desk.post(path, {"confirmed": "yes", "reason": "售假"})
    shop.refresh_from_db()
    assert (shop.status, shop.suspended_reason) == ("suspended", "售假")
    desk.post(url("shop", shop.pk, "reopen_one"), {"confirmed": "yes"})
    shop.refresh_from_db()
    assert (shop.status, shop.suspended_reason) == ("open", "")
    chosen = {"action": "suspend_selected", "_selected_action": [shop.pk], "confirmed": "yes"}
    desk.post(url("shop"), {**chosen, "reason": "再犯"})
    shop.refresh_from_db()
    assert shop.status == "suspended"
    assert AuditEntry.objects.count() == 3


def test_a_product_is_banned_with_a_reason_and_let_go(desk: Client) -> None:
    made = ProductFactory.create()
    desk.post(url("product", made.pk, "ban_one"), {"confirmed": "yes", "reason": "假货"})
    made.refresh_from_db()
    assert (made.status, made.ban_reason) == ("banned", "假货")
    desk.post(url("product", made.pk, "unban_one"), {"confirmed": "yes"})
    made.refresh_from_db()
    assert made.status == "off_shelf"
    chosen = {"action": "ban_selected", "_selected_action": [made.pk], "confirmed": "yes"}
    desk.post(url("product"), {**chosen, "reason": "再犯"})
    made.refresh_from_db()
    assert made.status == "banned"


def test_a_category_is_added_changed_and_never_moved(desk: Client) -> None:
    """C1."""
    root = CategoryFactory.create()
    fields = {"parent": root.pk, "code": "trousers", "name": "裤装", "position": 1}
    answer = desk.post(url("category", "add"), {**fields, "is_active": "on"})
    assert answer.status_code == 302
    made = Category.objects.get(code="trousers")
    assert made.parent == root
    moved = {**fields, "parent": "", "code": "x", "name": "裤子", "position": 2}
    assert desk.post(url("category", made.pk, "change"), moved).status_code == 302
    made.refresh_from_db()
    assert (made.parent, made.code, made.name, made.is_active) == (root, "trousers", "裤子", False)
    third = Category.objects.create(parent=made, code="third", name="三级")
    deep = {**fields, "parent": third.pk, "code": "fourth"}
    assert desk.post(url("category", "add"), deep).status_code == 200  # the form says why
    assert desk.post(url("category", made.pk, "delete"), {"post": "yes"}).status_code == 403
    assert Category.objects.count() == 3
    assert AuditEntry.objects.filter(action__startswith="category.").count() == 2


@pytest.mark.parametrize("model", ["shopapplication", "shop", "product", "sku", "stockmovement"])
def test_no_field_of_a_row_is_edited_added_or_deleted(desk: Client, model: str) -> None:
    row = make(model, "第一家")
    for path in (url(model, "add"), url(model, row.pk, "delete")):
        assert desk.get(path).status_code == 403
        assert desk.post(path, {"post": "yes"}).status_code == 403
    answer = desk.post(url(model, row.pk, "change"), {"status": "open", "on_hand": 9})
    assert answer.status_code == 403
    assert type(row).objects.filter(pk=row.pk).exists()


def test_who_may_only_look_decides_nothing(lily: Person) -> None:
    made = application()
    account = lily.account
    account.is_staff = True
    account.save()
    account.user_permissions.add(
        Permission.objects.get(codename="view_shopapplication"),
        Permission.objects.get(codename="view_product"),
    )
    client = signed_in(account)
    page = client.get(url("shopapplication", made.pk, "change"))
    assert (page.status_code, "approve_one" in page.content.decode()) == (200, False)
    path = url("shopapplication", made.pk, "approve_one")
    assert client.post(path, {"confirmed": "yes"}).status_code == 403
    chosen = {"action": "approve_selected", "_selected_action": [made.pk], "confirmed": "yes"}
    client.post(url("shopapplication"), chosen)
    assert not Shop.objects.exists()


def test_who_is_not_staff_is_sent_to_the_sign_in_page(lily: Person) -> None:
    made = application()
    client = signed_in(lily.account)
    path = url("shopapplication", made.pk, "approve_one")
    answer = client.post(path, {"confirmed": "yes"})
    assert (answer.status_code, "login" in answer["Location"]) == (302, True)
    assert not Shop.objects.exists()


def test_a_decision_without_its_token_is_refused(staff: Person) -> None:
    made = application()
    client = signed_in(staff.account, checks=True)
    path = url("shopapplication", made.pk, "approve_one")
    assert client.post(path, {"confirmed": "yes"}).status_code == 403
    assert not Shop.objects.exists()


@pytest.mark.parametrize("pk", ["0", "x", "99999999999999999999"])
def test_a_row_that_is_not_there_leads_back_with_a_message(desk: Client, pk: str) -> None:
    answer = desk.post(url("product", pk, "ban_one"), {"confirmed": "yes", "reason": "x"})
    assert answer.status_code == 302
    assert Sku.objects.count() == 0
