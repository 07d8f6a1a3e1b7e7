"""Addresses made to lead away: at every place that takes one or redirects. reliability.md row 18;
ASVS V1.2, V3.7. That nothing fetches what people give is held by tests/house (row 19)."""

from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from backend.accounts.models import Account
from backend.core import weblinks
from commissions.models import PromotionLink
from seeds.factories import CategoryFactory, ProductFactory, PromotionLinkFactory, ShopFactory
from seeds.factories.accounts import PASSWORD
from shops.models import Product
from tests.cast import Person
from tests.commissions.money_out import officer
from tests.desk import CODE, LOGIN, code_of, signed_in, with_phone

pytestmark = pytest.mark.django_db

HOSTILE = [
    "https://evil.example\\@shop.example/",
    "https://shop.example@evil.example/",
    "https://user:pass@shop.example/",
    "//evil.example/",
    "///evil.example/",
    "////evil.example",
    "/\\evil.example/",
    "\\\\evil.example\\x",
    "/\t/evil.example/",
    "/%09/evil.example",
    "http://shop.example/a.jpg",
    "http:///evil.example/",
    "https:evil.example",
    "https:/evil.example/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//https://shop.example/",
    "java\nscript:alert(1)",
    "\x01https://evil.example",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "ftp://shop.example/a.jpg",
    "https://",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://127.0.0.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://localhost/",
    "https://shop.example:8443/",
    "https://shop.example%2f@evil.example/",
    "https://shop.example\u3002evil.example/",
    "https://ｅｖｉｌ.example/",
    "https://xn--/a.jpg",
    "https://shop.example/%0d%0aSet-Cookie:%20a=b",
    "https://shop.example/\r\nSet-Cookie: a=b",
    'https://shop.example/"onerror="alert(1)',
    "https://shop.example/<script>",
    "https://shop.example/a.jpg#\u202egpj",
    "/media/../admin/logout/",
    "/media//evil.example/a.jpg",
    "/media/..%2f..%2fadmin/",
    "/media/a.svg",
    "/media/",
    "/admin/logout/",
    "blob:https://shop.example/1",
]
GOOD = [
    "",
    "/media/202611/0123456789abcdef0123456789abcdef.png",
    "/media/seed/fashion-1.jpg",
    "https://img.example/a.jpg",
    "https://IMG.Example.com/a/b/c.webp?x=1&y=%E5%9B%BE",
    "https://img.example:443/a.jpg",
    "https://xn--fiqs8s.example/a.jpg",
]


@pytest.fixture
def clerk(db: None) -> Account:
    """Staff with a phone."""
    account = officer("view_payout")
    with_phone(account)
    return account


def leads_away(location: str) -> bool:
    """Whether a browser would leave this host, or run something."""
    cleaned = location.replace("\\", "/").strip()
    return not cleaned.startswith("/admin/") or bool(urlsplit(cleaned).netloc)


# ---------------------------------------------------------------- the picture of a product
@pytest.mark.parametrize("address", HOSTILE)
def test_no_picture_of_a_product_stands_at_a_hostile_address(address: str) -> None:
    assert weblinks.picture_problem(address) is not None


@pytest.mark.parametrize("address", GOOD[1:])
def test_pictures_stand_at_public_names_or_with_us(address: str) -> None:
    assert weblinks.picture_problem(address) is None


def test_both_doors_of_a_product_hold_to_it(selena: Person) -> None:
    shop = ShopFactory.create(account=selena.account)
    category = CategoryFactory.create()
    body = {"category": category.code, "title": "雾蓝吊带裙"}
    path = f"/v1/shops/{shop.pk}/products"
    made = selena.client.post(path, {**body, "image_url": GOOD[2]}, format="json")
    assert made.status_code == 201, made.content
    mine = f"/v1/products/{made.json()['id']}"
    for address in HOSTILE:
        for answer in (
            selena.client.post(path, {**body, "image_url": address}, format="json"),
            selena.client.patch(mine, {"image_url": address}, format="json"),
        ):
            assert answer.status_code in (400, 422), address
            errors = answer.json().get("errors", {"image_url": []})
            assert list(errors) == ["image_url"], address
    assert Product.objects.count() == 1
    for address in GOOD:
        answer = selena.client.patch(mine, {"image_url": address}, format="json")
        assert answer.status_code == 200, address
        assert Product.objects.get().image_url == address


