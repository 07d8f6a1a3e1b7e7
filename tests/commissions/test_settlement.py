"""Settlement is set-based, netted, and never settles what is held, open or refunded: K5, P6."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F, Sum

from backend.core.errors import NotFound, WrongState
from backend.core.models import AuditEntry
from backend.core.sql import value
from commissions import accruals, ledger, settlement
from commissions.models import (
    CommissionOrder,
    Entry,
    Journal,
    SettlementPosting,
    SettlementRun,
)
from commissions.settlement import ReasonRequired
from seeds.factories import PromoterFactory, PromotionLinkFactory, SkuFactory
from tests.cast import Person
from tests.commissions import sales
from tests.commissions.sales import fen_of, house

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)
DUE = AT + 7 * DAY
pytestmark = pytest.mark.django_db


def matured(count: int = 1, **fields: Any) -> list[Any]:
    """Received lines through one promoter's link; they mature at DUE."""
    sku = SkuFactory.create()
    link = PromotionLinkFactory.create(target_id=sku.product_id)
    lines = [
        sales.sale(at=AT, sku=sku, price_fen=10_000, referral_code=link.code, **fields)
        for _ in range(count)
    ]
    for line in lines:
        sales.receive(line, AT)
        line.promoter = link.promoter
    accruals.reconcile_orders([line.order_id for line in lines], at=AT)
    return lines


def test_what_matured_becomes_available_in_one_journal_per_payee() -> None:
    lines = matured(3)
    run = settlement.settle_due(at=DUE)
    assert run is not None
    assert (run.orders, run.amount_fen) == (3, 3 * (1_600 + 500))
    postings = SettlementPosting.objects.filter(run=run).values_list("payee_kind", "amount_fen")
    assert sorted(postings) == [("charity", 15), ("person", 4_800), ("platform", 1_485)]
    assert Journal.objects.filter(kind=Journal.Kind.SETTLEMENT).count() == 3
    person = lines[0].promoter.account
    assert (fen_of(person, "pending"), fen_of(person, "available")) == (0, 4_800)
    assert (house("platform", "pending"), house("platform", "available")) == (0, 1_485)
    assert (house("charity", "pending"), house("charity", "available")) == (0, 15)
    settled = CommissionOrder.objects.filter(settlement_run=run)
    assert set(settled.values_list("status", "version")) == {("settled", 3)}


def test_nothing_settles_a_moment_before_its_day_and_nothing_settles_twice() -> None:
    """I10: periods are half-open; row 2: the second run finds nothing to do."""
    matured()
    assert settlement.settle_due(at=DUE - timedelta(microseconds=1)) is None
    assert not SettlementRun.objects.exists()
    assert settlement.settle_due(at=DUE) is not None
    entries = Entry.objects.count()
    assert settlement.settle_due(at=DUE + DAY) is None
    assert Entry.objects.count() == entries


def test_a_line_with_an_open_refund_waits() -> None:
    (line,) = matured()
    asked = sales.open_refund(line, AT)
    assert settlement.settle_due(at=DUE) is None
    asked.is_open = False
    asked.save(update_fields=["is_open"])
    assert settlement.settle_due(at=DUE) is not None


def test_a_refund_that_is_not_reversed_yet_waits_for_its_reversal() -> None:
    (line,) = matured()
    sales.refund(line, 5_000)
    assert settlement.settle_due(at=DUE) is None
    accruals.reconcile_orders([line.order_id], at=DUE)
    assert settlement.settle_due(at=DUE) is not None
    assert fen_of(line.promoter.account, "available") == 800


def test_a_held_commission_does_not_settle_until_it_is_released(staff: Person) -> None:
    (line,) = matured()
    commission = CommissionOrder.objects.get(order_line=line)
    settlement.hold(commission_id=commission.pk, by=staff.account, reason="dispute", at=AT)
    assert settlement.settle_due(at=DUE) is None
    settlement.release(commission_id=commission.pk, by=staff.account, reason="done", at=DUE)
    assert settlement.settle_due(at=DUE) is not None
    acts = AuditEntry.objects.filter(target_id=str(commission.pk)).order_by("id")
    assert [a.action for a in acts] == ["commission.hold", "commission.release"]


def test_holding_needs_a_reason_and_a_commission_that_can_still_wait(staff: Person) -> None:
    (line,) = matured()
    commission = CommissionOrder.objects.get(order_line=line)
    by = staff.account
    with pytest.raises(ReasonRequired):
        settlement.hold(commission_id=commission.pk, by=by, reason="  ", at=AT)
    with pytest.raises(NotFound):
        settlement.hold(commission_id=commission.pk + 1, by=by, reason="x", at=AT)
    with pytest.raises(WrongState):
        settlement.release(commission_id=commission.pk, by=by, reason="x", at=AT)
    settlement.settle_due(at=DUE)
    with pytest.raises(WrongState):
        settlement.hold(commission_id=commission.pk, by=by, reason="x", at=AT)
    commission.refresh_from_db()
    assert (commission.held_reason, commission.status) == ("", "settled")


def test_chunks_together_settle_what_one_run_would() -> None:
    lines = matured(7)
    run = settlement.settle_due(at=DUE, chunk=3)
    assert run is not None
    assert run.orders == 1
    assert SettlementRun.objects.count() == 3
    assert SettlementRun.objects.aggregate(n=Sum("orders"))["n"] == 7
    assert fen_of(lines[0].promoter.account, "available") == 7 * 1_600


def test_the_books_balance_after_accrual_settlement_and_folding() -> None:
    """I1, I3: journals sum to zero; balances are what the entries say."""
    lines = matured(5)
    sales.refund(lines[0], 3_333)
    accruals.reconcile_orders([lines[0].order_id], at=AT)
    settlement.settle_due(at=DUE)
    ledger.fold()
    assert Entry.objects.aggregate(s=Sum("amount_fen"))["s"] == 0
    wrong = value(
        "SELECT count(*) FROM commissions_balance b LEFT JOIN (SELECT account_id, sum(amount_fen) s"
        " FROM commissions_entry GROUP BY 1) e USING (account_id)"
        " WHERE b.balance_fen <> coalesce(e.s, 0)"
    )
    assert wrong == 0
    split_sums = CommissionOrder.objects.annotate(s=Sum("splits__amount_fen"))
    assert not split_sums.exclude(s=F("budget_fen") + F("fee_fen")).exists()


def test_who_never_had_the_account_gets_it_opened() -> None:
    """A payee whose available account does not exist yet is settled all the same."""
    (line,) = matured()
    promoter = PromoterFactory.create()
    assert ledger.balances_of("person", promoter.account_id) == {}
    settlement.settle_due(at=DUE)
    assert ledger.balances_of("person", line.promoter.account_id) == {
        "pending": 0,
        "available": 1_600,
    }
