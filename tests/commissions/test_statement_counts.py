"""P6: what accrual, reversal, settlement and the relay cost in statements: small constants, exact,
and the same for one order and for many."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from backend import relay
from backend.core import events
from backend.core.sql import rows, value
from commissions import accruals, ledger, settlement
from commissions.models import Attribution, CommissionOrder
from seeds.factories import (
    AccountFactory,
    PlanVersionFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
    TouchFactory,
)
from tests.commissions import sales

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DUE = AT + timedelta(days=7)
pytestmark = pytest.mark.django_db


@pytest.fixture
def sell() -> Callable[[int], list[Any]]:
    """Sells lines through an invited promoter's link, to new people."""
    PlanVersionFactory.create(starts_at=AT - timedelta(days=1))
    sku = SkuFactory.create()
    linda = PromoterFactory.create(sponsor=PromoterFactory.create())
    link = PromotionLinkFactory.create(promoter=linda, target_id=sku.product_id)

    def some(count: int) -> list[Any]:
        buyers = [AccountFactory.create() for _ in range(count)]
        return [
            sales.sale(at=AT, sku=sku, buyer=buyer, price_fen=10_000, referral_code=link.code)
            for buyer in buyers
        ]

    return some


def orders(lines: list[Any]) -> list[int]:
    return [line.order_id for line in lines]


def statements(act: Callable[..., object], *given: object, at: datetime = AT) -> int:
    """The statements of an act; opening and closing its transactions is not counted."""
    with CaptureQueriesContext(connection) as seen:
        act(*given, at=at)
    return len([query for query in seen if "SAVEPOINT" not in query["sql"]])


def test_an_order_alone_is_accrued_in_two_statements(sell: Callable[[int], list[Any]]) -> None:
    """Read, then write: also where the accounts of its payees do not exist yet."""
    for line in sell(3):
        assert statements(accruals.reconcile_orders, [line.order_id]) == 2
    assert CommissionOrder.objects.count() == 3


def test_a_batch_is_accrued_in_three_statements(sell: Callable[[int], list[Any]]) -> None:
    """One more says for how many rows the two are to be planned."""
    for count in (2, 50):
        assert statements(accruals.reconcile_orders, orders(sell(count))) == 3
    assert CommissionOrder.objects.count() == 52


def test_touches_cost_no_statement_more(sell: Callable[[int], list[Any]]) -> None:
    (line,) = sell(1)
    for number in range(20):
        TouchFactory.create(account=line.order.buyer, at=AT - timedelta(hours=number))
    assert statements(accruals.reconcile_orders, [line.order_id]) == 2
    assert len(Attribution.objects.get().losers) == 20


def test_what_is_in_agreement_costs_one_statement(sell: Callable[[int], list[Any]]) -> None:
    (line,) = sell(1)
    accruals.reconcile_orders([line.order_id], at=AT)
    assert statements(accruals.reconcile_orders, [line.order_id]) == 1


def test_a_batch_of_refunds_costs_as_many_statements_as_one(
    sell: Callable[[int], list[Any]],
) -> None:
    lines = sell(20)
    accruals.reconcile_orders(orders(lines), at=AT)
    for line in lines:
        sales.refund(line, 1_000)
    one = statements(accruals.reconcile_orders, orders(lines[:1]))
    many = statements(accruals.reconcile_orders, orders(lines[1:]))
    assert (one, many) == (8, 9)


def test_a_settled_chunk_costs_the_same_for_three_orders_and_for_sixty(
    sell: Callable[[int], list[Any]],
) -> None:
    """Three look for the period, seven settle; a month's first chunk makes its period too."""
    for count, wanted in ((1, None), (3, 10), (60, 10)):
        lines = sell(count)
        for line in lines:
            sales.receive(line, AT)
        accruals.reconcile_orders(orders(lines), at=AT)
        # The last of them is the run's event, which webhooks wait for.
        assert statements(settlement.settle_chunk, at=DUE) == wanted or wanted is None
    assert value("SELECT sum(orders) FROM commissions_settlementrun") == 64


@pytest.mark.parametrize("count", [1, 40])
def test_a_delivered_batch_costs_the_same_for_one_event_and_for_forty(
    sell: Callable[[int], list[Any]], count: int
) -> None:
    """Claim and mark delivered, accrue, mark the days; then the claim that finds nothing."""
    with transaction.atomic():
        events.record_many(kind="order.paid", subject_ids=orders(sell(count)), at=AT)
    of_accrual = 2 if count == 1 else 3
    assert statements(relay.drain) == 1 + of_accrual + 1 + 1
    assert CommissionOrder.objects.count() == count


def test_posting_costs_one_statement_whether_its_accounts_are_open_or_not() -> None:
    linda, shop = ledger.AccountKey("person", 1, "pending"), ledger.AccountKey("shop", 1, "payable")
    for causes in (range(1, 2), range(2, 60)):
        many = [
            ledger.Posting(ledger.JournalKind.ACCRUAL, cause, [(linda, 1), (shop, -1)])
            for cause in causes
        ]
        assert statements(ledger.post, many) == 1
    assert ledger.balance(linda) == 59


def test_an_order_alone_is_not_planned_anew_each_time(sell: Callable[[int], list[Any]]) -> None:
    """After five executions PostgreSQL keeps the plan of what reads and of what writes: planning
    them would cost ten times their work."""
    for line in sell(15):
        accruals.reconcile_orders([line.order_id], at=AT)
    plans = rows(
        "SELECT custom_plans, generic_plans FROM pg_prepared_statements"
        " WHERE statement LIKE %s OR statement LIKE %s",
        ["%WITH line AS%", "%INSERT INTO commissions_attribution%"],
    )
    assert len(plans) >= 2
    assert [plan for plan in plans if plan["custom_plans"] > 5] == []
    assert all(plan["generic_plans"] >= 5 for plan in plans)
