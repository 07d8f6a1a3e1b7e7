"""Likes, collects, comments, follows: F1 (once, exact counts), F2 (public)."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from backend.core.clock import now
from notes import engagement, recount
from notes.models import Collect, Comment, Follow, Like, Note
from seeds.factories import AccountFactory
from tests.cast import Person

Make = Callable[..., Note]


@pytest.mark.parametrize(
    ("act", "model", "counter"),
    [("like", Like, "like_count"), ("collect", Collect, "collect_count")],
)
def test_an_act_counts_once_and_is_taken_back_once(
    selena: Person, lily: Person, published: Make, act: str, model: Any, counter: str
) -> None:
    """F1: PUT twice is one row; DELETE is idempotent."""
    note = published(selena)
    path = f"/v1/notes/{note.pk}/{act}"

    def state() -> tuple[int, int]:
        return getattr(Note.objects.get(), counter), model.objects.count()

    assert [lily.client.put(path).status_code for _ in range(2)] == [204, 204]
    assert state() == (1, 1)
    assert lily.client.get(f"/v1/notes/{note.pk}").json()[f"{act}{'d' if act == 'like' else 'ed'}"]
    selena.client.put(path)
    assert state() == (2, 2)
    assert [lily.client.delete(path).status_code for _ in range(2)] == [204, 204]
    assert state() == (1, 1)


def test_acts_need_a_published_note_and_an_account(
    selena: Person, anyone: APIClient, draft: Make, published: Make
) -> None:
    waiting, shown = draft(selena), published(selena)
    for act in ("like", "collect"):
        assert selena.client.put(f"/v1/notes/{waiting.pk}/{act}").status_code == 404
        assert anyone.put(f"/v1/notes/{shown.pk}/{act}").status_code == 401
    assert Like.objects.count() + Collect.objects.count() == 0


def test_what_one_keeps_is_listed_the_last_kept_first(
    selena: Person, lily: Person, published: Make
) -> None:
    notes = [published(selena) for _ in range(3)]
    for note in (notes[1], notes[0], notes[2]):
        lily.client.put(f"/v1/notes/{note.pk}/collect")
    first = lily.client.get("/v1/me/collects?page_size=2").json()
    rest = lily.client.get(f"/v1/me/collects?page_size=2&cursor={first['next']}").json()
    seen = [row["id"] for row in first["results"] + rest["results"]]
    assert seen == [notes[2].pk, notes[0].pk, notes[1].pk]
    assert rest["next"] is None


def _comment(person: Person, note: Note, text: str, parent: int | None = None) -> Any:
    return person.client.post(
        f"/v1/notes/{note.pk}/comments", {"text": text, "parent": parent}, format="json"
    )


def test_comments_have_two_levels_and_everybody_sees_them(
    selena: Person, lily: Person, mallory: Person, anyone: APIClient, published: Make
) -> None:
    """F2."""
    note, other = published(selena), published(selena)
    first = _comment(lily, note, "链接有吗😍").json()
    answers = [_comment(selena, note, f"第{n}个回答", first["id"]).json() for n in range(5)]
    second = _comment(mallory, note, "好看").json()
    for reader in (anyone, lily.client):
        page = reader.get(f"/v1/notes/{note.pk}/comments").json()["results"]
        assert [(row["id"], row["answer_count"]) for row in page] == [
            (second["id"], 0),
            (first["id"], 5),
        ]
        assert [row["text"] for row in page[1]["answers"]] == [
            "第0个回答",
            "第1个回答",
            "第2个回答",
        ]
        assert page[1]["answers"][0]["author"]["handle"] == "selena"
        assert page[1]["answers"][0]["at"].endswith("Z")
    path = f"/v1/notes/{note.pk}/comments?parent={first['id']}&page_size=3"
    page = anyone.get(path).json()
    assert [row["id"] for row in page["results"]] == [one["id"] for one in answers[:1:-1]]
    rest = anyone.get(f"{path}&cursor={page['next']}").json()
    assert [row["id"] for row in rest["results"]] == [one["id"] for one in answers[1::-1]]
    note.refresh_from_db()
    assert note.comment_count == Comment.objects.filter(note=note).count() == 7
    for wrong in (answers[0]["id"], 2**40):
        answer = _comment(lily, note, "x", wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "parent_mismatch")
    assert _comment(lily, other, "x", first["id"]).json()["code"] == "parent_mismatch"
    other.refresh_from_db()
    assert other.comment_count == 0


def test_a_comment_is_deleted_by_its_author_or_the_notes_with_its_answers(
    selena: Person, lily: Person, mallory: Person, published: Make
) -> None:
    note = published(selena)
    first = _comment(lily, note, "一").json()["id"]
    _comment(mallory, note, "二", first)
    third = _comment(lily, note, "三").json()["id"]
    assert mallory.client.delete(f"/v1/comments/{first}").status_code == 404
    assert lily.client.delete(f"/v1/comments/{first}").status_code == 204
    assert lily.client.delete(f"/v1/comments/{first}").status_code == 404
    note.refresh_from_db()
    assert note.comment_count == 1
    assert selena.client.delete(f"/v1/comments/{third}").status_code == 204
    note.refresh_from_db()
    assert (note.comment_count, Comment.objects.filter(status="visible").count()) == (0, 0)
    assert _comment(lily, note, "x", first).json()["code"] == "parent_mismatch"


def test_comments_are_texts_of_people(selena: Person, published: Make) -> None:
    note = published(selena)
    assert [
        _comment(selena, note, text).status_code for text in ("", " ", "字" * 301, "\u200b")
    ] == [422] * 4
    assert _comment(selena, note, "字" * 300).status_code == 201


def test_a_follow_counts_once_on_both_sides(
    selena: Person, lily: Person, anyone: APIClient
) -> None:
    path = "/v1/accounts/selena/follow"
    assert [lily.client.put(path).status_code for _ in range(2)] == [204, 204]

    def counts() -> list[int]:
        selena.account.refresh_from_db()
        lily.account.refresh_from_db()
        return [
            selena.account.follower_count,
            selena.account.following_count,
            lily.account.follower_count,
            lily.account.following_count,
            Follow.objects.count(),
        ]

    assert counts() == [1, 0, 0, 1, 1]
    listed = anyone.get("/v1/accounts/selena/followers").json()["results"]
    assert [row["handle"] for row in listed] == ["lily"]
    listed = anyone.get("/v1/accounts/lily/following").json()["results"]
    assert [(row["handle"], row["follower_count"]) for row in listed] == [("selena", 1)]
    assert [lily.client.delete(path).status_code for _ in range(2)] == [204, 204]
    assert counts() == [0, 0, 0, 0, 0]
    answer = lily.client.put("/v1/accounts/lily/follow")
    assert (answer.status_code, answer.json()["code"]) == (422, "cannot_follow_self")
    assert lily.client.put("/v1/accounts/nobody/follow").status_code == 404
    assert anyone.put(path).status_code == 401
    assert anyone.get("/v1/accounts/nobody/followers").status_code == 404


def test_a_follow_may_name_the_note_that_led_to_it(
    selena: Person, lily: Person, mallory: Person, published: Make
) -> None:
    hers, other = published(selena), published(mallory)
    path = "/v1/accounts/selena/follow"
    assert lily.client.put(path, {"via_note": other.pk}, format="json").status_code == 404
    assert Follow.objects.count() == 0
    assert lily.client.put(path, {"via_note": hers.pk}, format="json").status_code == 204
    assert Follow.objects.get().via_note_id == hers.pk


def test_an_account_follows_at_most_two_thousand(
    selena: Person, lily: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engagement, "MAX_FOLLOWS", 1)
    other = AccountFactory.create()
    assert lily.client.put("/v1/accounts/selena/follow").status_code == 204
    answer = lily.client.put(f"/v1/accounts/{other.handle}/follow")
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_follows")
    other.refresh_from_db()
    assert (other.follower_count, Follow.objects.count()) == (0, 1)


def test_the_recount_mends_what_a_bulk_load_left_and_then_finds_nothing(
    selena: Person, lily: Person, published: Make
) -> None:
    note = published(selena)
    Like.objects.create(account=lily.account, note=note, at=now())
    Comment.objects.create(author=lily.account, note=note, text="好", at=now())
    Follow.objects.create(follower=lily.account, followee=selena.account, at=now())
    note.topics.update(note_count=7)
    assert recount.recount(at=now()) == {"notes": 1, "accounts": 2, "topics": 1, "ranked": 1}
    note.refresh_from_db()
    selena.account.refresh_from_db()
    assert (note.like_count, note.comment_count, selena.account.follower_count) == (1, 1, 1)
    assert note.topics.get().note_count == 1
    assert recount.recount(at=now()) == {"notes": 0, "accounts": 0, "topics": 0, "ranked": 1}
