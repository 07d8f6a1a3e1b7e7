"""What everybody sees of the goods: A3, B6, B11, C1, C2, C4, C9."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from backend.accounts.models import Account
from backend.core.clock import now
from backend.core.errors import Invalid
from backend.rest.renderers import encode
from seeds.factories import CategoryFactory, ProductFactory, ShopFactory, SkuFactory
from shops import catalog, onboarding
from shops.models import Category, Product, Shop
from shops.rest.serializers_goods import ProductDetail
from tests.cast import Person


@pytest.fixture
def shop(selena: Person) -> Shop:
    return ShopFactory.create(account=selena.account)


def test_the_whole_tree_is_one_answer_of_one_query(
    db: None, anyone: APIClient, django_assert_num_queries: Any
) -> None:
    """C1, C2: nothing is hidden under "more"."""
    fashion = CategoryFactory.create(position=1)
    home = CategoryFactory.create(code="home", name="家居", position=0)
    trousers = CategoryFactory.create(code="trousers", name="裤装", parent=fashion, position=2)
    skirts = CategoryFactory.create(code="skirts", name="裙装", parent=fashion, position=1)
    CategoryFactory.create(code="wide-leg", name="阔腿裤", parent=trousers)
    hidden = CategoryFactory.create(code="hidden", name="下线", parent=home, is_active=False)
    CategoryFactory.create(code="below-hidden", name="其下", parent=hidden)
    with django_assert_num_queries(1):
        tree = anyone.get("/v1/categories").json()
    assert tree["next"] is None
    assert [root["code"] for root in tree["results"]] == ["home", "fashion"]
    assert tree["results"][0]["children"] == []
    below = tree["results"][1]["children"]
    assert [node["code"] for node in below] == [skirts.code, trousers.code]
    assert [node["name"] for node in below[1]["children"]] == ["阔腿裤"]


def test_the_tree_has_three_levels(db: None, staff: Person) -> None:
    node = None
    for level in range(3):
        node = Category(code=f"level{level}", name="层", parent=node)
        catalog.file_category(category=node, by=staff.account, at=now())
    deep = Category(code="level3", name="层", parent=node)
    with pytest.raises(Invalid):
        catalog.file_category(category=deep, by=staff.account, at=now())
    assert Category.objects.count() == 3


@pytest.mark.parametrize(
    ("available", "stock"),
    [(0, "sold_out"), (1, "low_stock"), (5, "low_stock"), (6, "in_stock")],
)
def test_the_public_learns_a_level_and_the_owner_the_number(
    shop: Shop, selena: Person, anyone: APIClient, mallory: Person, available: int, stock: str
) -> None:
    """C4."""
    sku = SkuFactory.create(
        product=ProductFactory.create(shop=shop), on_hand=available + 3, committed=3
    )
    path = f"/v1/products/{sku.product_id}"
    for client in (anyone, mallory.client):
        (public,) = client.get(path).json()["skus"]
        assert public["stock"] == stock
        assert not {"on_hand", "committed", "available"} & set(public)
    (own,) = selena.client.get(path).json()["skus"]
    assert (own["on_hand"], own["committed"], own["available"]) == (available + 3, 3, available)
    (listed,) = anyone.get("/v1/products").json()["results"]
    assert listed["stock"] == stock


def test_inactive_skus_are_the_owners_to_see(shop: Shop, selena: Person, anyone: APIClient) -> None:
    product = ProductFactory.create(shop=shop)
    SkuFactory.create(product=product, price_fen=10_000)
    SkuFactory.create(product=product, price_fen=12_000)
    SkuFactory.create(product=product, price_fen=1, is_active=False)
    path = f"/v1/products/{product.pk}"
    assert len(anyone.get(path).json()["skus"]) == 2
    own = selena.client.get(path).json()["skus"]
    assert [sku["stock"] for sku in own] == ["in_stock", "in_stock", "sold_out"]
    (listed,) = anyone.get("/v1/products").json()["results"]
    assert (listed["price_from_fen"], listed["price_to_fen"]) == (10_000, 12_000)


@pytest.mark.parametrize("status", ["draft", "off_shelf", "banned"])
def test_what_is_not_on_sale_is_seen_by_its_owner_alone(
    shop: Shop, selena: Person, anyone: APIClient, mallory: Person, status: str
) -> None:
    product = ProductFactory.create(shop=shop, status=status)
    path = f"/v1/products/{product.pk}"
    assert anyone.get(path).status_code == 404
    assert mallory.client.get(path).status_code == 404
    assert anyone.get("/v1/products").json()["results"] == []
    assert selena.client.get(path).json()["status"] == status


def test_products_of_a_suspended_shop_are_gone_and_come_back(
    shop: Shop, selena: Person, anyone: APIClient, staff: Person
) -> None:
    """B6."""
    path = f"/v1/products/{ProductFactory.create(shop=shop).pk}"
    onboarding.suspend(shop_id=shop.pk, by=staff.account, reason="售假", at=now())
    assert anyone.get(path).status_code == 404
    assert anyone.get(f"/v1/products?shop={shop.pk}").json()["results"] == []
    assert selena.client.get(path).json()["status"] == "on_sale"
    onboarding.reopen(shop_id=shop.pk, by=staff.account, at=now())
    assert anyone.get(path).status_code == 200


def test_products_are_found_by_shop_and_by_category_with_all_below_it(
    shop: Shop, anyone: APIClient
) -> None:
    fashion = CategoryFactory.create()
    trousers = CategoryFactory.create(code="trousers", name="裤装", parent=fashion)
    wide = CategoryFactory.create(code="wide-leg", name="阔腿裤", parent=trousers)
    CategoryFactory.create(code="home", name="家居")
    first = ProductFactory.create(shop=shop, category=fashion)
    second = ProductFactory.create(category=wide)

    def found(query: str) -> list[int]:
        return [row["id"] for row in anyone.get(f"/v1/products?{query}").json()["results"]]

    assert found("category=fashion") == [second.pk, first.pk]
    assert found("category=trousers") == [second.pk]
    assert found("category=home") == []
    assert found("category=nowhere") == []
    assert found(f"shop={shop.pk}") == [first.pk]
    assert found(f"shop={shop.pk}&category=trousers") == []


@pytest.mark.parametrize(
    "query", ["shop=x", "shop=0", "status=draft", "shop=1&shop=2", f"shop={2**63}"]
)
def test_an_odd_question_is_refused(db: None, anyone: APIClient, query: str) -> None:
    answer = anyone.get(f"/v1/products?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_query")


def test_followers_and_sales_have_no_say_in_the_order(shop: Shop, anyone: APIClient) -> None:
    """A3, B11: metamorphic."""
    products = [SkuFactory.create(product__shop=shop).product, SkuFactory.create().product]
    urls = ["/v1/products", *(f"/v1/products/{product.pk}" for product in products)]
    before = [anyone.get(url).content for url in urls]
    Account.objects.filter(pk=shop.account_id).update(follower_count=1_000_000)
    assert [anyone.get(url).content for url in urls] == before
    Product.objects.filter(pk=products[0].pk).update(sales_count=9)
    ids = [row["id"] for row in anyone.get("/v1/products").json()["results"]]
    assert ids == [products[1].pk, products[0].pk]


def test_the_list_costs_two_queries_at_any_number(
    shop: Shop, anyone: APIClient, django_assert_num_queries: Any
) -> None:
    SkuFactory.create(product__shop=shop)
    with django_assert_num_queries(2):
        anyone.get("/v1/products")
    for _ in range(10):
        product = ProductFactory.create()
        SkuFactory.create_batch(3, product=product)
    with django_assert_num_queries(2):
        first = anyone.get("/v1/products?page_size=6").json()
    second = anyone.get(f"/v1/products?page_size=6&cursor={first['next']}").json()
    ids = [row["id"] for row in first["results"] + second["results"]]
    assert ids == sorted(set(ids), reverse=True)
    assert (len(ids), second["next"]) == (11, None)


def test_the_detail_costs_one_query_at_any_number_of_skus(
    shop: Shop, anyone: APIClient, selena: Person, django_assert_num_queries: Any
) -> None:
    product = ProductFactory.create(shop=shop)
    SkuFactory.create_batch(9, product=product)
    with django_assert_num_queries(1):
        anyone.get(f"/v1/products/{product.pk}")
    with django_assert_num_queries(2):  # and the token
        selena.client.get(f"/v1/products/{product.pk}")


def test_the_page_says_what_the_serializer_of_the_other_doors_says(
    shop: Shop, anyone: APIClient, selena: Person
) -> None:
    """The page is one statement, the answers to writing are serializers: one shape all the same."""
    product = ProductFactory.create(
        shop=shop, attributes={"材质": "棉", "x": "y"}, published_at=now(), description="白\n色"
    )
    SkuFactory.create(product=product, options={"尺码": "M"}, list_price_fen=None, on_hand=3)
    SkuFactory.create(product=product, options={"尺码": "L"}, list_price_fen=9, is_active=False)
    for client, viewer in ((anyone, None), (selena.client, selena.account.pk)):
        stored = catalog.seen_product(viewer_id=viewer, product_id=product.pk)
        detail = ProductDetail(stored, context={"viewer_id": viewer}).data
        page = client.get(f"/v1/products/{product.pk}").content
        assert page == encode(detail)


def test_an_owner_lists_the_own_products_in_any_state(
    shop: Shop, selena: Person, mallory: Person, anyone: APIClient, django_assert_num_queries: Any
) -> None:
    made = {
        status: ProductFactory.create(shop=shop, status=status).pk
        for status in ("draft", "on_sale", "off_shelf", "banned")
    }
    ProductFactory.create()
    with django_assert_num_queries(3):
        answer = selena.client.get("/v1/me/products").json()
    assert [row["id"] for row in answer["results"]] == sorted(made.values(), reverse=True)
    (row,) = selena.client.get("/v1/me/products?status=draft").json()["results"]
    assert (row["id"], row["status"]) == (made["draft"], "draft")
    assert (row["price_from_fen"], row["stock"]) == (None, "sold_out")
    assert selena.client.get("/v1/me/products?status=gone").status_code == 400
    assert mallory.client.get("/v1/me/products").json()["results"] == []
    assert anyone.get("/v1/me/products").status_code == 401
