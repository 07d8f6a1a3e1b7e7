"""X11 for money out, in small: two workers at once, killed -9 at any moment of settling, building
batches, sending, asking and reconciling, across the edges of a day and a month. Afterwards the
books are exact and no number was paid twice. The long one, with PostgreSQL and Valkey killed as
well and WeChat Pay and Alipay behind their doubles, is test_soak_rails.py."""

import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from backend.core.sql import value
from commissions import books, payouts
from commissions.models import Payout, PayoutAttempt, PayoutBatch, Reconciliation, SandboxTransfer
from tests.commissions.money_out import CARD, cash, checker, credit, earner, maker
from tests.faults import rail_steps

KILLS = 8
SUFFIXES = ["0001", "9002", "9003", "9004", "9005", "9006"]
# The edges of a business day and of a month (midnight in Shanghai), forwards and backwards.
EDGES = [
    datetime(2026, 11, 30, 15, 59, 59, tzinfo=UTC),
    datetime(2026, 11, 30, 16, 0, 0, tzinfo=UTC),
    datetime(2026, 11, 30, 15, 59, 58, tzinfo=UTC),
    datetime(2026, 12, 1, 3, 0, 0, tzinfo=UTC),
]


def _asked() -> int:
    """Approved payouts of both kinds; how much they are in all."""
    by, other, total = maker(), checker(), 0
    kinds = [(f"6222{suffix}", "sandbox") for suffix in SUFFIXES] + [(CARD, "bank_file")] * 4
    for number, provider in kinds:
        account = earner(0, number, provider)
        credit(account, 900)
        for amount in (500, 300):
            total += amount
            made = payouts.request(account=account, amount_fen=amount, at=EDGES[0])
            payouts.prepare(number=made.number, by=by, at=EDGES[0])
            payouts.approve(number=made.number, by=other, at=EDGES[0])
    return total


@pytest.mark.django_db(transaction=True)
def test_workers_killed_anywhere_in_money_out_leave_the_books_exact(tmp_path: Path) -> None:
    total, told, dice = _asked(), tmp_path / "told", random.Random(20261130)
    # The money of these people comes from nowhere, and the books say so, before as after.
    before = {finding.name for finding in books.check(at=EDGES[0])}
    steps, struck = rail_steps.steps_of(maker()), 0
    connection.close()
    for kill in range(KILLS):
        at = EDGES[kill % len(EDGES)]
        pair = [rail_steps.worker(dice.sample(steps, len(steps)), at, told) for _ in range(2)]
        time.sleep(dice.uniform(0.02, 0.25))
        struck += sum(rail_steps.end(pid) for pid in pair)
    assert struck > 0, "somebody was killed at work"
    for hours in (1, 2, 4, 8, 16, 40):
        for step in steps:
            step(EDGES[-1] + timedelta(hours=hours))
    assert not told.exists(), told.read_text()
    _exact(total)
    assert {finding.name for finding in books.check(at=EDGES[-1] + timedelta(days=2))} <= before


def _exact(total: int) -> None:
    assert rail_steps.open_payouts() == 0
    payouts_paid = Payout.objects.filter(status="paid")
    lost = Payout.objects.filter(status="failed").select_related("payee")
    # 9002 is refused and 9004 lost on its way; of others, what was killed before the call.
    assert {payout.payee.number_masked[-4:] for payout in lost} >= {"9002", "9004"}
    assert sum(payout.amount_fen for payout in [*payouts_paid, *lost]) == total
    given_back = value(
        "SELECT sum(amount_fen)::bigint FROM commissions_entry WHERE journal_id >> 56 = 6"
        " AND amount_fen > 0"
    )
    assert given_back == sum(payout.amount_fen for payout in lost)
    assert cash() == sum(payout.net_fen for payout in payouts_paid)
    assert value("SELECT sum(amount_fen)::bigint FROM commissions_entry") == 0
    # Each number was sent once, and paid once by the channel; each batch paid once by the bank.
    assert set(SandboxTransfer.objects.values_list("calls", flat=True)) == {1}
    sent = PayoutAttempt.objects.filter(kind="send").values_list("payout_id", flat=True)
    assert len(sent) == len(set(sent)) == 2 * len(SUFFIXES)
    assert set(PayoutBatch.objects.values_list("status", flat=True)) == {"answered"}
    banked = Payout.objects.filter(batch__isnull=False)
    assert sum(PayoutBatch.objects.values_list("payouts_count", flat=True)) == banked.count() == 8
    assert not Reconciliation.objects.exclude(status="open").exists()
