"""A shop writes its products through REST: C3, C7, C8, B6."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from backend.core.clock import now
from backend.core.errors import WrongState
from backend.core.models import AuditEntry
from seeds.factories import CategoryFactory, ProductFactory, ShopFactory, SkuFactory
from shops import catalog, onboarding
from shops.models import Product, Shop, Sku
from tests.cast import Person

BLUE = {"code": "BLUE-S", "options": {"颜色": "雾蓝", "尺码": "S"}, "price_fen": 12_900}
WHITE = {"code": "WHITE-S", "options": {"颜色": "米白", "尺码": "S"}, "price_fen": 13_900}


@pytest.fixture
def shop(selena: Person) -> Shop:
    CategoryFactory.create()
    return ShopFactory.create(account=selena.account)


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.content
    return dict(answer.json())


def create(person: Person, shop: Shop, **fields: Any) -> Any:
    body = {"category": "fashion", "title": "垂感显瘦阔腿裤", **fields}
    return person.client.post(f"/v1/shops/{shop.pk}/products", body, format="json")


def created(person: Person, shop: Shop, **fields: Any) -> dict[str, Any]:
    answer = create(person, shop, **fields)
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def test_a_product_is_created_with_two_skus_and_published(shop: Shop, selena: Person) -> None:
    """C3: price and stock live on the SKU."""
    product = created(selena, shop, skus=[BLUE, WHITE], attributes={"身型": "梨形"})
    assert (product["status"], product["published_at"]) == ("draft", None)
    assert [(sku["price_fen"], sku["on_hand"], sku["stock"]) for sku in product["skus"]] == [
        (12_900, 0, "sold_out"),
        (13_900, 0, "sold_out"),
    ]
    assert product["attributes"] == {"身型": "梨形"}
    assert not {"price_fen", "on_hand"} & set(product)
    answer = selena.client.post(f"/v1/products/{product['id']}/publish")
    assert (answer.status_code, answer.json()["status"]) == (200, "on_sale")
    refused(selena.client.post(f"/v1/products/{product['id']}/publish"), 409, "wrong_state")


def test_the_first_day_on_sale_is_kept(shop: Shop, selena: Person) -> None:
    product = ProductFactory.create(shop=shop, status="draft", published_at=None)
    SkuFactory.create(product=product)
    first, later = now(), now()
    catalog.publish(account=selena.account, product_id=product.pk, at=first)
    catalog.unpublish(account=selena.account, product_id=product.pk, at=later)
    catalog.publish(account=selena.account, product_id=product.pk, at=later)
    product.refresh_from_db()
    assert (product.status, product.published_at) == ("on_sale", first)


def test_a_product_without_an_active_sku_is_not_published(shop: Shop, selena: Person) -> None:
    product = created(selena, shop)["id"]
    refused(selena.client.post(f"/v1/products/{product}/publish"), 422, "sku_required")
    SkuFactory.create(product=Product.objects.get(pk=product), is_active=False)
    refused(selena.client.post(f"/v1/products/{product}/publish"), 422, "sku_required")
    assert Product.objects.get().status == "draft"


def test_the_last_active_sku_of_a_product_on_sale_stays(shop: Shop, selena: Person) -> None:
    product = ProductFactory.create(shop=shop)
    first, second = SkuFactory.create_batch(2, product=product)
    path = f"/v1/products/{product.pk}/skus"
    off = {"is_active": False}
    assert selena.client.patch(f"{path}/{first.pk}", off, format="json").status_code == 200
    refused(selena.client.patch(f"{path}/{second.pk}", off, format="json"), 422, "sku_required")
    assert Sku.objects.get(pk=second.pk).is_active


def test_a_shop_that_is_not_open_shows_nothing_new(
    shop: Shop, selena: Person, staff: Person
) -> None:
    product = ProductFactory.create(shop=shop, status="draft")
    SkuFactory.create(product=product)
    onboarding.suspend(shop_id=shop.pk, by=staff.account, reason="售假", at=now())
    refused(create(selena, shop), 403, "shop_not_open")
    refused(selena.client.post(f"/v1/products/{product.pk}/publish"), 403, "shop_not_open")
    assert list(Product.objects.values_list("status", flat=True)) == ["draft"]


def test_strangers_write_nothing(shop: Shop, mallory: Person, anyone: APIClient) -> None:
    product = ProductFactory.create(shop=shop)
    sku = SkuFactory.create(product=product)
    path = f"/v1/products/{product.pk}"
    for client, status in ((mallory.client, 404), (anyone, 401)):
        body = {"category": "fashion", "title": "x"}
        assert (
            client.post(f"/v1/shops/{shop.pk}/products", body, format="json").status_code == status
        )
        assert client.patch(path, {"title": "x"}, format="json").status_code == status
        assert client.post(f"{path}/publish").status_code == status
        assert client.post(f"{path}/unpublish").status_code == status
        assert client.post(f"{path}/skus", BLUE, format="json").status_code == status
        price = {"price_fen": 1}
        assert client.patch(f"{path}/skus/{sku.pk}", price, format="json").status_code == status
    product.refresh_from_db()
    assert (product.status, product.title, Sku.objects.get().price_fen) == (
        "on_sale",
        product.title,
        12_900,
    )


def test_a_sku_is_changed_below_its_own_product_alone(shop: Shop, selena: Person) -> None:
    product, other = ProductFactory.create_batch(2, shop=shop)
    sku = SkuFactory.create(product=other)
    path = f"/v1/products/{product.pk}/skus/{sku.pk}"
    refused(selena.client.patch(path, {"price_fen": 1}, format="json"), 404, "not_found")


@pytest.mark.parametrize(
    "field", ["status", "price_fen", "on_hand", "fee_bps", "sales_count", "shop", "ban_reason"]
)
def test_what_has_its_own_verb_is_no_field_of_a_product(
    shop: Shop, selena: Person, field: str
) -> None:
    product = ProductFactory.create(shop=shop)
    answer = selena.client.patch(f"/v1/products/{product.pk}", {field: 1}, format="json")
    assert list(refused(answer, 422, "invalid")["errors"]) == [field]


@pytest.mark.parametrize("field", ["on_hand", "committed", "available", "code", "options"])
def test_what_has_its_own_verb_is_no_field_of_a_sku(shop: Shop, selena: Person, field: str) -> None:
    sku = SkuFactory.create(product=ProductFactory.create(shop=shop))
    path = f"/v1/products/{sku.product_id}/skus/{sku.pk}"
    answer = selena.client.patch(path, {field: 7}, format="json")
    assert list(refused(answer, 422, "invalid")["errors"]) == [field]


def test_a_price_is_changed_on_its_sku(shop: Shop, selena: Person) -> None:
    sku = SkuFactory.create(product=ProductFactory.create(shop=shop))
    path = f"/v1/products/{sku.product_id}/skus/{sku.pk}"
    answer = selena.client.patch(
        path, {"price_fen": 9_900, "list_price_fen": 12_900}, format="json"
    )
    assert (answer.status_code, answer.json()["price_fen"]) == (200, 9_900)
    answer = selena.client.patch(path, {"price_fen": 13_000}, format="json")
    assert list(refused(answer, 422, "invalid")["errors"]) == ["list_price_fen"]
    for price in (0, -1, 10**8 + 1, 1.5, "1", True, None):
        refused(selena.client.patch(path, {"price_fen": price}, format="json"), 422, "invalid")
    sku.refresh_from_db()
    assert (sku.price_fen, sku.list_price_fen, sku.on_hand) == (9_900, 12_900, 100)


def test_a_sku_of_a_known_code_or_known_options_is_refused(shop: Shop, selena: Person) -> None:
    product = created(selena, shop, skus=[BLUE])["id"]
    path = f"/v1/products/{product}/skus"
    answer = selena.client.post(path, {**WHITE, "code": "BLUE-S"}, format="json")
    assert list(refused(answer, 409, "sku_taken")["errors"]) == ["code"]
    turned = {"尺码": "S", "颜色": " 雾蓝 "}
    answer = selena.client.post(path, {**WHITE, "options": turned}, format="json")
    assert list(refused(answer, 409, "sku_taken")["errors"]) == ["options"]
    assert selena.client.post(path, WHITE, format="json").status_code == 201
    assert Sku.objects.count() == 2
    refused(create(selena, shop, skus=[BLUE, BLUE]), 409, "sku_taken")
    assert Product.objects.count() == 1


def test_a_product_has_at_most_100_skus(shop: Shop, selena: Person) -> None:
    product = ProductFactory.create(shop=shop)
    SkuFactory.create_batch(100, product=product)
    answer = selena.client.post(f"/v1/products/{product.pk}/skus", WHITE, format="json")
    refused(answer, 409, "too_many_skus")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("return_window_days", 6),
        ("return_window_days", 31),
        ("shipping_fee_fen", -1),
        ("shipping_fee_fen", 10**9 + 1),
        ("title", "长" * 61),
        ("title", "两\n行"),
        ("image_url", "javascript:alert(1)"),
        ("attributes", {"身型": "梨形", "身型 ": "苹果"}),
        ("attributes", {"a" * 21: "x"}),
        ("attributes", {"a": {"b": "c"}}),
        ("attributes", {str(n): "x" for n in range(21)}),
        ("attributes", []),
    ],
)
def test_a_field_that_breaks_a_rule_is_named(
    shop: Shop, selena: Person, field: str, value: Any
) -> None:
    """C7, C8."""
    errors = refused(create(selena, shop, **{field: value}), 422, "invalid")["errors"]
    assert {name.split(".")[0] for name in errors} == {field}
    assert not Product.objects.exists()


def test_a_category_must_exist_and_be_active(shop: Shop, selena: Person) -> None:
    refused(create(selena, shop, category="nowhere"), 422, "category_unknown")
    CategoryFactory.create(code="old", name="旧", is_active=False)
    refused(create(selena, shop, category="old"), 422, "category_unknown")
    product = ProductFactory.create(shop=shop)
    answer = selena.client.patch(f"/v1/products/{product.pk}", {"category": "old"}, format="json")
    refused(answer, 422, "category_unknown")


def test_texts_window_and_shipping_fee_are_changed(shop: Shop, selena: Person) -> None:
    """C7, C8."""
    CategoryFactory.create(code="home", name="家居")
    product = ProductFactory.create(shop=shop)
    changes = {
        "title": "亚麻床品",
        "category": "home",
        "return_window_days": 30,
        "shipping_fee_fen": 0,
        "image_url": "/media/a.png",
    }
    answer = selena.client.patch(f"/v1/products/{product.pk}", changes, format="json")
    assert answer.status_code == 200, answer.content
    assert {name: answer.json()[name] for name in changes} == changes


def test_a_banned_product_is_the_platforms(shop: Shop, selena: Person, staff: Person) -> None:
    """B6."""
    product = ProductFactory.create(shop=shop)
    sku = SkuFactory.create(product=product)
    with pytest.raises(onboarding.ReasonRequired):
        catalog.ban(product_id=product.pk, by=staff.account, reason=" ", at=now())
    catalog.ban(product_id=product.pk, by=staff.account, reason="假货", at=now())
    path = f"/v1/products/{product.pk}"
    refused(selena.client.post(f"{path}/publish"), 409, "product_banned")
    refused(selena.client.post(f"{path}/unpublish"), 409, "product_banned")
    refused(selena.client.patch(path, {"title": "x"}, format="json"), 409, "product_banned")
    refused(selena.client.post(f"{path}/skus", BLUE, format="json"), 409, "product_banned")
    price = {"price_fen": 1}
    answer = selena.client.patch(f"{path}/skus/{sku.pk}", price, format="json")
    assert refused(answer, 409, "product_banned")["reason"] == "假货"
    assert selena.client.get(path).json()["ban_reason"] == "假货"
    catalog.unban(product_id=product.pk, by=staff.account, at=now())
    product.refresh_from_db()
    assert (product.status, product.ban_reason) == ("off_shelf", "")
    with pytest.raises(WrongState):
        catalog.unban(product_id=product.pk, by=staff.account, at=now())
    assert selena.client.post(f"{path}/publish").status_code == 200
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        "product.ban",
        "product.unban",
    ]


def test_unbanning_is_no_way_off_the_shelf(shop: Shop, staff: Person) -> None:
    product = ProductFactory.create(shop=shop)
    with pytest.raises(WrongState):
        catalog.unban(product_id=product.pk, by=staff.account, at=now())
    product.refresh_from_db()
    assert (product.status, AuditEntry.objects.count()) == ("on_sale", 0)
