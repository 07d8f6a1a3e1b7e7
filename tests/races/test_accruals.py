"""Workers on the same orders at once: row 1, 2, 7, 8, 27; I3, I9."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum

from backend.core import events
from backend.core.sql import value
from backend.relay import drain
from commissions import accruals, ledger, settlement
from commissions.models import CommissionOrder, CommissionReversal, Entry, Journal
from seeds.factories import (
    AccountFactory,
    PlanVersionFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
)
from tests.commissions import sales
from tests.races.crowd import together
from tests.races.test_ledger import drift

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DUE = AT + timedelta(days=7)
pytestmark = pytest.mark.django_db(transaction=True)


def sold(count: int, *, received: bool = False) -> list[Any]:
    """Lines of 100 yuan at 20 % through a pair of promoters; 16.00 + 4.00 each."""
    PlanVersionFactory.create(starts_at=AT - timedelta(days=1))
    sku = SkuFactory.create()
    linda = PromoterFactory.create(sponsor=PromoterFactory.create())
    link = PromotionLinkFactory.create(promoter=linda, target_id=sku.product_id)
    buyer = AccountFactory.create()
    lines = [
        sales.sale(at=AT, sku=sku, buyer=buyer, price_fen=10_000, referral_code=link.code)
        for _ in range(count)
    ]
    for line in lines if received else []:
        sales.receive(line, AT)
    lines[0].linda = linda.account
    return lines


def test_four_workers_on_the_same_orders_accrue_each_once() -> None:
    lines = sold(24)
    ids = [line.order_id for line in lines]

    def work() -> None:
        for start in range(0, 24, 6):
            accruals.reconcile_orders(ids[start : start + 6], at=AT)

    assert together([work] * 4) == {"done": 4}
    assert CommissionOrder.objects.count() == 24
    assert Journal.objects.filter(kind=Journal.Kind.ACCRUAL).count() == 24
    assert sales.fen_of(lines[0].linda, "pending") == 24 * 1_600
    assert drift() == 0


def test_five_hundred_duplicate_reversals_have_the_effect_of_one_each() -> None:
    """R5: eight workers, the same refunds over and over, in shuffled batches."""
    lines = sold(20)
    ids = [line.order_id for line in lines]
    accruals.reconcile_orders(ids, at=AT)
    for line in lines:
        sales.refund(line, 2_500)

    def work() -> None:
        mine = random.Random()
        for _ in range(5):
            mine.shuffle(ids_ := list(ids))
            accruals.reconcile_orders(ids_[:12], at=AT)
        accruals.reconcile_orders(ids, at=AT)

    assert together([work] * 8) == {"done": 8}
    assert CommissionReversal.objects.count() == 20
    assert sales.fen_of(lines[0].linda, "pending") == 20 * 1_200
    assert drift() == 0


def test_refunds_against_settlement_never_lose_a_fen() -> None:
    """Row 8 and the lock order: reversals and settlers meet on the same commissions."""
    lines = sold(40, received=True)
    ids = [line.order_id for line in lines]
    accruals.reconcile_orders(ids, at=AT)

    def refunds(part: int) -> None:
        for line in lines[part::2]:
            for fen in (1_000, 1_500):
                sales.refund(line, fen)
                accruals.reconcile_orders([line.order_id], at=DUE)

    def settle() -> None:
        for _ in range(25):
            settlement.settle_due(at=DUE, chunk=3)

    assert together([lambda: refunds(0), lambda: refunds(1), settle, settle]) == {"done": 4}
    settlement.settle_due(at=DUE)
    assert set(CommissionOrder.objects.values_list("status", flat=True)) == {"settled"}
    assert CommissionReversal.objects.aggregate(s=Sum("amount_fen"))["s"] == 40 * (500 + 125)
    assert sales.fen_of(lines[0].linda, "pending") == 0
    assert sales.fen_of(lines[0].linda, "available") == 40 * 1_200
    assert drift() == 0


def test_three_settlers_settle_each_commission_once() -> None:
    lines = sold(50, received=True)
    accruals.reconcile_orders([line.order_id for line in lines], at=AT)
    outcomes = together([lambda: settlement.settle_due(at=DUE, chunk=4)] * 3 + [ledger.fold])
    assert outcomes == {"done": 4}
    settlement.settle_due(at=DUE)
    versions = set(CommissionOrder.objects.values_list("status", "version"))
    assert versions == {("settled", 3)}
    assert sales.fen_of(lines[0].linda, "available") == 50 * 1_600
    assert drift() == 0


def test_two_relays_deliver_doubled_and_shuffled_events_to_one_outcome() -> None:
    """Rows 2 and 7: each order's events twice, in any order, two relays at once."""
    lines = sold(30)
    for line in lines[::3]:
        sales.refund(line, 4_000)
    told = [
        (kind, line.order_id)
        for line in lines
        for kind in ("order.paid", "order.refunded", "order.received")
        for _ in range(2)
    ]
    random.Random(7).shuffle(told)
    from django.db import transaction

    with transaction.atomic():
        for kind, order_id in told:
            events.record(kind=kind, subject_id=order_id, at=AT, payload={})
    assert together([lambda: drain(at=AT, limit=500)] * 2) == {"done": 2}
    drain(at=AT)
    assert value("SELECT count(*) FROM core_event WHERE state <> 'delivered'") == 0
    assert CommissionOrder.objects.count() == 30
    assert CommissionReversal.objects.count() == 10
    assert sales.fen_of(lines[0].linda, "pending") == 20 * 1_600 + 10 * 960
    assert Entry.objects.aggregate(s=Sum("amount_fen"))["s"] == 0
    assert drift() == 0
