"""Payouts by bank file: a batch goes out as a file, the bank's answer file comes back.

No file with clear account numbers lies on a disk: it is written anew from the frozen payouts at
each download, and each download is an audit row.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from backend.accounts.models import Account
from backend.core import audit, ids
from backend.core.errors import Invalid, NotFound, Refusal
from backend.core.states import move
from commissions import payees
from commissions.models import PayeeAccount, Payout, PayoutBatch
from commissions.payouts import money, reconciliation
from commissions.payouts.review import APPROVE, PREPARE, need
from commissions.payouts.sending import cry_out, in_window, sendable
from commissions.providers import bank_file

Status = Payout.Status
BATCH_LIMIT = 2_000


class NothingToBatch(Refusal):
    """No approved payout waits for a bank file."""

    code = "nothing_to_batch"
    status = 409
    title = "No approved payout waits for a bank file"


class BatchAnswered(Refusal):
    """The bank has answered every payout of the batch: nothing is left to be paid."""

    code = "batch_answered"
    status = 409
    title = "No payout of this batch waits for the bank"


class AnswerFileBroken(Invalid):
    """The bank's answer cannot be read, or its totals are wrong; nothing was booked."""

    code = "answer_file_broken"
    title = "The answer file cannot be read"


@dataclass(frozen=True, slots=True)
class Problem:
    """A row of an answer that was not booked, and why."""

    row: int
    number: str
    why: str


@dataclass(slots=True)
class Reading:
    """What reading an answer did: payouts newly paid and failed, rows booked before, rows
    refused, and payouts of the batch that still wait."""

    paid: int = 0
    failed: int = 0
    again: int = 0
    waiting: int = 0
    problems: list[Problem] = field(default_factory=list)


def build_batch(*, by: Account, at: datetime, limit: int = BATCH_LIMIT) -> PayoutBatch:
    """Puts the approved payouts to bank accounts into one batch, oldest first, at most `limit`.
    Two who build at once get two batches without a payout in common. One whose payee cannot be
    read stays approved: it would keep the whole batch from being written.

    :raises NotAllowed: `by` may neither prepare nor approve payouts.
    :raises NothingToBatch: none waits that can be read, or the sending window is closed.
    """
    need(by, PREPARE, APPROVE)
    if not in_window(at):
        raise NothingToBatch("Payouts are not sent at this hour.")
    with transaction.atomic():
        waiting = list(
            Payout.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .select_related("payee")
            .filter(sendable(at), payee__provider=PayeeAccount.Provider.BANK_FILE)
            .order_by("id")[:limit]
        )
        taken: list[Payout] = []
        unreadable: list[Payout] = []
        for payout in waiting:
            (taken if payees.readable(payout.payee) else unreadable).append(payout)
        cry_out(unreadable)
        if not taken:
            why = "The payees that wait cannot be read with FIELD_KEYS." if unreadable else ""
            raise NothingToBatch(why)
        batch = PayoutBatch.objects.create(
            number=ids.bill_number("B", at),
            provider=PayeeAccount.Provider.BANK_FILE,
            payouts_count=len(taken),
            total_fen=sum(payout.net_fen for payout in taken),
            built_at=at,
            built_by=by,
        )
        moved = move(
            Payout.objects.filter(pk__in=[payout.pk for payout in taken]),
            transitions=Payout.TRANSITIONS,
            to=Status.SENDING,
            batch=batch,
        )
        assert moved == len(taken), "the rows are locked"
        audit.note(
            actor=by,
            action="payout_batch.build",
            target=batch,
            at=at,
            payouts=len(taken),
            total_fen=batch.total_fen,
        )
    return batch


def batch_file(*, number: str, kind: str, by: Account, at: datetime) -> bytes:
    """What of the batch waits for the bank, as the bank wants it, `kind` csv or xlsx, names and
    numbers in clear. What has ended stands in no file any more: the money of what failed may have
    been asked for again.

    :raises NotAllowed: `by` may neither prepare nor approve payouts.
    :raises NotFound: no such batch, or no such kind of file.
    :raises BatchAnswered: none of its payouts waits.
    """
    need(by, PREPARE, APPROVE)
    write = {"csv": bank_file.write_csv, "xlsx": bank_file.write_xlsx}.get(kind)
    batch = PayoutBatch.objects.filter(number=number).first()
    if batch is None or write is None:
        raise NotFound()
    with transaction.atomic():
        waiting = batch.payouts.filter(status=Status.SENDING).select_related("payee")
        orders = [_order(payout) for payout in waiting.order_by("id")[:BATCH_LIMIT]]
        if not orders:
            raise BatchAnswered()
        audit.note(
            actor=by,
            action="payout_batch.download",
            target=batch,
            at=at,
            kind=kind,
            payouts=len(orders),
        )
        return write(orders)


