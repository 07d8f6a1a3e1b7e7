"""The sandbox 沙箱: a channel that pays nobody, keeps books of its own and can be told to fail.

The last four digits of a payee's number choose what happens to its payouts (SUFFIXES); a test
may choose for one payout with `force`. Its books commit before it answers, in a transaction that
refuses to be part of another one: as with a bank, nothing that we roll back unpays it.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.db.models import F

from commissions.models import SandboxTransfer
from commissions.providers.protocol import Answer, ChannelTimeout, Result, Transfer


class Mode(StrEnum):
    """How the sandbox treats a payout."""

    OK = "ok"
    FAIL = "fail"
    TIMEOUT_PAID = "timeout_paid"
    TIMEOUT_LOST = "timeout_lost"
    DUPLICATE = "duplicate"
    SLOW = "slow"
    WRONG_AMOUNT = "wrong_amount"


SUFFIXES = {
    "9002": Mode.FAIL,
    "9003": Mode.TIMEOUT_PAID,
    "9004": Mode.TIMEOUT_LOST,
    "9005": Mode.DUPLICATE,
    "9006": Mode.SLOW,
    "9007": Mode.WRONG_AMOUNT,
}
SLOW_FOR = timedelta(seconds=60)
_forced: dict[str, Mode] = {}


def force(number: str, mode: Mode) -> None:
    """Chooses what happens to one payout number in this process (tests)."""
    _forced[number] = mode


class Sandbox:
    """A `Channel` (see protocol)."""

    settles_within = timedelta(minutes=10)

    def send(self, transfer: Transfer, *, at: datetime) -> Answer:
        """Pays into its books, once per number.

        :raises ChannelTimeout: as the mode says, before or after taking effect.
        """
        mode = _forced.get(transfer.number) or SUFFIXES.get(transfer.account_number[-4:], Mode.OK)
        if mode is Mode.TIMEOUT_LOST:
            raise ChannelTimeout("nothing arrived")
        row, fresh = self._book(transfer, mode, at)
        other = row.amount_fen != transfer.amount_fen and mode is not Mode.WRONG_AMOUNT
        if other and row.state != "failed":
            return Answer(Result.UNCLEAR, code="OTHER_AMOUNT_UNDER_THIS_NUMBER")
        if mode is Mode.TIMEOUT_PAID:
            raise ChannelTimeout("paid, and the answer got lost")
        code = "" if fresh and mode is not Mode.DUPLICATE else "DUPLICATE_NUMBER"
        return self._answer(row, at, code)

    def _book(self, transfer: Transfer, mode: Mode, at: datetime) -> tuple[SandboxTransfer, bool]:
        state = {Mode.FAIL: "failed", Mode.SLOW: "pending"}.get(mode, "paid")
        with transaction.atomic(durable=True):
            row, fresh = SandboxTransfer.objects.get_or_create(
                number=transfer.number,
                defaults={
                    "amount_fen": transfer.amount_fen - (mode is Mode.WRONG_AMOUNT),
                    "number_masked": f"**** {transfer.account_number[-4:]}",
                    "state": state,
                    "at": at,
                },
            )
            if not fresh:
                SandboxTransfer.objects.filter(pk=row.pk).update(calls=F("calls") + 1)
        return row, fresh

    def query(self, number: str, *, at: datetime) -> Answer:
        """What its books say about a number; a slow payment arrives after a minute."""
        row = SandboxTransfer.objects.filter(number=number).first()
        return Answer(Result.NOT_FOUND) if row is None else self._answer(row, at, "")

    def void(self, number: str, *, at: datetime) -> Answer:
        """Books the number as failed unless it is there already: it can never be paid later."""
        with transaction.atomic(durable=True):
            row, _ = SandboxTransfer.objects.get_or_create(
                number=number,
                defaults={"amount_fen": 0, "number_masked": "", "state": "failed", "at": at},
            )
        return self._answer(row, at, "VOIDED")

    def _answer(self, row: SandboxTransfer, at: datetime, code: str) -> Answer:
        if row.state == "pending" and at - row.at >= SLOW_FOR:
            SandboxTransfer.objects.filter(pk=row.pk, state="pending").update(state="paid")
            row.refresh_from_db()
        if row.state == "paid":
            return Answer(Result.PAID, row.amount_fen, code)
        if row.state == "failed":
            return Answer(Result.FAILED, code=code or "ACCOUNT_CLOSED")
        return Answer(Result.PROCESSING, code=code)
