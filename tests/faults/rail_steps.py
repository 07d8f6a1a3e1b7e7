"""One worker's steps over money out, in a process of its own that may be killed at any moment."""

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from django.db import connection

from backend.accounts.models import Account
from backend.core.errors import Refusal
from commissions import payouts, settlement
from commissions.models import Payout, PayoutBatch
from commissions.providers import bank_file

Step = Callable[[datetime], object]


def batch_of(by: Account) -> Step:
    """Builds a batch of what is approved, if anything is."""

    def step(at: datetime) -> None:
        with contextlib.suppress(payouts.NothingToBatch):
            payouts.build_batch(by=by, at=at, limit=2)

    return step


def answer_of(by: Account) -> Step:
    """Reads the bank's answer to every batch that has none: it has paid each number."""

    def step(at: datetime) -> None:
        for batch in PayoutBatch.objects.filter(status="built").order_by("id")[:20]:
            payouts.read_answer(number=batch.number, content=answer_to(batch), by=by, at=at)

    return step


def answer_to(batch: PayoutBatch) -> bytes:
    """The bank's answer: all paid."""
    rows = [
        f"{payout.number},{bank_file.plain_yuan(payout.net_fen)},paid,"
        for payout in batch.payouts.order_by("id")
    ]
    total = f"TOTAL,{bank_file.plain_yuan(batch.total_fen)},{len(rows)},"
    return "\n".join([",".join(bank_file.ANSWER_HEADER), *rows, total]).encode()


def steps_of(maker: Account) -> list[Step]:
    """Everything that a worker or the desk does after the approval."""
    return [
        lambda at: settlement.settle_due(at=at),
        lambda at: payouts.send_payouts(at=at, limit=3),
        lambda at: payouts.reconcile_payouts(at=at),
        batch_of(maker),
        answer_of(maker),
        lambda at: payouts.build_reports(at=at),
    ]


def worker(steps: Sequence[Step], at: datetime, told: Path) -> int:
    """A forked process that goes through the steps; what breaks in it is written to `told`. The
    caller has closed its connection, so that none is shared."""
    pid = os.fork()
    if pid:
        return pid
    try:
        connection.connection = None
        for step in steps:
            try:
                step(at)
            except Refusal as refusal:
                told.open("a").write(f"{refusal!r}\n")
        os._exit(0)
    except BaseException:
        told.open("a").write(traceback.format_exc())
        sys.stderr.flush()
        os._exit(1)


def end(pid: int) -> bool:
    """Kills it; whether it was still at work."""
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def open_payouts() -> int:
    """How many payouts have not come to their end."""
    ended = ("paid", "failed", "rejected", "cancelled")
    return Payout.objects.exclude(status__in=ended).count()
