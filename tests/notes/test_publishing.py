"""Drafts, previews, publication, edits in place: D5, D6, D7, D9, D10, D20, E13."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from backend.core.clock import now
from backend.core.models import AuditEntry
from notes import publishing, ranking
from notes.models import Note, Topic
from seeds.factories import MediaFileFactory
from tests.cast import Person

Make = Callable[..., Note]


def _post(person: Person, path: str, body: dict[str, Any] | None = None) -> Any:
    return person.client.post(f"/v1/{path}", body or {}, format="json")


def _patch(person: Person, note: Note, body: dict[str, Any]) -> Any:
    return person.client.patch(f"/v1/notes/{note.pk}", body, format="json")


def test_a_draft_is_the_authors_alone_until_it_is_published(
    selena: Person, mallory: Person, anyone: APIClient
) -> None:
    """D20: POST gives a draft; a foreign draft answers 404."""
    file = MediaFileFactory.create(owner=selena.account)
    body = {
        "kind": "image",
        "title": "羊毛大衣🧥",
        "body": "一米五八穿到脚踝刚好",
        "topics": ["#小个子穿搭", "小个子 穿搭"],
        "city_code": "310000",
        "media": [{"file": file.pk, "labels": [{"x": 0.25, "y": 1, "text": "大衣"}]}],
    }
    answer = _post(selena, "notes", body)
    assert answer.status_code == 201, answer.content
    note = answer.json()
    assert (note["status"], note["title"]) == ("draft", "羊毛大衣🧥")
    assert [topic["name"] for topic in note["topics"]] == ["小个子穿搭"]
    assert note["media"][0]["labels"] == [{"x": 0.25, "y": 1.0, "text": "大衣"}]
    path = f"/v1/notes/{note['id']}"
    assert [c.get(path).status_code for c in (selena.client, mallory.client, anyone)] == [
        200,
        404,
        404,
    ]
    assert mallory.client.get(f"{path}/preview").status_code == 404
    for verb in ("publish", "withdraw"):
        assert _post(mallory, f"notes/{note['id']}/{verb}").status_code == 404
    assert mallory.client.patch(path, {"title": "x"}, format="json").status_code == 404
    assert mallory.client.delete(path).status_code == 404
    mine = selena.client.get("/v1/me/notes?status=draft").json()["results"]
    assert [(row["id"], row["status"]) for row in mine] == [(note["id"], "draft")]
    assert _post(selena, f"notes/{note['id']}/publish").json()["status"] == "published"
    assert anyone.get(path).status_code == 200
    assert selena.client.get("/v1/me/notes?status=draft").json()["results"] == []


@pytest.mark.parametrize("kind", ["image", "video"])
def test_the_preview_is_byte_for_byte_what_everybody_reads_later(
    selena: Person, anyone: APIClient, draft: Make, own_product: Any, kind: str
) -> None:
    """D6."""
    note = draft(selena, kind=kind, body="正文", city_code="310000")
    _post(selena, f"notes/{note.pk}/products", {"product": own_product.pk})
    before = selena.client.get(f"/v1/notes/{note.pk}/preview").json()
    assert before.pop("blocking") == []
    assert _post(selena, f"notes/{note.pk}/publish").status_code == 200
    after = anyone.get(f"/v1/notes/{note.pk}").json()
    for page in (before, after):
        for name in ("status", "published_at"):
            page.pop(name)
    assert before == after
    assert after["cards"][0]["available"] is True


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"title": ""}, "text_required"),
        ({"media": []}, "media_required"),
        ({"topics": []}, "topic_required"),
    ],
)
def test_an_unfinished_draft_is_not_published_and_the_preview_says_why(
    selena: Person, draft: Make, fields: dict[str, Any], code: str
) -> None:
    """D5, D10."""
    note = draft(selena, **fields)
    answer = _post(selena, f"notes/{note.pk}/publish")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    preview = selena.client.get(f"/v1/notes/{note.pk}/preview").json()
    assert [one["code"] for one in preview["blocking"]] == [code]
    note.refresh_from_db()
    assert (note.status, note.published_at) == ("draft", None)
    assert Topic.objects.filter(note_count__gt=0).count() == 0


def test_a_video_note_needs_its_video_and_a_cover(selena: Person, draft: Make) -> None:
    video = MediaFileFactory.create(owner=selena.account, kind="video")
    note = draft(selena, kind="video", media=[{"file": video.pk}])
    answer = _post(selena, f"notes/{note.pk}/publish")
    assert (answer.status_code, answer.json()["code"]) == (422, "media_required")
    second = MediaFileFactory.create(owner=selena.account, kind="video")
    answer = _patch(selena, note, {"media": [{"file": video.pk}, {"file": second.pk}]})
    assert (answer.status_code, answer.json()["code"]) == (422, "media_mismatch")


def test_a_card_without_media_is_no_note(selena: Person, draft: Make, own_product: Any) -> None:
    """D5: a bare card cannot be published."""
    note = draft(selena, media=[])
    assert (
        _post(selena, f"notes/{note.pk}/products", {"product": own_product.pk}).status_code == 201
    )
    answer = _post(selena, f"notes/{note.pk}/publish")
    assert (answer.status_code, answer.json()["code"]) == (422, "media_required")


def test_a_published_note_is_changed_in_place(
    selena: Person, lily: Person, published: Make
) -> None:
    """D7: same id, interactions kept, edited_at and revision set; place in the feeds kept."""
    note = published(selena, at=now() - timedelta(days=1))
    lily.client.put(f"/v1/notes/{note.pk}/like")
    ranking.rank_notes(at=now())
    note.refresh_from_db()
    before = (note.hot, note.published_at)
    answer = _patch(selena, note, {"title": "改过的标题", "topics": ["通勤"]})
    assert answer.status_code == 200, answer.content
    page = answer.json()
    assert (page["id"], page["like_count"], page["revision"]) == (note.pk, 1, 2)
    assert page["edited_at"] is not None
    note.refresh_from_db()
    assert (note.hot, note.published_at, note.title) == (*before, "改过的标题")
    counts = dict(Topic.objects.values_list("name", "note_count"))
    assert counts == {"学院风": 0, "通勤": 1}


def test_a_published_note_cannot_be_emptied(selena: Person, published: Make) -> None:
    note = published(selena)
    for change, code in (
        ({"title": ""}, "text_required"),
        ({"media": []}, "media_required"),
        ({"topics": []}, "topic_required"),
    ):
        answer = _patch(selena, note, change)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    note.refresh_from_db()
    assert (note.title, note.revision, note.media.count(), note.topics.count()) == (
        "羊毛大衣",
        1,
        1,
        1,
    )


def test_withdrawing_and_publishing_again_is_no_way_to_the_top(
    selena: Person, anyone: APIClient, published: Make
) -> None:
    first = now() - timedelta(days=3)
    note = published(selena, at=first)
    hot = note.hot
    assert _post(selena, f"notes/{note.pk}/withdraw").json()["status"] == "withdrawn"
    assert anyone.get(f"/v1/notes/{note.pk}").status_code == 404
    selena.account.refresh_from_db()
    assert selena.account.note_count == 0
    answer = _post(selena, f"notes/{note.pk}/withdraw")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert _post(selena, f"notes/{note.pk}/publish").status_code == 200
    answer = _post(selena, f"notes/{note.pk}/publish")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    note.refresh_from_db()
    selena.account.refresh_from_db()
    assert (note.published_at, note.hot, selena.account.note_count) == (first, hot, 1)


def test_a_taken_down_note_is_gone_from_every_list_at_the_next_request(
    selena: Person,
    lily: Person,
    staff: Person,
    anyone: APIClient,
    published: Make,
    own_product: Any,
) -> None:
    """E13, and back again when it is restored."""
    note = published(selena, city_code="310000")
    _post(selena, f"notes/{note.pk}/products", {"product": own_product.pk})
    lily.client.put("/v1/accounts/selena/follow")
    lily.client.put(f"/v1/notes/{note.pk}/collect")
    topic = note.topics.get()
    lists = [
        "feeds/discover",
        "feeds/follow",
        "feeds/nearby?city=310000",
        "search?q=羊毛大衣",
        f"topics/{topic.pk}/notes",
        "accounts/selena/notes",
        "me/collects",
        f"products/{own_product.pk}/notes",
    ]

    def seen() -> list[int]:
        return [len(lily.client.get(f"/v1/{path}").json()["results"]) for path in lists]

    assert seen() == [1] * 8
    publishing.take_down(note_id=note.pk, by=staff.account, reason="虚假宣传", at=now())
    assert seen() == [0] * 8
    assert lily.client.get(f"/v1/notes/{note.pk}").status_code == 404
    assert lily.client.put(f"/v1/notes/{note.pk}/like").status_code == 404
    page = selena.client.get(f"/v1/notes/{note.pk}").json()
    assert (page["status"], page["takedown_reason"]) == ("taken_down", "虚假宣传")
    for path, body in ((f"notes/{note.pk}/publish", {}), (f"notes/{note.pk}/withdraw", {})):
        answer = _post(selena, path, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "note_taken_down")
    assert _patch(selena, note, {"title": "x"}).json()["code"] == "note_taken_down"
    publishing.restore(note_id=note.pk, by=staff.account, at=now())
    assert seen() == [1] * 8
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == [
        "note.take_down",
        "note.restore",
    ]


def test_a_deleted_note_is_gone_for_its_author_too(selena: Person, published: Make) -> None:
    note = published(selena)
    assert selena.client.delete(f"/v1/notes/{note.pk}").status_code == 204
    assert selena.client.get(f"/v1/notes/{note.pk}").status_code == 404
    assert selena.client.delete(f"/v1/notes/{note.pk}").status_code == 404
    assert selena.client.get("/v1/me/notes").json()["results"] == []
    selena.account.refresh_from_db()
    assert (selena.account.note_count, Topic.objects.get().note_count) == (0, 0)


def test_texts_are_taken_as_they_are_or_refused(selena: Person) -> None:
    def status(**fields: Any) -> int:
        return int(_post(selena, "notes", {"kind": "image", **fields}).status_code)

    assert status(body="字" * 1000, title="😀" * 20) == 201
    assert status(body="字" * 1001) == 422
    assert status(title="字" * 21) == 422
    assert status(body="x" * 100_000) == 422
    assert status(body="a\x00b") == 400
    assert status(body="a\u202eb") == 422
    assert status(kind="essay") == 422
    assert status(like_count=9) == 422
    assert status(topics=[f"话题{n}" for n in range(11)]) == 422
    assert status(topics=["#"]) == 422
    assert status(city_code="上海") == 422
    assert Note.objects.count() == 1
    family = "👨‍👩‍👧 家"
    note = _post(selena, "notes", {"kind": "image", "title": family}).json()
    assert note["title"] == family


@pytest.mark.parametrize(
    "wrong",
    [
        {"labels": [{"x": 1.2, "y": 0.5, "text": "a"}]},
        {"labels": [{"x": "0.5", "y": 0.5, "text": "a"}]},
        {"labels": [{"x": True, "y": 0.5, "text": "a"}]},
        {"cover_crop": {"x": 0.5, "y": 0, "w": 0.6, "h": 1}},
        {"cover_crop": {"x": 0.5, "y": 0, "w": 0, "h": 1}},
    ],
)
def test_labels_and_crops_stay_inside_the_picture(selena: Person, wrong: dict[str, Any]) -> None:
    """D9: x=1.2 is refused."""
    file = MediaFileFactory.create(owner=selena.account)
    body = {"kind": "image", "media": [{"file": file.pk, **wrong}]}
    assert _post(selena, "notes", body).status_code == 422
    assert Note.objects.count() == 0


def test_anothers_file_cannot_be_used(selena: Person, mallory: Person) -> None:
    file = MediaFileFactory.create(owner=selena.account)
    answer = _post(mallory, "notes", {"kind": "image", "media": [{"file": file.pk}]})
    assert (answer.status_code, Note.objects.count()) == (404, 0)


def test_an_id_beyond_the_database_names_nothing(selena: Person) -> None:
    assert selena.client.get(f"/v1/notes/{2**63}").status_code == 404
    assert selena.client.put(f"/v1/notes/{10**30}/like").status_code == 404


def test_a_note_is_read_by_one_statement(
    selena: Person, published: Make, django_assert_num_queries: Any
) -> None:
    from notes import reading

    note = published(selena)
    with django_assert_num_queries(1):
        reading.page(note_id=note.pk, viewer=selena.account, at=now())
