"""Races for money on its way to the tax office."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial
from itertools import count

import pytest

from backend.accounts.models import Account
from commissions import ledger, payouts, remittances
from tests.commissions.money_out import AT, checker, earner, maker, officer
from tests.commissions.ruled import id_card, rule, taxpayer
from tests.races.crowd import Act, Answer, Meeting, words
from tests.races.race import Race, meet_before
from tests.races.unguarded import Function, looking_move_one, no_row_locks

PAID, TAX = 100_000, 4_000
_cards = count(1)


class TwoRemittances(Race):
    name = "two approvals of one tax remittance"
    removed = "row lock, the state in the UPDATE's WHERE, the trigger on what is decided"
    guards = (
        Function(
            "tuike_tax_remittance",
            "CREATE OR REPLACE FUNCTION tuike_tax_remittance() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RETURN NEW; END $$",
        ),
    )

    def ground(self, rounds: int) -> None:
        """A taxed payment in each of as many months that are over."""
        self.recorder = officer("record_remittance")
        self.agreers = [officer("approve_remittance") for _ in range(2)]
        self.account = earner(PAID * rounds)
        taxpayer(self.account, id_card(next(_cards)))
        rule(datetime(2017, 1, next(_cards), tzinfo=UTC), tax_method="labour")
        paid_and_taxed(self.account, [month_before(number) for number in range(rounds)])

    def prepare(self, number: int) -> Sequence[Act]:
        self.row = remittances.record(
            month=month_before(number),
            channel="counter",
            paid_on=AT.date(),
            receipt=f"R{self.account.pk}",
            by=self.recorder,
            at=AT,
        )
        self.owed = ledger.balance(remittances.OWED)
        return [
            partial(remittances.approve, remittance_id=self.row.pk, by=by, at=AT)
            for by in self.agreers
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, remittances, "move_one")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)
        patch.setattr(ledger, "lock", ledger.balance)
        patch.setattr(remittances, "move_one", looking_move_one(meet))

    def judge(self, answers: list[Answer]) -> str:
        heard, moved = words(answers), self.owed - ledger.balance(remittances.OWED)
        right = moved == self.row.amount_fen == TAX and heard == {"done": 1, "wrong_state": 1}
        return "" if right else f"{moved} fen moved, {dict(heard)}"


RACES = (TwoRemittances,)


def month_before(number: int) -> date:
    """The first day of a month that is over, another one for every number."""
    months = 2026 * 12 + 9 - number
    return date(months // 12, months % 12 + 1, 1)


def paid_and_taxed(account: Account, months: Sequence[date]) -> None:
    """One payout of the account in each month, of which TAX is withheld."""
    prepares, approves = maker(), checker()
    for month in months:
        at = datetime(month.year, month.month, 5, 4, tzinfo=UTC)
        payout = payouts.request(account=account, amount_fen=PAID, at=at)
        payouts.prepare(number=payout.number, by=prepares, at=at)
        payouts.approve(number=payout.number, by=approves, at=at)
        payouts.send_payouts(at=at)
