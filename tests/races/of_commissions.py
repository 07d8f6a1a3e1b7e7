"""Races for commissions: accrual, reversal, settlement, claw-back."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from backend.core.sql import rows, run, value
from commissions import accruals, ledger, payouts, settlement
from commissions.accruals import agreeing
from commissions.models import (
    CommissionOrder,
    CommissionReversal,
    Promoter,
)
from seeds.factories import (
    AccountFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
)
from shops.models import OrderLine
from tests.commissions import sales
from tests.commissions.money_out import AT, payee
from tests.races.crowd import Act, Answer, Meeting
from tests.races.race import Race, meet_before
from tests.races.unguarded import Function, Unique

FEN = 10_000
DUE = AT + timedelta(days=8)
# Of 100.00 at 20 %, the promoter has 80 %; a refund of 25.00 takes a quarter of it back.
EARNED, CLAWED, REFUND = 1_600, 400, 2_500


class OfCommissions(Race):
    """One promoter with a link, an order a round that came by it."""

    def ground(self, rounds: int) -> None:
        self.sku = SkuFactory.create(price_fen=FEN)
        self.buyer = AccountFactory.create()
        self.sponsor: Promoter | None = PromoterFactory.create()
        self.promote()

    def promote(self) -> None:
        """A new promoter, with a link."""
        self.promoter = PromoterFactory.create(sponsor=self.sponsor)
        self.link = PromotionLinkFactory.create(
            promoter=self.promoter, target_id=self.sku.product_id
        )

    def sell(self) -> OrderLine:
        """The round's line; what the promoter has before it."""
        self.before = self.balances()
        self.line = sales.sale(
            at=AT, sku=self.sku, buyer=self.buyer, price_fen=FEN, referral_code=self.link.code
        )
        return self.line

    def confirmed(self) -> None:
        """The round's line sold, accrued, received and confirmed."""
        sales.receive(self.sell(), AT)
        self.reconcile()

    def reconcile(self) -> None:
        """Brings the round's commission into agreement."""
        accruals.reconcile_orders([self.line.order_id], at=DUE)

    def balances(self) -> tuple[int, int]:
        """The promoter's pending and available fen."""
        found = ledger.balances_of("person", self.promoter.account_id)
        return found.get("pending", 0), found.get("available", 0)

    def moved(self) -> tuple[int, int]:
        """What the round has done to pending and available."""
        pending, available = self.balances()
        return pending - self.before[0], available - self.before[1]


class SameOrderTwice(OfCommissions):
    name = "one order accrued by two workers"
    removed = "one attribution and one commission per line (two unique indexes)"
    guards = (
        Unique("commissions_attribution", "order_line_id"),
        Unique("commissions_commissionorder", "order_line_id"),
    )

    def prepare(self, number: int) -> Sequence[Act]:
        self.sell()
        return [self.reconcile] * 2

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, accruals, "make")

    def judge(self, answers: list[Answer]) -> str:
        times, pending = (
            CommissionOrder.objects.filter(order_line=self.line).count(),
            self.moved()[0],
        )
        right = (times, pending) == (1, EARNED)
        return "" if right else f"accrued {times} times, {pending} fen"


class SameRefundTwice(OfCommissions):
    name = "one refund reversed by two workers"
    removed = "the commission's lock, one reversal per refunded total (unique)"
    guards = (Unique("commissions_commissionreversal", "commission_id", "refunded_fen"),)

    def prepare(self, number: int) -> Sequence[Act]:
        self.sell()
        self.reconcile()
        sales.refund(self.line, REFUND)
        return [self.reconcile] * 2

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, agreeing, "_reverse")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        _lockless_reversals(patch)

    def judge(self, answers: list[Answer]) -> str:
        times = CommissionReversal.objects.filter(commission__order_line=self.line).count()
        pending = self.moved()[0]
        right = (times, pending) == (1, EARNED - CLAWED)
        return "" if right else f"reversed {times} times, {pending} fen stay"


def _lockless_reversals(patch: pytest.MonkeyPatch) -> None:
    naive = agreeing._LOCK.replace("FOR NO KEY UPDATE OF c", "")
    assert naive != agreeing._LOCK
    patch.setattr(agreeing, "_LOCK", naive)


class SettlementAgainstRefund(OfCommissions):
    name = "settlement against a refund of the same line"
    removed = "the reversal's lock of the commission"

    def prepare(self, number: int) -> Sequence[Act]:
        self.confirmed()
        return [partial(settlement.settle_chunk, at=DUE), self.refund]

    def refund(self) -> None:
        """The refund succeeds once settlement has marked the line, and is reversed."""
        self.meet("marked")
        sales.refund(self.line, REFUND)
        self.reconcile()

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        self.meet = meet
        meet_before(patch, meet, agreeing, "_reverse", "read")
        real = settlement.run

        def netting(statement: str, parameters: Any = ()) -> int:
            if statement == settlement._NET:
                meet("marked")
                meet("read")
            return real(statement, parameters)

        patch.setattr(settlement, "run", netting)

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        _lockless_reversals(patch)

    def judge(self, answers: list[Answer]) -> str:
        # Whatever came first: when all is done, the books say the same.
        self.reconcile()
        settlement.settle_due(at=DUE)
        right = self.moved() == (0, EARNED - CLAWED)
        return "" if right else "{} fen pending, {} available".format(*self.moved())


