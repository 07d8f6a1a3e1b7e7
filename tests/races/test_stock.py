"""Many want the same few units, or the same name, at the same moment: C4, B4."""

import random

import pytest
from django.db import transaction
from django.db.models import Sum

from backend.core.clock import now
from seeds.factories import AccountFactory, CategoryFactory, ShopFactory, SkuFactory
from shops import catalog, inventory, onboarding
from shops.inventory import StockLine
from shops.models import Shop, ShopApplication, Sku
from tests.races.crowd import together

pytestmark = pytest.mark.django_db(transaction=True)


def reserve(*lines: StockLine) -> None:
    with transaction.atomic():
        inventory.reserve(lines=lines, at=now())


def test_12_buyers_of_the_last_10_units_get_exactly_10() -> None:
    sku = SkuFactory.create(on_hand=10)
    outcomes = together([lambda: reserve(StockLine(sku.pk, 1))] * 12)
    assert outcomes == {"done": 10, "insufficient_stock": 2}
    sku.refresh_from_db()
    assert (sku.on_hand, sku.committed, sku.movements.count()) == (10, 10, 10)


def test_orders_of_the_same_goods_in_opposite_orders_never_wait_in_a_circle() -> None:
    skus = [sku.pk for sku in SkuFactory.create_batch(4, on_hand=1_000)]

    def shopper(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(15):
            chosen = skus if seed % 2 else skus[::-1]
            reserve(*(StockLine(sku, dice.randint(1, 3)) for sku in chosen))

    outcomes = together([lambda seed=seed: shopper(seed) for seed in range(8)])
    assert outcomes == {"done": 8}
    for sku in Sku.objects.annotate(moved=Sum("movements__delta_committed")):
        assert sku.committed == sku.moved > 0


def test_takers_and_correctors_never_meet_below_zero() -> None:
    """Orders take 1 each while the owner counts 1 away each: 10 units, 10 acts at most."""
    shop = ShopFactory.create()
    sku = SkuFactory.create(product__shop=shop, on_hand=10)

    def correct() -> None:
        inventory.adjust(account=shop.account, sku_id=sku.pk, delta=-1, reason="x", at=now())

    outcomes = together([lambda: reserve(StockLine(sku.pk, 1)), correct] * 7)
    assert outcomes["done"] == 10
    assert set(outcomes) <= {"done", "insufficient_stock", "below_committed"}
    sku.refresh_from_db()
    assert sku.committed == sku.on_hand


def test_one_account_applies_once_however_often_it_presses() -> None:
    account = AccountFactory.create()

    def press() -> None:
        onboarding.apply(account=account, shop_name="慢慢", owner_type="individual", at=now())

    assert together([press] * 6) == {"done": 1, "application_open": 5}
    assert ShopApplication.objects.count() == 1


def test_of_two_approvals_of_one_name_one_opens_a_shop() -> None:
    staff = AccountFactory.create(is_staff=True)
    at = now()
    ids = []
    for account in AccountFactory.create_batch(5):
        application = onboarding.apply(
            account=account, shop_name="慢慢小铺", owner_type="individual", at=at
        )
        onboarding.submit(account=account, application_id=application.pk, at=at)
        ids.append(application.pk)
    outcomes = together(
        [lambda pk=pk: onboarding.approve(application_id=pk, by=staff, at=at) for pk in ids]
    )
    assert outcomes == {"done": 1, "shop_name_taken": 4}
    assert Shop.objects.count() == 1
    assert ShopApplication.objects.filter(status="submitted").count() == 4


def test_of_an_approval_and_a_rejection_one_is_made() -> None:
    staff, account = AccountFactory.create_batch(2)
    at = now()
    application = onboarding.apply(
        account=account, shop_name="慢慢", owner_type="individual", at=at
    ).pk
    onboarding.submit(account=account, application_id=application, at=at)
    outcomes = together(
        [
            lambda: onboarding.approve(application_id=application, by=staff, at=at),
            lambda: onboarding.reject(application_id=application, by=staff, reason="x", at=at),
        ]
        * 3
    )
    assert outcomes == {"done": 1, "wrong_state": 5}
    approved = ShopApplication.objects.get().status == "approved"
    assert Shop.objects.count() == approved


def test_the_last_two_skus_are_not_both_switched_off() -> None:
    shop = ShopFactory.create()
    CategoryFactory.create()
    first = SkuFactory.create(product__shop=shop)
    second = SkuFactory.create(product=first.product)

    def switch_off(sku: Sku) -> None:
        catalog.change_sku(
            account=shop.account,
            product_id=first.product_id,
            sku_id=sku.pk,
            changes={"is_active": False},
        )

    outcomes = together([lambda: switch_off(first), lambda: switch_off(second)])
    assert outcomes == {"done": 1, "sku_required": 1}
    assert Sku.objects.filter(is_active=True).count() == 1


def test_the_same_sku_is_added_once() -> None:
    shop = ShopFactory.create()
    product = SkuFactory.create(product__shop=shop).product

    def add() -> None:
        catalog.add_sku(
            account=shop.account, product_id=product.pk, code="A", options={}, price_fen=100
        )

    assert together([add] * 5) == {"done": 1, "sku_taken": 4}
