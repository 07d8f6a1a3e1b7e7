"""Notes under parallel hands: counters equal rows (F1), one application, one publication, no
dead-lock between people who follow each other, no act lost to a ranking under way."""

import random
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.conf import settings
from django.db.models import Count

from backend.accounts.models import Account
from backend.core.clock import now
from backend.core.errors import Refusal
from notes import cards, engagement, publishing, ranking, recount
from notes.models import (
    Collect,
    Comment,
    Follow,
    GoodsNoteApplication,
    Like,
    Note,
    NoteProduct,
    Topic,
)
from seeds.factories import AccountFactory, MediaFileFactory, ProductFactory, ShopFactory
from tests.races.crowd import Crowd

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 8


def _together(jobs: list[Callable[[], object]]) -> list[Exception]:
    """What the jobs raised that began at one moment."""
    with Crowd(len(jobs)) as crowd:
        answers = crowd.at_once(*jobs)
    return [answer.error for answer in answers if answer.error is not None]


def _draft(author: Account, topics: list[str]) -> Note:
    file = MediaFileFactory.create(owner=author)
    return publishing.create(
        author=author, at=now(), kind="image", title="大衣", topics=topics,
        media=[{"file": file.pk}],
    )  # fmt: skip


def _note(author: Account) -> Note:
    note = _draft(author, ["穿搭"])
    return publishing.publish(account=author, note_id=note.pk, at=now())