_DUE = """
SELECT c.id FROM commissions_commissionorder c WHERE c.status = 'confirmed' AND c.matures_at <= %s
"""
_MARK_THESE = """
WITH run AS (
    INSERT INTO commissions_settlementrun (as_of, started_at, orders, amount_fen)
    VALUES (%s::timestamptz, %s::timestamptz, 1, 0) RETURNING id)
, marked AS (
    UPDATE commissions_commissionorder c SET status = 'settled', settlement_run_id = run.id
    FROM run WHERE c.id = ANY(%s::bigint[]))
SELECT id FROM run
"""


class SettlementAgainstSettlement(OfCommissions):
    name = "two workers settle the same commissions"
    removed = "FOR UPDATE SKIP LOCKED and the state in the UPDATE"

    def prepare(self, number: int) -> Sequence[Act]:
        self.confirmed()
        return [partial(settlement.settle_chunk, at=DUE)] * 2

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, settlement, "rows")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        def look_then_mark(_: str, __: Any) -> list[dict[str, Any]]:
            due = [row["id"] for row in rows(_DUE, [DUE])]
            meet()
            return rows(_MARK_THESE, [DUE, DUE, due]) if due else []

        patch.setattr(settlement, "rows", look_then_mark)

    def judge(self, answers: list[Answer]) -> str:
        right = self.moved() == (0, EARNED)
        return "" if right else "{} fen pending, {} available".format(*self.moved())


# Reads, adds and saves; between the two it waits, but on the ground's own connection, until the
# other contender has read the balance as well, or has written it already.
_RUNNING_BALANCE = """
CREATE OR REPLACE FUNCTION tuike_entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE wanted record; held bigint;
BEGIN
    FOR wanted IN SELECT account_id, sum(amount_fen) AS fen FROM fresh GROUP BY 1 ORDER BY 1 LOOP
        SELECT balance_fen INTO held FROM commissions_balance
        WHERE account_id = wanted.account_id;
        IF current_setting('races.alone', true) IS DISTINCT FROM 'on' AND EXISTS (
            SELECT FROM commissions_ledgeraccount WHERE id = wanted.account_id
            AND owner_kind = 'person' AND kind = 'available') THEN
            PERFORM pg_advisory_xact_lock_shared(4711);
            FOR try IN 1..400 LOOP
                EXIT WHEN (SELECT count(*) FROM pg_locks
                           WHERE locktype = 'advisory' AND objid = 4711) > 1
                    OR (SELECT balance_fen FROM commissions_balance
                        WHERE account_id = wanted.account_id) <> held;
                PERFORM pg_sleep(0.005);
            END LOOP;
        END IF;
        UPDATE commissions_balance SET balance_fen = held + wanted.fen
        WHERE account_id = wanted.account_id;
    END LOOP;
    RETURN NULL;
END $$
"""
_BOOKED = """
SELECT coalesce(sum(amount_fen), 0)::bigint FROM commissions_entry e
JOIN commissions_ledgeraccount a ON a.id = e.account_id
WHERE (a.owner_kind, a.owner_id, a.kind) = ('person', %s::bigint, 'available')
"""


class WithdrawalAgainstClawBack(OfCommissions):
    name = "withdrawal against the claw-back of a refund"
    removed = "balances as sums of deltas (a trigger reads, adds and saves)"
    guards = (Function("tuike_entries_balance", _RUNNING_BALANCE),)

    def prepare(self, number: int) -> Sequence[Act]:
        self.promote()
        account = self.promoter.account
        payee(account)
        self.confirmed()
        settlement.settle_due(at=DUE)
        sales.refund(self.line, REFUND)
        assert self.balances() == (0, EARNED)
        # There is enough for one of the two, not for both.
        return [
            partial(payouts.request, account=account, amount_fen=EARNED - 1, at=DUE),
            self.reconcile,
        ]

    def ground(self, rounds: int) -> None:
        run("SET races.alone = 'on'")
        super().ground(rounds)
        # One person alone is paid: they meet over one balance.
        self.sponsor = None

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, ledger, "post")

    def judge(self, answers: list[Answer]) -> str:
        asked, left = answers[0].word, self.balances()[1]
        booked = value(_BOOKED, [self.promoter.account_id])
        wanted = {"done": 1 - CLAWED, "insufficient_balance": EARNED - CLAWED}
        right = left == booked == wanted.get(asked)
        return "" if right else f"the balance says {left} fen, its entries {booked}"


RACES = (
    SameOrderTwice,
    SameRefundTwice,
    SettlementAgainstRefund,
    SettlementAgainstSettlement,
    WithdrawalAgainstClawBack,
)
