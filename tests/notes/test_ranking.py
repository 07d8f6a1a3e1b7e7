"""Ranking q1: D4 and E12. Content decides; cards, price, followers, verification do not."""

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.accounts.models import Account
from backend.core.clock import now
from notes import cards, engagement, ranking, tasks
from notes.models import Note
from seeds.factories import AccountFactory, SkuFactory
from shops.models import Product, Sku
from tests.cast import Person

Make = Callable[..., Note]


def _expected(note: Note, engaged: int) -> float:
    age = note.published_at.timestamp() - ranking.EPOCH.timestamp()
    return math.log10(max(1, engaged)) + age / 172_800


def _acts(note: Note, author: Account) -> None:
    """1 like, 1 collect, 2 commenters (one twice), 1 follow: 1 + 1 + 2·4 + 8 = 18; and the
    author's own, which count nothing."""
    readers = AccountFactory.create_batch(2)
    for account in (readers[0], author):
        engagement.like(account=account, note_id=note.pk, at=now())
        engagement.collect(account=account, note_id=note.pk, at=now())
    for account in (readers[0], readers[0], readers[1], author):
        engagement.comment(account=account, note_id=note.pk, text="好", at=now())
    engagement.follow(account=readers[1], handle=author.handle, at=now(), via_note_id=note.pk)


def test_the_score_counts_distinct_readers_by_their_weights(
    selena: Person, published: Make
) -> None:
    note = published(selena, at=now() - timedelta(days=3))
    assert note.hot == pytest.approx(_expected(note, 0), abs=1e-9)
    _acts(note, selena.account)
    assert ranking.rank_notes(at=now()) == 1
    note.refresh_from_db()
    assert note.hot == pytest.approx(_expected(note, 18), abs=1e-9)
    assert (note.rank_version, note.rank_due) == ("q1", False)
    assert ranking.rank_notes(at=now()) == 0


def test_taking_everything_back_takes_the_score_back(selena: Person, published: Make) -> None:
    note = published(selena)
    before = note.hot
    reader = AccountFactory.create()
    engagement.like(account=reader, note_id=note.pk, at=now())
    engagement.follow(account=reader, handle="selena", at=now(), via_note_id=note.pk)
    written = engagement.comment(account=reader, note_id=note.pk, text="好", at=now())
    tasks.rank_notes()
    note.refresh_from_db()
    assert note.hot > before
    engagement.unlike(account=reader, note_id=note.pk)
    engagement.unfollow(account=reader, handle="selena")
    engagement.delete_comment(account=reader, comment_id=written.pk)
    tasks.rank_notes()
    note.refresh_from_db()
    assert note.hot == before


def test_ten_times_the_engagement_is_worth_two_days(selena: Person, published: Make) -> None:
    at = now()
    old, new = published(selena, at=at - timedelta(days=2)), published(selena, at=at)
    for account in AccountFactory.create_batch(10):
        engagement.like(account=account, note_id=old.pk, at=at)
    ranking.rank_notes(at=at)
    old.refresh_from_db()
    assert old.hot == pytest.approx(new.hot, abs=1e-9)


def test_the_author_is_told_the_inputs_and_can_recompute_the_score(
    selena: Person, mallory: Person, staff: Person, published: Make
) -> None:
    """E12."""
    note = published(selena)
    _acts(note, selena.account)
    path = f"/v1/notes/{note.pk}/ranking"
    told = selena.client.get(path).json()
    assert told["inputs"] == {"like": 1, "collect": 1, "comment": 2, "share": 0, "follow": 1}
    assert told["weights"] == {"like": 1, "collect": 1, "comment": 4, "share": 4, "follow": 8}
    engaged = sum(told["inputs"][name] * told["weights"][name] for name in told["inputs"])
    assert (told["engagement"], told["version"], told["seconds"]) == (engaged, "q1", 172_800)
    assert told["quality"] == pytest.approx(math.log10(engaged), abs=1e-12)
    assert told["score"] == pytest.approx(_expected(note, engaged), abs=1e-9)
    assert told["stored_score"] < told["score"]
    ranking.rank_notes(at=now())
    again = selena.client.get(path).json()
    assert again["stored_score"] == again["score"] == told["score"]
    assert mallory.client.get(path).status_code == 404
    assert staff.client.get(path).status_code == 200
    assert selena.client.get("/v1/notes/999999/ranking").status_code == 404


