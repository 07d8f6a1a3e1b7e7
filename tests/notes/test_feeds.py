"""Discover, follow, nearby, topics, search: D3, D10, D15, E1, E2, E4, E5, E6, E8."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from backend.accounts.models import Account
from backend.core.clock import now
from notes import engagement, feed, search
from notes.models import Note, NoteProduct
from seeds.factories import AccountFactory, NoteFactory, TopicFactory
from tests.cast import Person

Make = Callable[..., Note]
FIRST = feed.Slice(20)


def _ids(client: APIClient, path: str) -> list[int]:
    answer = client.get(f"/v1/{path}")
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def _pages(client: APIClient, path: str, size: int) -> list[list[int]]:
    """Every page of a list, at most 50."""
    found, cursor = [], ""
    for _ in range(50):
        mark = "&" if "?" in path else "?"
        body = client.get(f"/v1/{path}{mark}page_size={size}{cursor}").json()
        found.append([row["id"] for row in body["results"]])
        if body["next"] is None:
            return found
        cursor = f"&cursor={body['next']}"
    raise AssertionError("the list does not end")


def test_an_item_says_what_a_feed_needs(
    selena: Person, lily: Person, anyone: APIClient, published: Make
) -> None:
    note = published(selena, title="羊毛大衣")
    media = note.media.get()
    media.cover_crop = {"x": 0, "y": 0.1, "w": 1, "h": 0.5}
    media.save()
    lily.client.put(f"/v1/notes/{note.pk}/like")
    item = lily.client.get("/v1/feeds/discover").json()["results"][0]
    published_at = item.pop("published_at")
    assert published_at.startswith(f"{note.published_at:%Y-%m-%dT%H:%M}")
    assert item == {
        "type": "note", "id": note.pk, "kind": "image", "title": "羊毛大衣",
        "cover": {
            "url": "/media/media/example.jpg", "width": 900, "height": 1200,
            "crop": {"x": 0, "y": 0.1, "w": 1, "h": 0.5},
        },
        "author": {
            "handle": "selena", "display_name": "Selena 的衣橱", "verification": "none",
        },
        "like_count": 1, "liked": True, "has_products": False, "ad_label": None,
    }  # fmt: skip
    assert anyone.get("/v1/feeds/discover").json()["results"][0]["liked"] is False


def test_notes_with_goods_stand_in_discover_like_any_other_and_can_be_left_out(
    selena: Person, anyone: APIClient, published: Make, own_product: Any
) -> None:
    """D3, D15, E8."""
    plain = published(selena)
    video = published(selena, kind="video", at=now() - timedelta(hours=1))
    NoteProduct.objects.create(note=plain, product=own_product, origin="own")
    assert _ids(anyone, "feeds/discover") == [plain.pk, video.pk]
    assert _ids(anyone, "feeds/discover?goods=1") == [plain.pk, video.pk]
    assert _ids(anyone, "feeds/discover?goods=0") == [video.pk]
    assert _ids(anyone, "feeds/discover?media=image") == [plain.pk]
    assert _ids(anyone, "feeds/discover?media=video") == [video.pk]
    assert _ids(anyone, "feeds/discover?media=all&goods=0") == [video.pk]


def test_every_list_ends_with_every_note_once_even_when_all_are_equal(
    selena: Person, lily: Person, anyone: APIClient
) -> None:
    at = now()
    made = NoteFactory.create_batch(
        23,
        author=selena.account,
        hot=7.5,
        published_at=at,
        city_code="310000",
        terms=["学院", "院风"],
    )
    wanted = [note.pk for note in reversed(made)]
    engagement.follow(account=lily.account, handle="selena", at=at)
    for client, path in (
        (anyone, "feeds/discover"),
        (anyone, "feeds/nearby?city=310000"),
        (lily.client, "feeds/follow"),
        (anyone, "accounts/selena/notes"),
        (anyone, "search?q=学院风"),
        (selena.client, "me/notes"),
    ):
        pages = _pages(client, path, 5)
        assert [len(page) for page in pages] == [5, 5, 5, 5, 3], path
        assert [one for page in pages for one in page] == wanted, path


def test_paging_is_not_disturbed_by_newer_notes(anyone: APIClient, db: None) -> None:
    notes = [NoteFactory.create(hot=float(n)) for n in range(6)]
    first = anyone.get("/v1/feeds/discover?page_size=3").json()
    NoteFactory.create(hot=99.0)
    second = anyone.get(f"/v1/feeds/discover?page_size=3&cursor={first['next']}").json()
    seen = [row["id"] for row in first["results"] + second["results"]]
    assert seen == [note.pk for note in reversed(notes)]
    assert second["next"] is None


def test_the_follow_feed_holds_exactly_followed_and_own_notes_newest_first(
    selena: Person, lily: Person, mallory: Person, published: Make, draft: Make
) -> None:
    """E1, E2."""
    start = now() - timedelta(days=1)
    notes = {
        name: published(person, at=start + timedelta(hours=hour))
        for hour, (name, person) in enumerate(
            [("hers", selena), ("own", lily), ("stranger", mallory), ("hers again", selena)]
        )
    }
    draft(selena)
    assert _ids(lily.client, "feeds/follow") == [notes["own"].pk]
    lily.client.put("/v1/accounts/Selena/follow")
    expected = [notes[name].pk for name in ("hers again", "own", "hers")]
    assert _ids(lily.client, "feeds/follow") == expected
    assert _pages(lily.client, "feeds/follow", 1) == [[one] for one in expected]
    Account.objects.filter(handle="selena").update(is_active=False)
    assert _ids(lily.client, "feeds/follow") == [notes["own"].pk]


def test_nearby_needs_a_city_and_shows_only_that(
    selena: Person, anyone: APIClient, published: Make
) -> None:
    """E5."""
    here = published(selena, city_code="310000")
    published(selena, city_code="110000")
    published(selena)
    assert _ids(anyone, "feeds/nearby?city=310000") == [here.pk]
    for path in ("feeds/nearby", "feeds/nearby?city="):
        answer = anyone.get(f"/v1/{path}")
        assert (answer.status_code, answer.json()["code"]) == (400, "city_required")
    assert anyone.get("/v1/feeds/nearby?city=shanghai").status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "feeds/discover?cursor=x",
        "feeds/discover?cursor=W10",
        "feeds/discover?page_size=51",
        "feeds/discover?media=gif",
        "feeds/discover?goods=2",
        "feeds/discover?colour=red",
        "feeds/discover?cursor=WyJhIiwxXQ",
    ],
)
def test_what_no_list_knows_is_400(anyone: APIClient, db: None, query: str) -> None:
    assert anyone.get(f"/v1/{query}").status_code == 400


def test_a_topic_lists_its_notes_and_topics_are_found_by_name_or_by_how_hot_they_are(
    selena: Person, lily: Person, anyone: APIClient, published: Make
) -> None:
    """D10, D11."""
    two = [published(selena, topics=["小个子穿搭", "通勤"]) for _ in range(2)]
    talked = published(selena, topics=["露营"])
    topic = two[0].topics.get(name="小个子穿搭")
    assert _ids(anyone, f"topics/{topic.pk}/notes") == [two[1].pk, two[0].pk]
    listed = anyone.get("/v1/topics").json()["results"]
    assert [(row["name"], row["note_count"]) for row in listed] == [
        ("通勤", 2),
        ("小个子穿搭", 2),
        ("露营", 1),
    ]
    found = anyone.get("/v1/topics?q=个子").json()["results"]
    assert [row["name"] for row in found] == ["小个子穿搭"]
    engagement.comment(account=lily.account, note_id=talked.pk, text="求地点", at=now())
    hot = anyone.get("/v1/topics?sort=hot").json()["results"]
    assert [(row["name"], row["participants"]) for row in hot] == [
        ("露营", 2),
        ("通勤", 1),
        ("小个子穿搭", 1),
    ]


# ---------------------------------------------------------------- search


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("梨形身材", [0]),
        ("形身", [0]),
        ("材", [0]),
        ("身材梨形", []),
        ("梨形 显瘦", [0]),
        ("spf50", [1]),
        ("SPF50 防晒", [1]),
        ("ＳＰＦ５０", [1]),
        ("阔腿裤", [0, 2]),
        ("阔裤腿", []),
        ("网球", [2]),
        ("没有的词", []),
        ("'); drop table notes_note; --", []),
        ("阔腿裤 & !", [0, 2]),
    ],
)
def test_search_finds_every_part_of_a_run_and_nothing_else(
    selena: Person, anyone: APIClient, published: Make, query: str, found: list[int]
) -> None:
    """E6: a sub-string inside a Chinese run is found; topics are searched too."""
    start = now()
    notes = [
        published(selena, title=title, body=body, topics=[topic], at=start - timedelta(days=n))
        for n, (title, body, topic) in enumerate(
            [
                ("梨形身材的阔腿裤", "垂感显瘦，直接闭眼入", "穿搭"),
                ("黄皮防晒", "SPF50 不泛白🌞", "护肤"),
                ("周末", "穿阔腿裤打球", "网球风"),
            ]
        )
    ]
    answer = anyone.get("/v1/search", {"q": query, "type": "notes"})
    assert answer.status_code == 200, answer.content
    assert [row["id"] for row in answer.json()["results"]] == [notes[n].pk for n in found]


def test_search_puts_exact_titles_before_titles_before_bodies(
    selena: Person, anyone: APIClient, published: Make
) -> None:
    old = now() - timedelta(days=30)
    exact = published(selena, title="露营", at=old)
    title = published(selena, title="第一次露营", at=old)
    body = published(selena, title="周末", body="我们去露营")
    wanted = [exact.pk, title.pk, body.pk]
    assert _ids(anyone, "search?q=露营") == wanted
    assert _pages(anyone, "search?q=露营", 1) == [[one] for one in wanted]


def test_a_word_of_very_many_notes_is_walked_by_hot_and_still_confirmed(
    selena: Person, anyone: APIClient, published: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MAX_RANKED", 2)
    start = now()
    notes = [
        published(selena, title=title, at=start - timedelta(hours=n))
        for n, title in enumerate(["周末露营地", "营地露营", "露营", "露营地图", "去露营地"])
    ]
    assert _ids(anyone, "search?q=露营") == [note.pk for note in notes]
    confirmed = [notes[0].pk, notes[3].pk, notes[4].pk]
    assert _ids(anyone, "search?q=露营地") == confirmed
    assert _pages(anyone, "search?q=露营地", 1) == [[one] for one in confirmed]


def test_an_edit_is_found_by_its_new_words_only(
    selena: Person, anyone: APIClient, published: Make
) -> None:
    note = published(selena, title="旧标题")
    selena.client.patch(f"/v1/notes/{note.pk}", {"title": "新名字"}, format="json")
    assert (_ids(anyone, "search?q=旧标题"), _ids(anyone, "search?q=新名字")) == ([], [note.pk])


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20", "?q=🌸", "?q=！？"])
def test_an_empty_query_is_refused(anyone: APIClient, db: None, query: str) -> None:
    answer = anyone.get(f"/v1/search{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "empty_query")


# ---------------------------------------------------------------- cost


def test_every_list_is_one_statement_however_many_rows(
    selena: Person,
    lily: Person,
    published: Make,
    own_product: Any,
    django_assert_num_queries: Any,
) -> None:
    engagement.follow(account=lily.account, handle="selena", at=now())
    topic = TopicFactory.create(name="学院风")

    def everything(of_nothing: int = 1) -> None:
        reader = lily.account
        for verb in (
            lambda: feed.discover(viewer=reader, part=FIRST, media="image", goods=False),
            lambda: feed.nearby(viewer=reader, part=FIRST, city="310000"),
            lambda: feed.follow(viewer=reader, part=FIRST),
            lambda: feed.collects(viewer=reader, part=FIRST),
            lambda: feed.mine(account=reader, part=FIRST),
            lambda: search.notes(viewer=reader, part=FIRST, query="羊毛大衣"),
        ):
            with django_assert_num_queries(1):
                verb()
        for verb in (
            lambda: feed.of_topic(viewer=reader, part=FIRST, topic_id=topic.pk),
            lambda: feed.of_author(viewer=reader, part=FIRST, handle="selena"),
        ):
            with django_assert_num_queries(of_nothing):
                verb()
        with django_assert_num_queries(2):  # in no note: is there such a product?
            feed.of_product(viewer=reader, part=FIRST, product_id=own_product.pk)

    everything(of_nothing=2)  # no notes: is there such a thing at all?
    for _ in range(12):
        note = published(selena, city_code="310000")
        engagement.collect(account=lily.account, note_id=note.pk, at=now())
        engagement.comment(account=lily.account, note_id=note.pk, text="好", at=now())
    everything()
    with django_assert_num_queries(2):  # the token and the list
        lily.client.get("/v1/feeds/discover")
    with django_assert_num_queries(1):
        APIClient().get("/v1/feeds/discover")
    with django_assert_num_queries(3):  # token, may it be read, comments with answers
        lily.client.get(f"/v1/notes/{note.pk}/comments")


def test_an_inactive_authors_notes_are_gone(
    selena: Person, anyone: APIClient, published: Make
) -> None:
    note = published(selena, city_code="310000")
    Account.objects.update(is_active=False)
    for path in (
        "feeds/discover",
        "feeds/nearby?city=310000",
        "search?q=羊毛",
    ):
        assert _ids(anyone, path) == [], path
    assert anyone.get("/v1/accounts/selena/notes").status_code == 404
    assert anyone.get(f"/v1/notes/{note.pk}").status_code == 404


def test_the_follow_feed_reads_each_followee_by_its_index(
    selena: Person, django_assert_num_queries: Any
) -> None:
    """The LATERAL plan has no bad case: quiet followees cost a look each."""
    for _ in range(30):
        engagement.follow(account=selena.account, handle=AccountFactory.create().handle, at=now())
    with django_assert_num_queries(1):
        assert feed.follow(viewer=selena.account, part=FIRST) == ([], None)