# ---------------------------------------------------------------- where a sign-in leads
def test_a_sign_in_leads_nowhere_but_into_the_admin(clerk: Account) -> None:
    """`next` in the address and in the form, kept over the second step."""
    for place, address in enumerate(HOSTILE):
        client = Client()
        fields = {"username": clerk.handle, "password": PASSWORD}
        if place % 2:
            path = f"{LOGIN}?{urlencode({'next': address})}"
        else:
            path, fields = LOGIN, {**fields, "next": address}
        assert client.post(path, fields).url == CODE, address
        assert not leads_away(client.session["half_signed_in"]["then"]), address
    client = Client()
    wanted = "/admin/commissions/payout/?status__exact=paid"
    fields = {"username": clerk.handle, "password": PASSWORD, "next": wanted}
    client.post(LOGIN, fields)
    assert client.post(CODE, {"code": code_of(clerk)}).url == wanted


def test_a_code_again_leads_nowhere_but_into_the_admin(clerk: Account) -> None:
    client = signed_in(clerk)
    for address in HOSTILE:
        answer = client.get(f"/admin/my-sign-in/again/?{urlencode({'next': address})}")
        assert answer.status_code == 302
        assert not leads_away(answer.url), address
    wanted = "/admin/accounts/account/7/change/"
    answer = client.get(f"/admin/my-sign-in/again/?{urlencode({'next': wanted})}")
    assert answer.url == wanted


# ---------------------------------------------------------------- where a short link leads
def test_a_short_link_is_of_something_of_ours(linda: Person) -> None:
    """A target is a kind and a number: there is no place for an address."""
    from commissions import promoters

    promoters.join(account=linda.account, invite_code="", at=linda.account.joined_at)
    for address in HOSTILE:
        for target in ({"kind": address, "id": 1}, {"kind": "product", "id": address}, address):
            answer = linda.client.post("/v1/promotion-links", {"target": target}, format="json")
            assert answer.status_code in (400, 422), address
    assert not PromotionLink.objects.exists()


def test_a_short_link_leads_to_our_own_address_whatever_is_claimed(
    anyone: APIClient, settings: Settings
) -> None:
    settings.PUBLIC_URL = "https://tuike.example"
    link = PromotionLinkFactory.create(target_kind="product", target_id=ProductFactory.create().pk)
    claims: list[dict[str, Any]] = [
        {},
        {"HTTP_HOST": "evil.example"},
        {"HTTP_X_FORWARDED_HOST": "evil.example"},
        {"HTTP_REFERER": "https://evil.example/"},
        {"HTTP_COOKIE": "tuike_visitor=evil"},
        {"QUERY_STRING": "next=https://evil.example&url=//evil.example"},
        {"HTTP_X_ORIGINAL_URL": "//evil.example", "HTTP_FORWARDED": "host=evil.example"},
    ]
    for claim in claims:
        answer = anyone.get(f"/l/{link.code}", **claim)
        assert answer.status_code in (302, 400), claim
        if answer.status_code == 302:
            where = urlsplit(answer["Location"])
            assert (where.scheme, where.netloc) == ("https", "tuike.example"), claim
            assert where.path == f"/products/{link.target_id}"


def test_a_hostile_code_leads_nowhere(anyone: APIClient) -> None:
    for address in HOSTILE:
        answer = anyone.get(f"/l/{address.replace('#', '')}".replace("?", ""))
        assert answer.status_code in (400, 404), address
        assert "Location" not in answer


def test_no_redirect_of_ours_repeats_the_callers_host(client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    for claim in ("HTTP_HOST", "HTTP_X_FORWARDED_HOST"):
        answer = client.get("/admin/", **{claim: "evil.example"})
        assert answer.url == "/admin/login/?next=/admin/"
    forged = client.post(LOGIN, {"username": "x", "password": "y"}, HTTP_HOST="evil.example")
    assert forged.status_code == 400
