"""Balances under concurrent posts, folds and spenders: I3, I7, I9, rows 11 and 27."""

from datetime import UTC, datetime
from itertools import count

import pytest
from django.db import transaction

from backend.core.errors import Refusal
from backend.core.sql import value
from commissions import ledger
from commissions.ledger import AccountKey, JournalKind, Posting
from tests.races.crowd import together

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
HOUSE = AccountKey("platform", 0, "pending")
SHOP = AccountKey("shop", 1, "payable")
pytestmark = pytest.mark.django_db(transaction=True)
causes = count(1)


class NotEnough(Refusal):
    code = "not_enough"


def person(number: int) -> AccountKey:
    return AccountKey("person", number, "available")


def give(key: AccountKey, fen: int) -> None:
    legs = [(key, fen), (HOUSE, 3), (SHOP, -fen - 3)]
    with transaction.atomic():
        ledger.post([Posting(JournalKind.ACCRUAL, next(causes), legs)], at=AT)


def drift() -> int:
    return int(
        value(
            "SELECT count(*) FROM commissions_ledgeraccount a WHERE coalesce((SELECT balance_fen"
            " FROM commissions_balance WHERE account_id = a.id), 0) + coalesce((SELECT"
            " sum(amount_fen) FROM commissions_balancedelta WHERE account_id = a.id), 0) <>"
            " (SELECT coalesce(sum(amount_fen), 0) FROM commissions_entry WHERE account_id = a.id)"
        )
    )


def test_posts_and_two_folders_at_once_neither_deadlock_nor_drift() -> None:
    """A hot house account is in every journal; people stand in opposite orders."""

    def poster(forward: bool) -> None:
        for number in range(30):
            give(person(1 + (number if forward else 29 - number) % 7), 100)

    def folder() -> None:
        for _ in range(15):
            ledger.fold(batch=7)

    outcomes = together([lambda: poster(True), lambda: poster(False), folder, folder])
    assert outcomes == {"done": 4}
    assert drift() == 0
    assert ledger.balance(HOUSE) == 60 * 3
    ledger.fold()
    assert value("SELECT count(*) FROM commissions_balancedelta") == 0
    assert drift() == 0
    assert ledger.balance(HOUSE) == 60 * 3


def test_one_cause_posted_by_eight_at_once_posts_once() -> None:
    """I9: by the primary key alone."""
    legs = [(person(1), 500), (SHOP, -500)]

    def post() -> None:
        with transaction.atomic():
            ledger.post([Posting(JournalKind.ACCRUAL, 77, legs)], at=AT)

    assert together([post] * 8) == {"done": 8}
    assert ledger.balance(person(1)) == 500
    assert value("SELECT count(*) FROM commissions_entry") == 2


def spend(key: AccountKey, fen: int, guarded: bool) -> None:
    with transaction.atomic():
        left = ledger.lock(key) if guarded else ledger.balance(key)
        if left < fen:
            raise NotEnough()
        transit = AccountKey("person", key.owner_id, "in_transit")
        value("SELECT pg_sleep(0.002)")
        posting = Posting(JournalKind.PAYOUT_REQUEST, next(causes), [(key, -fen), (transit, fen)])
        ledger.post([posting], at=AT)


def test_eight_spenders_of_one_account_take_what_is_there_and_no_more() -> None:
    """I7, row 11: with folds in between; without the lock the same crowd overdraws."""
    give(person(1), 500)
    jobs = [lambda: spend(person(1), 100, True)] * 8
    outcomes = together([*jobs, ledger.fold, ledger.fold])
    assert outcomes == {"done": 5 + 2, "not_enough": 3}
    assert ledger.balance(person(1)) == 0
    give(person(2), 500)
    together([lambda: spend(person(2), 100, False)] * 8)
    assert ledger.balance(person(2)) < 0, "the negative control must fail"


def test_first_spenders_of_an_account_nobody_has_opened_meet_as_well() -> None:
    outcomes = together([lambda: spend(person(9), 1, True)] * 4)
    assert outcomes == {"not_enough": 4}