def test_counters_equal_rows_whatever_is_pressed_at_once() -> None:
    author = AccountFactory.create()
    note = _note(author)
    readers = AccountFactory.create_batch(3)

    def press(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(30):
            who = {"account": rng.choice(readers), "note_id": note.pk}
            act = rng.choice(["like", "unlike", "collect", "uncollect", "comment", "rank"])
            if act == "rank":
                ranking.rank_notes(at=now())
            elif act == "comment":
                engagement.comment(**who, text="好", at=now())
            elif act.startswith("un"):
                getattr(engagement, act)(**who)
            else:
                getattr(engagement, act)(**who, at=now())

    assert _together([lambda n=n: press(n) for n in range(WORKERS)]) == []
    note.refresh_from_db()
    rows = [kind.objects.filter(note=note).count() for kind in (Like, Collect, Comment)]
    assert [note.like_count, note.collect_count, note.comment_count] == rows
    assert rows[0] <= 3
    assert rows[1] <= 3
    assert rows[2] > 0
    ranking.rank_notes(at=now())
    stored = Note.objects.values_list("hot", flat=True).get(pk=note.pk)
    told = ranking.explain(note_id=note.pk, account=author, at=now())
    assert stored == told["score"]


def test_one_reader_who_presses_in_many_windows_likes_once() -> None:
    note, reader = _note(AccountFactory.create()), AccountFactory.create()
    jobs = [lambda: engagement.like(account=reader, note_id=note.pk, at=now())] * WORKERS
    assert _together(jobs) == []
    note.refresh_from_db()
    assert (note.like_count, Like.objects.count()) == (1, 1)
    jobs = [lambda: engagement.unlike(account=reader, note_id=note.pk)] * WORKERS
    assert _together(jobs) == []
    note.refresh_from_db()
    assert (note.like_count, Like.objects.count()) == (0, 0)


def test_people_who_follow_each_other_do_not_stop_each_other() -> None:
    people = AccountFactory.create_batch(4)
    notes = {person.pk: _note(person) for person in people}

    def press(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(25):
            me, other = rng.sample(people, 2)
            act = rng.randrange(4)
            if act == 0:
                engagement.unfollow(account=me, handle=other.handle)
            elif act == 1:
                recount.recount(at=now())
            else:
                engagement.follow(
                    account=me, handle=other.handle, at=now(), via_note_id=notes[other.pk].pk
                )

    assert _together([lambda n=n: press(n) for n in range(WORKERS)]) == []
    followers = dict(Follow.objects.values_list("followee").annotate(count=Count("id")).order_by())
    following = dict(Follow.objects.values_list("follower").annotate(count=Count("id")).order_by())
    for person in Account.objects.all():
        assert person.follower_count == followers.get(person.pk, 0)
        assert person.following_count == following.get(person.pk, 0)


def test_publishing_and_being_followed_through_the_note_do_not_stop_each_other() -> None:
    author, reader = AccountFactory.create(), AccountFactory.create()
    note = _note(author)

    def author_works() -> None:
        for _ in range(15):
            publishing.withdraw(account=author, note_id=note.pk, at=now())
            publishing.publish(account=author, note_id=note.pk, at=now())

    def reader_works() -> None:
        for _ in range(30):
            try:
                engagement.follow(
                    account=reader, handle=author.handle, at=now(), via_note_id=note.pk
                )
                engagement.unfollow(account=reader, handle=author.handle)
            except Refusal:
                pass  # withdrawn at this moment

    assert _together([author_works, reader_works]) == []
    author.refresh_from_db()
    assert author.note_count == 1
    assert author.follower_count == Follow.objects.count()


def test_a_note_is_published_once_and_counted_once() -> None:
    author = AccountFactory.create()
    note = _draft(author, ["穿搭", "通勤"])
    jobs = [lambda: publishing.publish(account=author, note_id=note.pk, at=now())] * WORKERS
    raised = _together(jobs)
    assert [type(error).__name__ for error in raised] == ["WrongState"] * (WORKERS - 1)
    author.refresh_from_db()
    assert author.note_count == 1
    assert set(Topic.objects.values_list("note_count", flat=True)) == {1}


def test_new_topics_come_into_being_once_in_any_order() -> None:
    author = AccountFactory.create()
    names = [f"话题{n}" for n in range(6)]

    def write(seed: int) -> None:
        mixed = random.Random(seed).sample(names, len(names))
        note = _draft(author, mixed)
        publishing.publish(account=author, note_id=note.pk, at=now())

    assert _together([lambda n=n: write(n) for n in range(WORKERS)]) == []
    assert set(Topic.objects.values_list("note_count", flat=True)) == {WORKERS}
    assert Topic.objects.count() == 6


def test_a_note_never_gets_more_cards_than_allowed() -> None:
    author = AccountFactory.create()
    note, shop = _note(author), ShopFactory.create(account=author)
    goods = ProductFactory.create_batch(WORKERS, shop=shop)
    jobs = [
        lambda pk=one.pk: cards.attach(account=author, note_id=note.pk, product_id=pk, at=now())
        for one in goods
    ]
    raised = _together(jobs)
    allowed = settings.NOTE_MAX_CARDS
    assert [error.code for error in raised] == ["too_many_cards"] * (WORKERS - allowed)
    assert NoteProduct.objects.count() == allowed
    assert len(set(NoteProduct.objects.values_list("position", flat=True))) == allowed


def test_one_application_waits_however_often_it_is_sent() -> None:
    blogger = AccountFactory.create(follower_count=1000, real_name_verified_at=now())
    jobs = [lambda: cards.apply_for_goods_notes(account=blogger, at=now())] * WORKERS
    raised = _together(jobs)
    assert [error.code for error in raised] == ["already_open"] * (WORKERS - 1)
    application = GoodsNoteApplication.objects.get()
    staff = AccountFactory.create()
    decisions = [
        lambda: cards.approve_goods_notes(application_id=application.pk, by=staff, at=now()),
        lambda: cards.reject_goods_notes(
            application_id=application.pk, by=staff, reason="少", at=now()
        ),
    ] * 3
    raised = _together(decisions)
    assert [error.code for error in raised] == ["wrong_state"] * 5


def test_a_comment_is_deleted_once_and_not_answered_afterwards() -> None:
    author, reader = AccountFactory.create(), AccountFactory.create()
    note = _note(author)
    for _ in range(5):
        first = engagement.comment(account=reader, note_id=note.pk, text="一", at=now())
        answer = {"note_id": note.pk, "text": "二", "parent_id": first.pk, "at": now()}
        raised = _together(
            [
                partial(engagement.delete_comment, account=author, comment_id=first.pk),
                partial(engagement.delete_comment, account=reader, comment_id=first.pk),
                partial(engagement.comment, account=author, **answer),
                partial(engagement.comment, account=reader, **answer),
            ]
        )
        assert all(isinstance(error, Refusal) for error in raised), raised
        note.refresh_from_db()
        visible = Comment.objects.filter(note=note, status="visible").count()
        assert (note.comment_count, visible) == (0, 0)


def test_an_act_during_a_ranking_marks_the_note_again() -> None:
    """The ranking holds the note, a like waits for it; the mark that the like sets survives."""
    author, reader = AccountFactory.create(), AccountFactory.create()
    notes = [_note(author) for _ in range(10)]
    deadline = now() + timedelta(seconds=1)

    def rank() -> None:
        while now() < deadline:
            ranking.rank_notes(at=now())

    def press(seed: int) -> None:
        rng = random.Random(seed)
        while now() < deadline:
            note = rng.choice(notes)
            engagement.like(account=reader, note_id=note.pk, at=now())
            engagement.unlike(account=reader, note_id=note.pk)
            engagement.follow(account=reader, handle=author.handle, at=now(), via_note_id=note.pk)
            engagement.unfollow(account=reader, handle=author.handle)

    assert _together([rank, rank, lambda: press(1), lambda: press(2), lambda: press(3)]) == []
    ranking.rank_notes(at=now())
    for note in notes:
        stored = Note.objects.values_list("hot", flat=True).get(pk=note.pk)
        told = ranking.explain(note_id=note.pk, account=author, at=now())
        assert stored == told["score"]