def _order(payout: Payout) -> bank_file.Order:
    clear = payees.clear(payout.payee)
    return bank_file.Order(payout.number, clear.holder_name, clear.number, payout.net_fen)


def read_answer(*, number: str, content: bytes, by: Account, at: datetime) -> Reading:
    """Books a bank's answer to a batch. Rows of unknown payouts, of another amount than ours, of
    a number that stands in the file twice, of `by`'s own payouts, or that say the opposite of what
    is booked are refused one by one, with their row numbers, and move nothing; the same file twice
    books nothing new.

    :raises NotAllowed: `by` may neither prepare nor approve payouts.
    :raises NotFound: no such batch.
    :raises AnswerFileBroken: not an answer file, or its totals are not the sums of its rows.
    """
    need(by, PREPARE, APPROVE)
    try:
        answers = bank_file.read_answer(content)
    except bank_file.Unreadable as error:
        raise AnswerFileBroken(f"{error}.") from error
    with transaction.atomic():
        batch = (
            PayoutBatch.objects.select_for_update(no_key=True, of=("self",))
            .filter(number=number)
            .first()
        )
        if batch is None:
            raise NotFound()
        reading = _book_rows(batch, answers, by, at)
        reading.waiting = close(batch, at)
        reconciliation.of_batch(batch=batch, answers=answers, by=by, at=at)
        audit.note(
            actor=by,
            action="payout_batch.answer",
            target=batch,
            at=at,
            paid=reading.paid,
            failed=reading.failed,
            again=reading.again,
            refused=len(reading.problems),
        )
    return reading


def _book_rows(
    batch: PayoutBatch, answers: list[bank_file.AnswerRow], by: Account, at: datetime
) -> Reading:
    reading = Reading()
    payouts = {payout.number: payout for payout in batch.payouts.order_by("id")[:BATCH_LIMIT]}
    # Counted before anything is booked: of two rows nobody knows which one is true.
    told = Counter(answer.number for answer in answers)
    for answer in answers:
        payout = payouts.get(answer.number)
        why = _refused(payout, answer, by, repeated=told[answer.number] > 1)
        if payout is None or why:
            reading.problems.append(Problem(answer.row, answer.number[:40], why))
        elif payout.status != Status.SENDING:
            reading.again += 1
        else:
            reason = "" if answer.paid else f"bank: {answer.reason or 'refused'}"
            if money.finish(payout, paid=answer.paid, reason=reason, at=at):
                reading.paid += answer.paid
                reading.failed += not answer.paid
    return reading


def _refused(
    payout: Payout | None, answer: bank_file.AnswerRow, by: Account, *, repeated: bool
) -> str:
    """Why a row is not booked; empty where it is."""
    if payout is None:
        return "this number is not in the batch"
    if repeated:
        return "this number stands in the file twice"
    if payout.account_id == by.pk:
        return "it is your own: somebody else must book it"
    net = payout.net_fen
    if answer.amount_fen != net:
        return f"the amount is {bank_file.plain_yuan(net)} with us"
    wanted = Status.PAID if answer.paid else Status.FAILED
    if payout.status not in (Status.SENDING, wanted):
        return f"it is booked as {payout.status}"
    return ""


def close(batch: PayoutBatch, at: datetime) -> int:
    """The batch, which the caller has locked, is answered when none of its payouts waits any more;
    returns how many do."""
    waiting = batch.payouts.filter(status=Status.SENDING).count()
    if not waiting:
        move(
            PayoutBatch.objects.filter(pk=batch.pk),
            transitions=PayoutBatch.TRANSITIONS,
            to=PayoutBatch.Status.ANSWERED,
            answered_at=at,
        )
    return waiting
