"""Races at the edges of payout rules: limits of a day, two checkers, holds."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from itertools import count

import pytest

from commissions import ledger, payouts
from commissions.models import Payout, SandboxTransfer
from commissions.payouts import holds, limits, requests, review, sending
from tests.commissions.money_out import AT, money_of, officer
from tests.commissions.ruled import rule
from tests.races.crowd import Act, Answer, Meeting, words
from tests.races.of_payouts import FEN, OfPayouts, give, payee_of
from tests.races.race import Race, meet_before
from tests.races.unguarded import looking_move_one, no_row_locks

_seconds = count(1)


def ruled(**fields: int) -> None:
    """A rule that begins before the race: each run of a race publishes its own."""
    rule(AT - timedelta(days=1) + timedelta(seconds=next(_seconds)), **fields)


class WithdrawalsOfADay(Race):
    name = "four withdrawals of one person at the edge of their day"
    removed = "the lock of the balance row"
    hands = 4

    def ground(self, rounds: int) -> None:
        ruled(person_daily_fen=FEN)

    def prepare(self, number: int) -> Sequence[Act]:
        self.account = payee_of()
        give(self.account, 4 * FEN)
        return [partial(payouts.request, account=self.account, amount_fen=FEN, at=AT)] * 4

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, requests, "quote")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        patch.setattr(ledger, "lock", ledger.balance)

    def judge(self, answers: list[Answer]) -> str:
        left, heard = money_of(self.account)[0], words(answers)
        right = left == 3 * FEN and heard == {"done": 1, "payout_daily_limit": 3}
        return "" if right else f"{left} fen left, {dict(heard)}"


class WithdrawalsOfTheMarket(Race):
    name = "withdrawals of four people at the edge of the market's day"
    removed = "the market's lock"
    hands = 4

    def ground(self, rounds: int) -> None:
        self.accounts = [payee_of() for _ in range(4)]
        for account in self.accounts:
            give(account, rounds * FEN)
        ruled(market_daily_fen=FEN)

    def prepare(self, number: int) -> Sequence[Act]:
        day = AT + timedelta(days=number)
        return [
            partial(payouts.request, account=account, amount_fen=FEN, at=day)
            for account in self.accounts
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, requests, "quote")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        patch.setattr(limits, "lock_market", lambda: None)

    def judge(self, answers: list[Answer]) -> str:
        heard = words(answers)
        return "" if heard == {"done": 1, "payout_market_limit": 3} else f"{dict(heard)}"


class OneCheckerTwice(OfPayouts):
    name = "one checker approves a payout that needs two, twice"
    removed = "row lock and the state in the UPDATE's WHERE"
    needs_second = True

    def acts(self, number: str) -> Sequence[Act]:
        return [partial(payouts.approve, number=number, by=self.checker, at=AT)] * 2

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, review, "move_one")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)
        patch.setattr(review, "move_one", looking_move_one(meet))

    def judge(self, answers: list[Answer]) -> str:
        state, heard = Payout.objects.get(pk=self.payout.pk).status, words(answers)
        right = state == "checked" and heard == {"done": 1, "checker_is_checker": 1}
        return "" if right else f"{state}, {dict(heard)}"


class HoldAgainstSending(OfPayouts):
    name = "a payout is held while a worker takes it"
    removed = "row lock and the state in the UPDATE's WHERE"

    def acts(self, number: str) -> Sequence[Act]:
        self.approved()
        by = officer("hold_payout")
        return [
            partial(payouts.hold, number=number, by=by, reason="stop", at=AT),
            partial(payouts.send_payouts, at=AT),
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, holds, "_mark")
        meet_before(patch, meet, sending, "move")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)

    def judge(self, answers: list[Answer]) -> str:
        row, heard = Payout.objects.get(pk=self.payout.pk), words(answers)
        bugs = [answer.word for answer in answers if answer.is_bug]
        sent = SandboxTransfer.objects.filter(number=row.number).exists()
        if bugs or (row.held_at is not None and sent):
            return f"{row.status}, sent {sent}, {dict(heard)}"
        if row.held_at is not None:  # the next round's worker finds this one no more
            Payout.objects.filter(pk=row.pk).update(held_at=None, held_by=None, held_reason="")
            payouts.send_payouts(at=AT)
        return ""


RACES = (WithdrawalsOfADay, WithdrawalsOfTheMarket, OneCheckerTwice, HoldAgainstSending)
