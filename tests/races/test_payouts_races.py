"""More than two at the same moment, and moments of several steps: what the races of one step
(of_payouts) leave out."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from backend.accounts.models import Account
from backend.core.errors import Refusal
from backend.core.sql import value
from commissions import ledger, payouts, tax
from commissions.models import Payout, PayoutAttempt, SandboxTransfer
from commissions.providers import CHANNELS, Result, Transfer
from tests.commissions.money_out import (
    AT,
    CARD,
    LOST,
    PAID_LATE,
    approved,
    cash,
    checker,
    earner,
    maker,
    money_of,
    officer,
)
from tests.commissions.ruled import id_card, rule, taxpayer
from tests.races.crowd import Crowd

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 4


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """The answers of acts that begin at one moment, or the refusals they met."""
    with Crowd(len(acts)) as crowd:
        answers = crowd.at_once(*acts)
    assert [answer.word for answer in answers if answer.is_bug] == []
    return [answer.error or answer.value for answer in answers]


def codes(answers: list[Any]) -> list[str]:
    """The refusals' codes, sorted."""
    return sorted(answer.code for answer in answers if isinstance(answer, Refusal))


def test_withdrawals_at_once_never_exceed_the_balance() -> None:
    for _ in range(ROUNDS):
        account = earner(2_500)
        answers = at_once(
            *[lambda a=account: payouts.request(account=a, amount_fen=1_000, at=AT)] * 6
        )
        assert codes(answers) == ["insufficient_balance"] * 4
        assert money_of(account) == (500, 2_000)


def test_a_hundred_requests_at_once_pass_neither_the_balance_nor_the_day() -> None:
    """Twenty hands, five requests each, of one person: 100 requests of 100.00 against a balance of
    2,000.00 and a day of 1,550.00, beside twenty more of others against the market's day."""
    rule(person_daily_fen=155_000, market_daily_fen=200_000)
    one, others = earner(200_000), [earner(10_000) for _ in range(4)]

    def five(account: Account) -> list[Any]:
        def asked() -> Any:
            try:
                return payouts.request(account=account, amount_fen=10_000, at=AT).amount_fen
            except Refusal as refusal:
                return refusal.code

        return [asked() for _ in range(5)]

    acts = [partial(five, one)] * 20 + [partial(five, other) for other in others]
    heard = Counter(word for answer in at_once(*acts) for word in answer)
    paid = sum(Payout.objects.filter(account=one).values_list("amount_fen", flat=True))
    assert (money_of(one), paid) == ((200_000 - paid, paid), paid)
    assert paid <= 150_000
    everything = sum(Payout.objects.values_list("amount_fen", flat=True))
    assert everything == 10_000 * heard[10_000] <= 200_000
    assert sum(heard.values()) == 120
    assert set(heard) <= {
        10_000, "payout_daily_limit", "payout_market_limit", "insufficient_balance",
    }  # fmt: skip
    assert paid == 150_000 or everything == 200_000, "nothing was refused that was left"


_WAITS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def test_one_persons_year_on_two_accounts_at_once_is_one_sum() -> None:
    """The first account's payout is not committed yet when its person, on another account by now,
    asks for the next: it waits, and goes on with the year."""
    rule(tax_method="cumulative")
    first, second = earner(2_000_000), earner(2_000_000)
    taxpayer(first)
    tax.table_at("cumulative", AT.date())  # who writes the tables down first holds others up, too
    asked, moved = threading.Event(), threading.Event()

    def one() -> int:
        with transaction.atomic():
            made = payouts.request(account=first, amount_fen=1_000_000, at=AT)
            asked.set()
            assert moved.wait(10)
            for _ in range(100):  # until the other one waits; where nothing holds it, it is done
                if value(_WAITS):
                    break
                time.sleep(0.01)
        return made.tax_fen

    def other() -> int:
        assert asked.wait(10)
        taxpayer(first, id_card(1))
        taxpayer(second)
        moved.set()
        return payouts.request(account=second, amount_fen=1_000_000, at=AT).tax_fen

    assert at_once(one, other) == [9_000, 24_000]


def test_a_withdrawal_while_the_balance_is_folded_sees_the_whole_of_it() -> None:
    for _ in range(ROUNDS):
        account = earner(1_000)
        answers = at_once(
            lambda a=account: payouts.request(account=a, amount_fen=1_000, at=AT), ledger.fold
        )
        assert codes(answers) == []
        assert money_of(account) == (0, 1_000)


