"""Commission offers: I1, and what an order line freezes."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

from backend.core.errors import NotFound
from commissions import offers
from commissions.models import CommissionOffer
from notes.ports import offers_open_to
from seeds.factories import ProductFactory, ShopFactory
from shops.models import Product, Shop
from shops.ports import CommissionTerms, terms_of
from tests.cast import Person

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def coat(selena: Person) -> Product:
    return ProductFactory.create(shop=ShopFactory.create(account=selena.account))


def path(product: Product) -> str:
    return f"/v1/products/{product.pk}/commission-offer"


def test_the_owner_offers_30_percent_and_anybody_reads_it(
    selena: Person, coat: Product, anyone: APIClient
) -> None:
    """I1: PUT {rate_bps: 3000} 200."""
    answer = selena.client.put(path(coat), {"rate_bps": 3_000}, format="json")
    assert (answer.status_code, answer.json()["rate_bps"]) == (200, 3_000)
    assert anyone.get(path(coat)).json() == answer.json()


@pytest.mark.parametrize("status", ["draft", "off_shelf", "banned", "on_sale"])
def test_the_offer_of_a_product_out_of_sight_is_its_owners_alone(
    selena: Person, coat: Product, anyone: APIClient, mallory: Person, status: str
) -> None:
    """R7: an offer does not tell of a product that answers 404; its owner reads it in any state."""
    offers.set_offer(account=selena.account, product_id=coat.pk, rate_bps=2_000, at=AT)
    Product.objects.filter(pk=coat.pk).update(status=status)
    if status == "on_sale":  # on sale, and yet out of sight
        Shop.objects.filter(pk=coat.shop_id).update(status="suspended")
    assert [client.get(path(coat)).status_code for client in (anyone, mallory.client)] == [404, 404]
    assert selena.client.get(path(coat)).json()["rate_bps"] == 2_000


def test_a_rate_over_the_cap_is_refused_and_the_old_one_stands(
    selena: Person, coat: Product
) -> None:
    offers.set_offer(account=selena.account, product_id=coat.pk, rate_bps=2_000, at=AT)
    answer = selena.client.put(path(coat), {"rate_bps": 5_001}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "over_cap")
    assert answer.json()["cap_bps"] == 5_000
    assert offers.current(product_id=coat.pk, viewer_id=None).rate_bps == 2_000
    assert selena.client.put(path(coat), {"rate_bps": 5_000}, format="json").status_code == 200


@pytest.mark.parametrize("rate", [-1, 10_001, "3000", 1.5, None, True])
def test_a_rate_that_is_none_is_refused(selena: Person, coat: Product, rate: object) -> None:
    answer = selena.client.put(path(coat), {"rate_bps": rate}, format="json")
    assert answer.status_code == 422
    assert not CommissionOffer.objects.exists()


def test_a_stranger_finds_no_product_to_change(
    mallory: Person, coat: Product, anyone: APIClient
) -> None:
    assert mallory.client.put(path(coat), {"rate_bps": 1}, format="json").status_code == 404
    assert mallory.client.delete(path(coat)).status_code == 404
    assert anyone.put(path(coat), {"rate_bps": 1}, format="json").status_code == 401
    assert anyone.get("/v1/products/999999999/commission-offer").status_code == 404
    assert not CommissionOffer.objects.exists()


def test_a_change_ends_the_old_row_and_writes_a_new_one(selena: Person, coat: Product) -> None:
    """Which rate applied when can always be asked; periods are half-open."""
    by, day = selena.account, timedelta(days=1)
    old = offers.set_offer(account=by, product_id=coat.pk, rate_bps=1_000, at=AT)
    new = offers.set_offer(account=by, product_id=coat.pk, rate_bps=2_000, at=AT + day)
    same = offers.set_offer(account=by, product_id=coat.pk, rate_bps=2_000, at=AT + 2 * day)
    offers.end_offer(account=by, product_id=coat.pk, at=AT + 3 * day)
    assert same.pk == new.pk
    terms = [terms_of([coat.pk], AT + n * day).get(coat.pk) for n in range(-1, 4)]
    assert terms == [
        None,
        CommissionTerms(old.pk, 1_000),
        CommissionTerms(new.pk, 2_000),
        CommissionTerms(new.pk, 2_000),
        None,
    ]
    with pytest.raises(NotFound):
        offers.end_offer(account=by, product_id=coat.pk, at=AT + 4 * day)


def test_one_offer_stands_at_a_time_by_the_database(coat: Product) -> None:
    CommissionOffer.objects.create(product=coat, rate_bps=1, starts_at=AT)
    with pytest.raises(IntegrityError), transaction.atomic():
        CommissionOffer.objects.create(product=coat, rate_bps=2, starts_at=AT)


def test_notes_learn_which_goods_of_others_pay(selena: Person, linda: Person) -> None:
    shop = ShopFactory.create(account=selena.account)
    paying, plain = ProductFactory.create(shop=shop), ProductFactory.create(shop=shop)
    offers.set_offer(account=selena.account, product_id=paying.pk, rate_bps=1_000, at=AT)
    ids = [paying.pk, plain.pk]
    assert offers_open_to(linda.account.pk, ids, AT) == {paying.pk}
    assert offers_open_to(selena.account.pk, ids, AT) == set()
