"""Product cards: D1 (own goods at 0 followers), D2 (others' goods), D3, and their lapse."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from backend.core.clock import now
from notes import cards, live
from notes.models import GoodsNoteApplication, LiveProduct, Note, NoteProduct
from seeds.factories import AccountFactory, ProductFactory, ShopFactory
from shops import ports
from shops.models import Product, Shop
from tests.cast import Person

Make = Callable[..., Note]


def _attach(person: Person, note: Note, product: Product) -> tuple[int, str]:
    answer = person.client.post(
        f"/v1/notes/{note.pk}/products", {"product": product.pk}, format="json"
    )
    return answer.status_code, answer.json().get("code", "")


@pytest.mark.parametrize("kind", ["image", "video"])
@pytest.mark.parametrize("owner_type", ["individual", "enterprise"])
def test_own_goods_need_no_followers(
    selena: Person, anyone: APIClient, draft: Make, kind: str, owner_type: str
) -> None:
    """D1, D2b, and the label that the law asks for."""
    shop = ShopFactory.create(account=selena.account, owner_type=owner_type)
    product = ProductFactory.create(shop=shop)
    note = draft(selena, kind=kind)
    assert selena.account.follower_count == 0
    assert _attach(selena, note, product) == (201, "")
    assert selena.client.post(f"/v1/notes/{note.pk}/publish", {}, format="json").status_code == 200
    page = anyone.get(f"/v1/notes/{note.pk}").json()
    assert [(card["product"], card["origin"], card["available"]) for card in page["cards"]] == [
        (product.pk, "own", True)
    ]
    assert (page["has_products"], page["ad_label"]) == (True, "广告")
    item = anyone.get("/v1/feeds/discover").json()["results"][0]
    assert (item["has_products"], item["ad_label"]) == (True, "广告")


def test_others_goods_need_the_permission_and_an_open_offer(
    lily: Person, draft: Make, own_product: Product, permit: Any, offers: set[int]
) -> None:
    """D2: 403 before the approval, 201 after it."""
    note = draft(lily)
    offers.add(own_product.pk)
    assert _attach(lily, note, own_product) == (403, "goods_note_permission_required")
    permit(lily)
    offers.clear()
    assert _attach(lily, note, own_product) == (403, "no_commission_offer")
    offers.add(own_product.pk)
    assert _attach(lily, note, own_product) == (201, "")
    assert NoteProduct.objects.get().origin == "others"
    assert _attach(lily, note, own_product) == (409, "card_exists")


@pytest.mark.parametrize("status", ["draft", "off_shelf", "banned"])
def test_goods_off_the_shelf_are_refused(
    selena: Person,
    lily: Person,
    draft: Make,
    own_product: Product,
    permit: Any,
    offers: set[int],
    status: str,
) -> None:
    permit(lily)
    offers.add(own_product.pk)
    Product.objects.update(status=status)
    assert _attach(selena, draft(selena), own_product) == (409, "product_not_on_sale")
    hidden = (404, "not_found") if status == "draft" else (409, "product_not_on_sale")
    assert _attach(lily, draft(lily), own_product) == hidden
    assert NoteProduct.objects.count() == 0


def test_goods_of_a_closed_shop_are_refused(
    selena: Person, draft: Make, own_product: Product
) -> None:
    Shop.objects.update(status="suspended")
    assert _attach(selena, draft(selena), own_product) == (403, "shop_not_open")
    assert NoteProduct.objects.count() == 0


def test_unknown_goods_and_foreign_notes_are_not_found(
    selena: Person, lily: Person, draft: Make, own_product: Product
) -> None:
    note = draft(selena)
    assert _attach(lily, note, own_product) == (404, "not_found")
    answer = selena.client.post(f"/v1/notes/{note.pk}/products", {"product": 2**60}, format="json")
    assert answer.status_code == 404


def test_a_note_shows_at_most_five_products(
    selena: Person, draft: Make, own_product: Product, settings: Any
) -> None:
    settings.NOTE_MAX_CARDS = 2
    note = draft(selena)
    more = [ProductFactory.create(shop=own_product.shop) for _ in range(2)]
    assert [_attach(selena, note, one) for one in (own_product, *more)] == [
        (201, ""),
        (201, ""),
        (422, "too_many_cards"),
    ]
    path = f"/v1/notes/{note.pk}/products/{own_product.pk}"
    assert [selena.client.delete(path).status_code for _ in range(2)] == [204, 204]
    assert _attach(selena, note, more[1]) == (201, "")
    assert list(note.cards.values_list("product_id", "position")) == [
        (more[0].pk, 1),
        (more[1].pk, 2),
    ]


@pytest.mark.parametrize(
    ("lapse", "reason"),
    [
        (lambda: Product.objects.update(status="off_shelf"), "product_not_on_sale"),
        (lambda: Shop.objects.update(status="suspended"), "shop_not_open"),
        (
            lambda: GoodsNoteApplication.objects.update(status="revoked"),
            "goods_note_permission_required",
        ),
        (None, "no_commission_offer"),
    ],
)
def test_a_lapsed_card_stays_as_unavailable_and_stops_a_publication(
    lily: Person,
    anyone: APIClient,
    draft: Make,
    published: Make,
    own_product: Product,
    permit: Any,
    offers: set[int],
    lapse: Any,
    reason: str,
) -> None:
    permit(lily)
    offers.add(own_product.pk)
    shown, waiting = published(lily), draft(lily)
    for note in (shown, waiting):
        assert _attach(lily, note, own_product)[0] == 201
    (lapse or offers.clear)()
    page = anyone.get(f"/v1/notes/{shown.pk}").json()
    card = page["cards"][0]
    assert (card["available"], card["reason"], page["ad_label"]) == (False, reason, "广告")
    answer = lily.client.post(f"/v1/notes/{waiting.pk}/publish", {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "card_not_eligible")
    assert answer.json()["cards"] == [{"product": own_product.pk, "reason": reason}]
    waiting.refresh_from_db()
    assert waiting.status == "draft"
    assert (
        lily.client.patch(
            f"/v1/notes/{shown.pk}", {"title": "改字不受影响"}, format="json"
        ).status_code
        == 200
    )


@pytest.mark.parametrize(("followers", "status"), [(999, 403), (1000, 201)])
def test_a_thousand_followers_may_apply(db: None, followers: int, status: int) -> None:
    """D2: 999 refused with both numbers, 1000 accepted, a second application 409."""
    from tests.cast import person

    blogger = person("blogger", "博主", follower_count=followers, real_name_verified_at=now())
    answer = blogger.client.post("/v1/goods-note-applications", {}, format="json")
    assert answer.status_code == status
    if status == 403:
        assert {k: answer.json()[k] for k in ("code", "required", "actual")} == {
            "code": "followers_below_minimum",
            "required": 1000,
            "actual": 999,
        }
        assert GoodsNoteApplication.objects.count() == 0
        return
    again = blogger.client.post("/v1/goods-note-applications", {}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "already_open")
    application = GoodsNoteApplication.objects.get()
    cards.approve_goods_notes(application_id=application.pk, by=AccountFactory.create(), at=now())
    assert "goods_notes" in blogger.client.get("/v1/me").json()["capabilities"]
    listed = blogger.client.get("/v1/goods-note-applications").json()["results"]
    assert [(row["status"], row["follower_count_at_apply"]) for row in listed] == [
        ("approved", 1000)
    ]
    again = blogger.client.post("/v1/goods-note-applications", {}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "already_open")


def test_applying_needs_a_verified_real_name_and_a_rejected_one_may_try_again(db: None) -> None:
    from tests.cast import person

    blogger = person("blogger", "博主", follower_count=5000)
    path = "/v1/goods-note-applications"
    answer = blogger.client.post(path, {}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "real_name_required")
    blogger.account.real_name_verified_at = now()
    blogger.account.save()
    first = blogger.client.post(path, {}, format="json").json()["id"]
    cards.reject_goods_notes(
        application_id=first, by=AccountFactory.create(), reason="内容太少", at=now()
    )
    assert blogger.client.post(path, {}, format="json").status_code == 201


def test_embeddable_products_say_why_not(
    selena: Person,
    lily: Person,
    own_product: Product,
    permit: Any,
    offers: set[int],
    django_assert_num_queries: Any,
) -> None:
    other = ProductFactory.create(title="露营灯")
    hidden = ProductFactory.create(status="off_shelf")
    closed = ProductFactory.create(shop=ShopFactory.create(status="suspended"))
    mine = ProductFactory.create(shop=own_product.shop, status="off_shelf", title="自家下架")

    def listed(person: Person, query: str = "") -> list[tuple[int, str, bool, str | None]]:
        rows = person.client.get(f"/v1/me/embeddable-products{query}").json()["results"]
        return [(r["product"], r["origin"], r["eligible"], r["reason"]) for r in rows]

    assert listed(selena) == [
        (mine.pk, "own", False, "product_not_on_sale"),
        (other.pk, "others", False, "goods_note_permission_required"),
        (own_product.pk, "own", True, None),
    ]
    permit(lily)
    offers.add(other.pk)
    assert listed(lily, "?q=露营") == [(other.pk, "others", True, None)]
    assert listed(lily, "?origin=own") == []
    assert {hidden.pk, closed.pk} & {row[0] for row in listed(lily)} == set()
    with django_assert_num_queries(3):  # token, products, standings
        listed(lily)


def test_an_order_line_may_name_only_a_card_that_was_shown(
    selena: Person, draft: Make, published: Make, own_product: Product
) -> None:
    """What shops ask through their port."""
    shown, waiting, bare = published(selena), draft(selena), published(selena)
    for note in (shown, waiting):
        _attach(selena, note, own_product)
    pairs = [(note.pk, own_product.pk) for note in (shown, waiting, bare)]
    assert ports.real_sources("note", [*pairs, (2**40, 1)]) == {(shown.pk, own_product.pk)}
    session = live.schedule(host=selena.account, title="今晚八点", starts_at=now())
    live.add_product(
        account=selena.account, session_id=session.pk, product_id=own_product.pk, at=now()
    )
    pair = (session.pk, own_product.pk)
    assert ports.real_sources("live", [pair]) == set()
    live.start(account=selena.account, session_id=session.pk, at=now())
    assert ports.real_sources("live", [pair]) == {pair}


def test_a_host_is_live_once_and_shows_what_a_note_could_show(
    selena: Person, lily: Person, own_product: Product
) -> None:
    first, second = (
        live.schedule(host=selena.account, title=f"第{n}场", starts_at=now()) for n in (1, 2)
    )
    live.start(account=selena.account, session_id=first.pk, at=now())
    with pytest.raises(live.AlreadyLive):
        live.start(account=selena.account, session_id=second.pk, at=now())
    theirs = live.schedule(host=lily.account, title="看看", starts_at=now())
    with pytest.raises(cards.GoodsNotePermissionRequired):
        live.add_product(
            account=lily.account, session_id=theirs.pk, product_id=own_product.pk, at=now()
        )
    assert LiveProduct.objects.count() == 0
    live.end(account=selena.account, session_id=first.pk, at=now())
    live.start(account=selena.account, session_id=second.pk, at=now())
