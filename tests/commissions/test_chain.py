"""X3: the chain over the journals. Every journal is sealed once, in an order that is fixed then;
what was sealed cannot be changed without the chain saying where."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from backend.core.sql import rows, run, value
from commissions import chain, ledger
from commissions.ledger import AccountKey, JournalKind, Posting
from commissions.models import Journal, SealedJournal, SealWaiting

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
LINDA = AccountKey("person", 17, "pending")
SHOP = AccountKey("shop", 3, "payable")
pytestmark = pytest.mark.django_db


def give(*causes: int, at: datetime = AT, fen: int = 500) -> None:
    ledger.post(
        [Posting(JournalKind.ACCRUAL, n, [(LINDA, fen + n), (SHOP, -fen - n)]) for n in causes],
        at=at,
    )


def forge(statement: str, *parameters: object) -> None:
    """Behind the back of every guard."""
    run("SET LOCAL session_replication_role = replica")
    assert run(statement, parameters)
    run("SET LOCAL session_replication_role = origin")


def test_a_link_is_the_sha256_of_the_one_before_and_of_what_the_journal_says() -> None:
    give(2, 1)
    give(5, at=AT + timedelta(microseconds=120))
    assert [row.journal_ids for row in SealWaiting.objects.order_by("id")] == [
        [1 << 56 | 1, 1 << 56 | 2],
        [1 << 56 | 5],
    ]
    assert chain.seal() == 3
    link = bytes(32)
    told = [
        (1, "2026-11-01T04:00:00"),
        (2, "2026-11-01T04:00:00"),
        (5, "2026-11-01T04:00:00.00012"),
    ]
    for n, (cause, utc) in enumerate(told, start=1):
        says = {
            "id": 1 << 56 | cause,
            "kind": 1,
            "subject": cause,
            "utc": utc,
            "entries": [["person/17/pending", 500 + cause], ["shop/3/payable", -500 - cause]],
        }
        link = hashlib.sha256(link + json.dumps(says, separators=(",", ":")).encode()).digest()
        sealed = SealedJournal.objects.get(n=n)
        assert (sealed.journal_id, bytes(sealed.link)) == (1 << 56 | cause, link)
    assert chain.head() == (3, link.hex())
    assert not SealWaiting.objects.exists()
    assert chain.first_broken() is None


def test_sealing_again_seals_nothing_and_however_it_is_cut_the_chain_is_the_same() -> None:
    assert (chain.seal(), chain.head()) == (0, (0, "00" * 32))
    for cause in range(1, 8):
        give(cause)
    assert chain.seal(batch=2, most=2) == 4
    assert chain.seal(batch=3) == 3
    assert chain.seal() == 0
    assert list(SealedJournal.objects.order_by("n").values_list("n", "journal_id")) == [
        (n, 1 << 56 | n) for n in range(1, 8)
    ]
    assert chain.first_broken(block=2) is None
    whole = value("SELECT encode(link, 'hex') FROM commissions_sealedjournal WHERE n = 7")
    forge("DELETE FROM commissions_sealedjournal")
    run(
        "INSERT INTO commissions_sealwaiting (journal_ids)"
        " SELECT array_agg(id) FROM commissions_journal"
    )
    assert chain.seal() == 7
    assert chain.head() == (7, whole)


@pytest.mark.parametrize(
    ("fault", "gone"),
    [
        ("UPDATE commissions_entry SET amount_fen = amount_fen + 1 WHERE journal_id = %s", False),
        ("UPDATE commissions_entry SET at = at + interval '1 day' WHERE journal_id = %s", False),
        ("UPDATE commissions_journal SET at = at + interval '1 us' WHERE id = %s", False),
        ("UPDATE commissions_journal SET subject_id = 99 WHERE id = %s", False),
        ("DELETE FROM commissions_entry WHERE journal_id = %s AND amount_fen < 0", False),
        ("DELETE FROM commissions_journal WHERE id = %s", True),
        ("UPDATE commissions_sealedjournal SET link = sha256('x') WHERE journal_id = %s", False),
    ],
)
def test_what_was_changed_behind_every_guard_is_the_first_broken_journal(
    fault: str, gone: bool
) -> None:
    give(*range(1, 10))
    chain.seal()
    forge(fault, 1 << 56 | 6)
    assert chain.first_broken(block=4) == {"n": 6, "journal": 1 << 56 | 6, "gone": gone}


def test_an_account_given_to_somebody_else_breaks_its_first_journal() -> None:
    give(1, 2)
    chain.seal()
    run("UPDATE commissions_ledgeraccount SET owner_id = 18 WHERE owner_id = 17")
    assert chain.first_broken() == {"n": 1, "journal": 1 << 56 | 1, "gone": False}


def test_a_link_taken_out_of_the_middle_is_named() -> None:
    give(*range(1, 10))
    chain.seal()
    forge("DELETE FROM commissions_sealedjournal WHERE n = 4")
    assert chain.first_broken(block=3) == {"n": 5, "journal": 1 << 56 | 5, "gone": False}


@pytest.mark.parametrize("table", ["sealedjournal", "sealwaiting"])
@pytest.mark.parametrize("act", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_chain_cannot_be_changed_in_the_database_itself(table: str, act: str) -> None:
    give(1)
    chain.seal()
    give(2)
    run("SET tuike.allow_truncate = off")
    column = {"sealedjournal": "n", "sealwaiting": "id"}[table]
    try:
        with (
            pytest.raises(IntegrityError, match=r"append-only|is not sealed|only added to"),
            transaction.atomic(),
        ):
            run(act.format(f"commissions_{table}", column, column))
    finally:
        run("SET tuike.allow_truncate = on")
    assert (SealedJournal.objects.count(), SealWaiting.objects.count()) == (1, 1)


@pytest.mark.parametrize("numbers", [[3], [2, 4], [0, 1]])
def test_the_chain_has_no_gap(numbers: list[int]) -> None:
    give(1, 2)
    with pytest.raises(IntegrityError, match="gap"), transaction.atomic():
        run(
            "INSERT INTO commissions_sealedjournal (n, journal_id, link)"
            " SELECT n, n, sha256('x') FROM unnest(%s::bigint[]) n",
            [numbers],
        )


def test_a_statement_that_posts_many_journals_waits_in_pieces() -> None:
    run(
        "INSERT INTO commissions_journal (id, kind, subject_id, at)"
        " SELECT 1::bigint << 56 | n, 1, n, %s::timestamptz FROM generate_series(1, 12000) n",
        [AT],
    )
    lengths = rows("SELECT cardinality(journal_ids) AS n FROM commissions_sealwaiting ORDER BY id")
    assert [row["n"] for row in lengths] == [5_000, 5_000, 2_000]
    assert Journal.objects.count() == 12_000


def test_what_is_posted_and_undone_does_not_wait() -> None:
    with transaction.atomic():
        give(1)
        transaction.set_rollback(True)
    give(2)
    assert chain.seal() == 1
    assert list(SealedJournal.objects.values_list("n", "journal_id")) == [(1, 1 << 56 | 2)]


def test_sealing_takes_the_same_statements_however_many_journals_wait(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for causes in (range(1, 3), range(3, 200)):
        give(*causes)
        # A savepoint and its release, the lock, three settings and the statement.
        with django_assert_num_queries(7):
            chain.seal()
    assert chain.head()[0] == 199
