"""The sandbox 沙箱: a channel that pays nobody, keeps books of its own and can be told to fail.

The last four digits of a payee's number choose what happens to its payouts (SUFFIXES); a test
may choose for one payout with `force`, and `script` says what happens to the next calls one by
one, whoever makes them (`manage.py script_sandbox`; never in production). Its books commit before
it answers, in a transaction that refuses to be part of another one: as with a bank, nothing that we
roll back unpays it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django.db.models import F

from backend.core.sql import rows
from commissions.models import SandboxScript, SandboxTransfer
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
    DOWN = "down"
    LATE = "late"


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


# No answer to whatever was asked: the connection is refused, or breaks.
SILENT = frozenset({Mode.DOWN, Mode.TIMEOUT_LOST, Mode.TIMEOUT_PAID, Mode.LATE})
_NEXT = """
UPDATE commissions_sandboxscript SET used_by = %s, used_at = %s::timestamptz
WHERE id = (SELECT id FROM commissions_sandboxscript WHERE used_at IS NULL
            ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING mode
"""


class NotInProduction(Exception):
    """A channel that pays real money follows no script."""


def script(*modes: Mode) -> None:
    """Says what happens to the next calls of the sandbox, of every process, in this order: a
    `send` takes effect as the mode says, a `query` or `void` is answered or not.

    :raises NotInProduction: in production.
    """
    if settings.PRODUCTION:
        raise NotInProduction
    SandboxScript.objects.bulk_create([SandboxScript(mode=mode) for mode in modes])


def _scripted(number: str, at: datetime) -> Mode | None:
    if settings.PRODUCTION:
        return None
    found = rows(_NEXT, [number, at])
    return Mode(found[0]["mode"]) if found else None


def _heard(number: str, at: datetime) -> Mode | None:
    """What the script says of a question.

    :raises ChannelTimeout: that it gets no answer.
    """
    mode = _scripted(number, at)
    if mode in SILENT:
        raise ChannelTimeout(str(mode))
    return mode


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
        mode = _scripted(transfer.number, at) or _forced.get(transfer.number)
        mode = mode or SUFFIXES.get(transfer.account_number[-4:], Mode.OK)
        if mode in (Mode.TIMEOUT_LOST, Mode.DOWN):
            raise ChannelTimeout("nothing arrived")
        row, fresh = self._book(transfer, mode, at)
        other = row.amount_fen != transfer.amount_fen and mode is not Mode.WRONG_AMOUNT
        if other and row.state != "failed":
            return Answer(Result.UNCLEAR, code="OTHER_AMOUNT_UNDER_THIS_NUMBER")
        if mode in (Mode.TIMEOUT_PAID, Mode.LATE):
            raise ChannelTimeout("paid, and the answer got lost")
        code = "" if fresh and mode is not Mode.DUPLICATE else "DUPLICATE_NUMBER"
        return self._answer(row, at, code)

    def _book(self, transfer: Transfer, mode: Mode, at: datetime) -> tuple[SandboxTransfer, bool]:
        pending = {Mode.SLOW: "pending", Mode.LATE: "pending"}
        state = ({Mode.FAIL: "failed"} | pending).get(mode, "paid")
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
        """What its books say about a number; a slow payment arrives after a minute.

        :raises ChannelTimeout: the script says so.
        """
        if _heard(number, at) is Mode.SLOW:
            return Answer(Result.PROCESSING)
        row = SandboxTransfer.objects.filter(number=number).first()
        return Answer(Result.NOT_FOUND) if row is None else self._answer(row, at, "")

    def void(self, number: str, *, at: datetime) -> Answer:
        """Books the number as failed unless it is there already: it can never be paid later.

        :raises ChannelTimeout: the script says so.
        """
        _heard(number, at)
        with transaction.atomic(durable=True):
            row, _ = SandboxTransfer.objects.get_or_create(
                number=number,
                defaults={"amount_fen": 0, "number_masked": "", "state": "failed", "at": at},
            )
        return self._answer(row, at, "VOIDED")

    def listing(self, start: datetime, end: datetime) -> Iterable[tuple[str, int]]:
        """What it has paid of the numbers that came in [start, end)."""
        found = SandboxTransfer.objects.filter(state="paid", at__gte=start, at__lt=end)
        return list(found.order_by("id").values_list("number", "amount_fen")[:20_000])

    def _answer(self, row: SandboxTransfer, at: datetime, code: str) -> Answer:
        if row.state == "pending" and at - row.at >= SLOW_FOR:
            SandboxTransfer.objects.filter(pk=row.pk, state="pending").update(state="paid")
            row.refresh_from_db()
        if row.state == "paid":
            return Answer(Result.PAID, row.amount_fen, code)
        if row.state == "failed":
            return Answer(Result.FAILED, code=code or "ACCOUNT_CLOSED")
        return Answer(Result.PROCESSING, code=code)