def test_two_senders_at_once_send_each_payout_once() -> None:
    for round_ in range(1, ROUNDS + 1):
        account = earner(10_000)
        made = [approved(account) for _ in range(3)]
        answers = at_once(*[lambda: payouts.send_payouts(at=AT)] * 3)
        assert sum(answers) == len(made)
        assert set(SandboxTransfer.objects.values_list("calls", flat=True)) == {1}
        assert PayoutAttempt.objects.count() == 3 * round_
        assert money_of(account) == (7_000, 0)
    assert cash() == 3_000 * ROUNDS


def test_two_who_reconcile_at_once_book_once() -> None:
    for number, after in ((PAID_LATE, (9_000, 0)), (LOST, (10_000, 0))):
        for _ in range(ROUNDS // 2):
            payout = approved(earner(10_000, number))
            payouts.send_payouts(at=AT)
            later = AT.replace(hour=23)
            at_once(*[lambda: payouts.reconcile_payouts(at=later)] * 3)  # noqa: B023
            assert money_of(payout.account) == after


def test_a_late_sender_and_the_voiding_of_its_number_pay_at_most_once() -> None:
    """The worker that slept past the window calls the channel while the number is voided."""
    channel = CHANNELS["sandbox"]
    for place in range(ROUNDS):
        number = f"PLATE{place}"
        sent, voided = at_once(
            lambda n=number: channel.send(Transfer(n, 100, "李小鱼", "1"), at=AT),
            lambda n=number: channel.void(n, at=AT),
        )
        assert (sent.result, voided.result) in {
            (Result.PAID, Result.PAID),
            (Result.FAILED, Result.FAILED),
        }


def test_an_answer_file_read_twice_at_once_books_once() -> None:
    by = maker()
    for _ in range(ROUNDS // 2):
        payout = approved(earner(10_000, CARD, "bank_file"))
        batch = payouts.build_batch(by=by, at=AT)
        lines = ["number,amount_yuan,result,reason", f"{payout.number},10.00,paid,"]
        content = "\n".join([*lines, "TOTAL,10.00,1,"]).encode()
        read = lambda b=batch.number, c=content: payouts.read_answer(  # noqa: E731
            number=b, content=c, by=by, at=AT
        )
        first, second = at_once(read, read)
        assert (first.paid + second.paid, first.again + second.again) == (1, 1)
        assert money_of(payout.account) == (9_000, 0)


def test_a_request_and_its_cancelling_twice_give_back_once() -> None:
    account = earner(100_000)
    for _ in range(ROUNDS):
        number = payouts.request(account=account, amount_fen=1_000, at=AT).number
        cancel = lambda n=number: payouts.cancel(account=account, number=n, at=AT)  # noqa: E731
        assert codes(at_once(cancel, cancel)) == ["wrong_state"]
        assert money_of(account) == (100_000, 0)
    with transaction.atomic():
        assert ledger.balances_of("person", account.pk)["in_transit"] == 0


def test_the_banks_answer_and_a_persons_word_end_a_payout_once() -> None:
    """Both lock the batch first, so neither waits for the other in a circle."""
    for _ in range(ROUNDS):
        payout = approved(earner(number=CARD, provider="bank_file"))
        batch = payouts.build_batch(by=maker(), at=AT).number
        row = f"{payout.number},10.00,paid,\nTOTAL,10.00,1,"
        content, paid = f"number,amount_yuan,result,reason\n{row}".encode(), cash()
        said = {"paid": False, "reason": "letter", "at": AT + timedelta(days=1)}
        answers = at_once(
            partial(payouts.resolve, number=payout.number, by=checker(), **said),
            partial(payouts.read_answer, number=batch, content=content, by=maker(), at=AT),
        )
        payout.refresh_from_db()
        if payout.status == "paid":
            assert codes(answers) == ["wrong_state"]
            assert (money_of(payout.account), cash() - paid) == ((9_000, 0), 1_000)
        else:
            assert [one.why for one in answers[1].problems] == ["it is booked as failed"]
            assert (money_of(payout.account), cash() - paid) == ((10_000, 0), 0)


def test_what_is_held_and_rejected_is_not_sent() -> None:
    """After its approval: a worker takes it, or the desk does."""
    for _ in range(ROUNDS):
        payout, keeper, by = approved(earner()), officer("hold_payout"), checker()

        def stops(number: str = payout.number, keeper: Account = keeper, by: Account = by) -> None:
            payouts.hold(number=number, by=keeper, reason="stolen", at=AT)
            payouts.reject(number=number, by=by, reason="stolen", at=AT)

        at_once(stops, partial(payouts.send_payouts, at=AT))
        payout.refresh_from_db()
        sent = SandboxTransfer.objects.filter(number=payout.number).exists()
        wanted = {"rejected": (False, (10_000, 0)), "paid": (True, (9_000, 0))}
        assert (sent, money_of(payout.account)) == wanted[payout.status]
