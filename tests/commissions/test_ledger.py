"""What the ledger and the database itself refuse, and what a balance is: I1, I3, I9, row 26."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from backend.core.sql import value
from commissions import ledger
from commissions.ledger import AccountKey, JournalKind, Posting
from commissions.models import Balance, BalanceDelta, Entry, Journal

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
LINDA = AccountKey("person", 1, "pending")
SHOP = AccountKey("shop", 1, "payable")
pytestmark = pytest.mark.django_db


def give(cause: int, fen: int) -> int:
    legs = [(LINDA, fen), (SHOP, -fen)]
    return ledger.post([Posting(JournalKind.ACCRUAL, cause, legs)], at=AT)


def raw(statement: str, *parameters: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def journal(cause: int) -> int:
    made = ledger.journal_id(JournalKind.ACCRUAL, cause)
    raw("INSERT INTO commissions_journal VALUES (%s, 1, %s, %s)", made, cause, AT)
    return made


@pytest.mark.parametrize("table", ["entry", "journal", "settlementposting", "commissionreversal"])
@pytest.mark.parametrize("act", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_history_cannot_be_changed_in_the_database_itself(table: str, act: str) -> None:
    give(1, 500)
    raw("SET LOCAL tuike.allow_truncate = off")
    raw("SET tuike.allow_truncate = off")
    name = f"commissions_{table}"
    statement = act.format(name)
    if table == "entry":
        statement = statement.replace("SET id = id", "SET amount_fen = 1")
    try:
        with pytest.raises(IntegrityError, match="append-only"):
            raw(statement)
    finally:
        raw("SET tuike.allow_truncate = on")
    assert ledger.balance(LINDA) == 500


def test_a_journal_that_does_not_sum_to_zero_is_refused_by_both() -> None:
    with pytest.raises(AssertionError, match="unbalanced"):
        ledger.post([Posting(JournalKind.ACCRUAL, 1, [(LINDA, 5), (SHOP, -4)])], at=AT)
    ids = ledger.accounts([LINDA, SHOP])
    made = journal(2)
    with pytest.raises(IntegrityError, match="does not sum to zero"):
        raw(
            "INSERT INTO commissions_entry VALUES (%s, %s, 5, %s), (%s, %s, -4, %s)",
            *(ids[LINDA], made, AT, ids[SHOP], made, AT),
        )
    assert not Entry.objects.exists()


def test_an_entry_of_an_unknown_account_or_journal_is_refused() -> None:
    ids, made = ledger.accounts([LINDA, SHOP]), journal(1)
    statement = "INSERT INTO commissions_entry VALUES (%s, %s, 5, %s), (%s, %s, -5, %s)"
    with pytest.raises(IntegrityError, match="unknown account"):
        raw(statement, ids[LINDA], made, AT, 999_999, made, AT)
    with pytest.raises(IntegrityError, match="unknown journal"):
        raw(statement, ids[LINDA], 12, AT, ids[SHOP], 12, AT)
    assert not Entry.objects.exists()


def test_a_zero_leg_cannot_be_written() -> None:
    ids, made = ledger.accounts([LINDA]), journal(1)
    with pytest.raises(IntegrityError, match="entry_not_zero"):
        raw("INSERT INTO commissions_entry VALUES (%s, %s, 0, %s)", ids[LINDA], made, AT)


def test_the_same_cause_twice_posts_once_whatever_its_legs_say() -> None:
    assert give(1, 500) == 1
    assert give(1, 999) == 0
    both = [Posting(JournalKind.ACCRUAL, cause, [(LINDA, 7), (SHOP, -7)]) for cause in (1, 2)]
    assert ledger.post(both, at=AT) == 1
    assert ledger.balance(LINDA) == 507


def test_legs_of_one_account_are_netted_and_a_journal_of_nothing_is_none() -> None:
    legs = [(LINDA, 5), (LINDA, 7), (SHOP, -12), (SHOP, 0)]
    ledger.post([Posting(JournalKind.ACCRUAL, 1, legs)], at=AT)
    assert sorted(Entry.objects.values_list("amount_fen", flat=True)) == [-12, 12]
    nothing = Posting(JournalKind.ACCRUAL, 2, [(LINDA, 5), (LINDA, -5)])
    assert ledger.post([nothing], at=AT) == 0
    assert ledger.post([], at=AT) == 0
    assert Journal.objects.count() == 1


def test_a_cause_out_of_range_is_a_bug() -> None:
    for kind, subject in ((0, 1), (128, 1), (1, 0), (1, 1 << 56)):
        with pytest.raises(AssertionError):
            ledger.journal_id(kind, subject)


def test_a_balance_is_the_same_before_and_after_folding() -> None:
    for cause in range(1, 6):
        give(cause, cause * 100)
    assert BalanceDelta.objects.count() == 10
    assert (ledger.balance(LINDA), ledger.balance(SHOP)) == (1_500, -1_500)
    assert ledger.fold() == 2
    assert not BalanceDelta.objects.exists()
    assert (ledger.balance(LINDA), ledger.balance(SHOP)) == (1_500, -1_500)
    assert sorted(Balance.objects.values_list("balance_fen", flat=True)) == [-1_500, 1_500]
    assert ledger.fold() == 0
    assert ledger.balances_of("person", 1) == {"pending": 1_500}
    assert ledger.lock(LINDA) == 1_500


def test_folding_in_small_batches_folds_all() -> None:
    for cause in range(1, 12):
        give(cause, 1)
    ledger.fold(batch=3)
    assert not BalanceDelta.objects.exists()
    assert ledger.balance(LINDA) == 11


def test_an_account_that_was_never_used_has_nothing() -> None:
    assert ledger.balance(AccountKey("person", 404, "available")) == 0
    assert ledger.balances_of("person", 404) == {}
    assert value("SELECT count(*) FROM commissions_ledgeraccount WHERE owner_id = 404") == 0
