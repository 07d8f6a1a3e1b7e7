"""The touch stream becomes rows once, however often it is read: K17, rows 2 and 3."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from backend.core import redis
from commissions import touches
from commissions.models import Touch
from seeds.factories import AccountFactory, PromotionLinkFactory

AT = datetime(2026, 11, 1, 4, 5, 6, 789_012, tzinfo=UTC)


def click(count: int = 1, **fields: object) -> list[str]:
    link = PromotionLinkFactory.create()
    account = AccountFactory.create()
    made = [
        touches.record(code=link.code, visitor="", account=account, at=AT) for _ in range(count)
    ]
    return [str(landing.click_id) for landing in made]


@pytest.mark.django_db(transaction=True)
def test_the_stream_is_drained_in_batches_and_emptied_after_the_commit() -> None:
    ids = click(7)
    assert touches.store_touches(batch=3) == 7
    assert redis.client().xlen(touches.STREAM) == 0
    assert set(Touch.objects.values_list("click_id", flat=True)) == set(ids)
    assert Touch.objects.values_list("at", flat=True).first() == AT
    assert touches.store_touches() == 0


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_fails_leaves_the_stream_as_it_was() -> None:
    click(2)
    with transaction.atomic():
        assert touches.store_touches() == 2
        transaction.set_rollback(True)
    assert not Touch.objects.exists()
    assert redis.client().xlen(touches.STREAM) == 2
    assert touches.store_touches() == 2


@pytest.mark.django_db(transaction=True)
def test_a_lost_acknowledgement_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    click(3)
    with monkeypatch.context() as away:
        away.setattr(touches, "_acknowledge", lambda names: None)
        assert touches.store_touches() == 3
    assert touches.store_touches() == 0
    assert Touch.objects.count() == 3
    assert redis.client().xlen(touches.STREAM) == 0


@pytest.mark.django_db(transaction=True)
def test_what_is_no_touch_is_dropped_and_blocks_nothing() -> None:
    redis.client().xadd(touches.STREAM, {"hello": "world"})
    redis.client().xadd(
        touches.STREAM, {"click": "x" * 22, "link": 1 << 60, "visitor": "v", "account": 0, "at": 1}
    )
    click(1)
    assert touches.store_touches() == 1
    assert redis.client().xlen(touches.STREAM) == 0


@pytest.mark.django_db
def test_an_unknown_click_means_nothing() -> None:
    for text in ("", "x", "a" * 22, "\x00" * 22, "../../etc/passwd"):
        assert touches.read_click(text) is None


@pytest.mark.django_db
def test_a_stored_touch_cannot_be_edited() -> None:
    click(1)
    touches.store_touches()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        connection.cursor().execute("UPDATE commissions_touch SET visitor = 'x'")
    assert not Touch.objects.filter(visitor="x").exists()