def _attach(person: Person, note: Note, product: Product) -> None:
    cards.attach(account=person.account, note_id=note.pk, product_id=product.pk, at=now())


def test_nothing_about_goods_or_fame_moves_a_note(
    selena: Person, anyone: Any, published: Make, own_product: Product
) -> None:
    """D4, metamorphic: add and remove a card, change price, sales, followers, verification;
    the scores and the order of discover stay as they were."""
    SkuFactory.create(product=own_product)
    notes = [published(selena, at=now() - timedelta(hours=n)) for n in range(3)]
    for account in AccountFactory.create_batch(3):
        engagement.like(account=account, note_id=notes[1].pk, at=now())
    ranking.rank_notes(at=now())

    def picture() -> tuple[list[tuple[int, float]], list[int]]:
        Note.objects.update(rank_due=True)
        ranking.rank_notes(at=now())
        hot = list(Note.objects.order_by("id").values_list("id", "hot"))
        listed = anyone.get("/v1/feeds/discover").json()["results"]
        return hot, [row["id"] for row in listed]

    before = picture()
    for change in (
        lambda: _attach(selena, notes[1], own_product),
        lambda: Sku.objects.update(price_fen=1),
        lambda: Product.objects.update(sales_count=10_000),
        lambda: Account.objects.filter(handle="selena").update(follower_count=1_000_000),
        lambda: Account.objects.filter(handle="selena").update(verification="celebrity"),
        lambda: Product.objects.update(status="off_shelf"),
        lambda: cards.detach(
            account=selena.account, note_id=notes[1].pk, product_id=own_product.pk, at=now()
        ),
    ):
        change()
        assert picture() == before


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moves=st.lists(st.sampled_from(["attach", "detach", "price", "fame"]), max_size=6))
def test_no_row_of_moves_with_goods_changes_a_score(
    selena: Person, published: Make, own_product: Product, moves: list[str]
) -> None:
    """D4 as a property; the same note goes on from example to example."""
    note = Note.objects.first() or published(selena)
    if not note.like_count:
        engagement.like(account=AccountFactory.create(), note_id=note.pk, at=now())
    ranking.rank_notes(at=now())
    before = Note.objects.values_list("hot", flat=True).get(pk=note.pk)
    assert before == pytest.approx(_expected(note, 1), abs=1e-9)
    where = {"note_id": note.pk, "product_id": own_product.pk, "at": now()}
    for move in moves:
        if move == "attach" and not note.cards.exists():
            cards.attach(account=selena.account, **where)
        elif move == "detach":
            cards.detach(account=selena.account, **where)
        elif move == "price":
            Sku.objects.update(price_fen=99)
        else:
            Account.objects.update(follower_count=5_000)
        Note.objects.filter(pk=note.pk).update(rank_due=True)
        ranking.rank_notes(at=now())
        assert Note.objects.values_list("hot", flat=True).get(pk=note.pk) == before


def test_the_mark_stands_in_the_row_so_a_lost_redis_loses_nothing(
    selena: Person, published: Make
) -> None:
    from django.core.cache import cache

    note = published(selena)
    engagement.like(account=AccountFactory.create(), note_id=note.pk, at=now())
    engagement.collect(account=AccountFactory.create(), note_id=note.pk, at=now())
    cache.clear()
    assert ranking.rank_notes(at=now()) == 1


def test_ranking_many_notes_costs_the_same_statements(
    selena: Person, published: Make, django_assert_num_queries: Any
) -> None:
    for _ in range(8):
        published(selena)
    for due in (1, 8):
        ids = Note.objects.order_by("id").values_list("id", flat=True)[:due]
        Note.objects.filter(pk__in=list(ids)).update(rank_due=True)
        with django_assert_num_queries(4):  # savepoint, lock, score, release
            assert ranking.rank_notes(at=now()) == due
