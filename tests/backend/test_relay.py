"""The relay delivers each event once, and a poison event blocks nobody."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction

from backend import relay
from backend.core import events
from backend.core.clock import now
from backend.core.models import Event, Heartbeat


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A handler of test.kind that writes a row and refuses subject 13."""
    taken: list[int] = []

    def handler(group: Sequence[Event]) -> None:
        for event in group:
            Heartbeat.objects.create(job=f"seen-{event.subject_id}", at=now())
            if event.subject_id == 13:
                raise ValueError("poison")
        taken.extend(event.subject_id for event in group)

    monkeypatch.setitem(relay.HANDLERS, "test.kind", (handler,))
    return taken


def _record(at: datetime, *subjects: int) -> None:
    with transaction.atomic():
        events.record_many(kind="test.kind", subject_ids=list(subjects), at=at)


def test_delivers_each_event_once(db: None, seen: list[int]) -> None:
    at = now()
    _record(at, 1, 2, 3)
    assert relay.drain(at=at) == 3
    assert relay.drain(at=at) == 0
    assert seen == [1, 2, 3]
    assert set(Event.objects.values_list("state", flat=True)) == {"delivered"}


def test_a_poison_event_leaves_nothing_behind_and_blocks_nobody(db: None, seen: list[int]) -> None:
    at = now()
    _record(at, 12, 13, 14)
    assert relay.drain(at=at) == 2
    assert seen == [12, 14]
    assert not Heartbeat.objects.filter(job="seen-13").exists()
    poison = Event.objects.get(subject_id=13)
    assert (poison.state, poison.attempts) == ("pending", 1)
    assert poison.due_at > at
    assert "poison" in poison.error


def test_one_poison_event_among_many_is_found_by_halving(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups: list[int] = []

    def handler(group: Sequence[Event]) -> None:
        groups.append(len(group))
        if any(event.subject_id == 13 for event in group):
            raise ValueError("poison")

    monkeypatch.setitem(relay.HANDLERS, "test.kind", (handler,))
    at = now()
    _record(at, *range(1, 65))
    assert relay.drain(at=at) == 63
    assert len(groups) == 1 + 2 * 6
    assert set(Event.objects.exclude(subject_id=13).values_list("state", flat=True)) == {
        "delivered"
    }
    assert Event.objects.get(subject_id=13).delivered_at is None


def test_a_poison_event_is_parked_in_the_end(db: None, seen: list[int]) -> None:
    at = now()
    _record(at, 13)
    for _ in range(relay.MAX_ATTEMPTS):
        relay.drain(at=at)
        at += timedelta(seconds=400)
    poison = Event.objects.get(subject_id=13)
    assert (poison.state, poison.attempts) == ("parked", relay.MAX_ATTEMPTS)


def test_an_event_of_an_unknown_kind_is_delivered_to_nobody(db: None) -> None:
    at = now()
    with transaction.atomic():
        events.record(kind="nobody.cares", subject_id=1, at=at)
    assert relay.drain(at=at) == 1


def test_an_event_outside_a_transaction_is_a_bug(transactional_db: None) -> None:
    with pytest.raises(AssertionError):
        events.record(kind="test.kind", subject_id=1, at=now())


def test_an_event_whose_statement_times_out_waits_and_blocks_nobody(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def handler(group: Sequence[Event]) -> None:
        if any(event.subject_id == 2 for event in group):
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = 20")
                cursor.execute("SELECT pg_sleep(1)")

    monkeypatch.setitem(relay.HANDLERS, "test.kind", (handler,))
    at = now()
    _record(at, 1, 2, 3)
    assert relay.drain(at=at) == 2
    assert Event.objects.get(subject_id=2).attempts == 1
