"""The chain while money is posted, on real connections: whoever posts, however long their
transactions take, and however many seal, every journal is sealed once and no link breaks (X3)."""

import threading
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from commissions import chain, ledger
from commissions.ledger import AccountKey, JournalKind, Posting
from commissions.models import Journal, SealedJournal, SealWaiting
from tests.races.crowd import Crowd

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
EACH = 60


def post(first: int) -> int:
    """Journals of three a transaction; every fifth transaction is undone."""
    legs = [(AccountKey("person", first, "pending"), 5), (AccountKey("shop", 1, "payable"), -5)]
    for n in range(first, first + EACH, 3):
        with transaction.atomic():
            causes = [Posting(JournalKind.ACCRUAL, n + more, legs) for more in range(3)]
            ledger.post(causes, at=AT)
            transaction.set_rollback(n % 5 == 0)
    return EACH


def seal() -> int:
    """As the job, again and again, in small batches."""
    return sum(chain.seal(batch=7, most=3) for _ in range(25))


def test_every_journal_is_sealed_once_whoever_posts_and_seals() -> None:
    with Crowd(6) as crowd:
        answers = crowd.at_once(
            *[lambda first=first: post(first) for first in (1_000, 2_000, 3_000)], *[seal] * 3
        )
    assert [answer.word for answer in answers if answer.is_bug] == []
    chain.seal()
    assert not SealWaiting.objects.exists()
    sealed = list(SealedJournal.objects.order_by("n").values_list("n", "journal_id"))
    assert [n for n, _ in sealed] == list(range(1, Journal.objects.count() + 1))
    assert {journal for _, journal in sealed} == set(Journal.objects.values_list("id", flat=True))
    assert chain.first_broken() is None


def test_a_transaction_that_takes_long_is_sealed_when_it_ends_and_holds_nobody_up() -> None:
    """Its journal has the smallest id and the smallest number of transaction of all."""
    posted, may_end = threading.Event(), threading.Event()

    def slowly() -> None:
        try:
            with transaction.atomic():
                ledger.post([_posting(1)], at=AT)
                posted.set()
                may_end.wait(10)
        finally:
            connection.close()

    slow = threading.Thread(target=slowly)
    slow.start()
    assert posted.wait(10)
    with transaction.atomic():
        ledger.post([_posting(2), _posting(3)], at=AT)
    assert chain.seal() == 2
    may_end.set()
    slow.join()
    assert chain.seal() == 1
    ids = [journal & 0xFF for journal in SealedJournal.objects.order_by("n").values_list(
        "journal_id", flat=True)]  # fmt: skip
    assert ids == [2, 3, 1]
    assert chain.first_broken() is None


def _posting(n: int) -> Posting:
    legs = [(AccountKey("person", n, "pending"), 5), (AccountKey("shop", n, "payable"), -5)]
    return Posting(JournalKind.ACCRUAL, n, legs)
