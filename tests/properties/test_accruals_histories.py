"""Random histories of lines against a plain recomputation: I1, I2, I3, I4, I9, X5, R1.

Each history sells lines through links, notes or nobody, then refunds, receives, settles, folds
and reconciles in any order, some of it twice. The oracle knows only what was sold and refunded.
"""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.core.sql import value
from commissions import accruals, ledger, settlement
from commissions.models import CommissionOrder
from notes.models import NoteProduct
from seeds.factories import (
    AgencyEdgeFactory,
    AgencyFactory,
    NoteFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
)
from tests.commissions import sales
from tests.properties.test_split_properties import half_even

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
LATE = AT + timedelta(days=30)
LONG_AGO = AT - timedelta(days=30)
pytestmark = pytest.mark.django_db

LINES = st.lists(
    st.tuples(
        st.sampled_from(["pair", "agencies", "single", "note", "nobody"]),
        st.integers(1, 30_000),
        st.integers(0, 5_000),
        st.integers(0, 1_000),
    ),
    min_size=1,
    max_size=4,
)
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["refund", "refund all", "receive", "reconcile", "settle", "fold"]),
        st.integers(0, 3),
        st.integers(1, 9_000),
    ),
    max_size=14,
)
WRONG_BALANCES = """
SELECT count(*) FROM commissions_ledgeraccount a
WHERE coalesce((SELECT balance_fen FROM commissions_balance WHERE account_id = a.id), 0)
    + coalesce((SELECT sum(amount_fen) FROM commissions_balancedelta WHERE account_id = a.id), 0)
   <> coalesce((SELECT sum(amount_fen) FROM commissions_entry WHERE account_id = a.id), 0)
"""
WRONG_JOURNALS = """
SELECT count(*) FROM (SELECT journal_id FROM commissions_entry
GROUP BY journal_id HAVING sum(amount_fen) <> 0) wrong
"""


class World:
    """A shop's product, promoted by a pair, by a promoter alone, and by a note."""

    def __init__(self) -> None:
        self.sku = SkuFactory.create()
        sponsor = PromoterFactory.create()
        product = self.sku.product_id
        pair = PromotionLinkFactory.create(
            promoter=PromoterFactory.create(sponsor=sponsor), target_id=product
        )
        single = PromotionLinkFactory.create(target_id=product)
        note = NoteFactory.create()
        NoteProduct.objects.create(note=note, product_id=product, origin="others")
        member = PromoterFactory.create(sponsor=sponsor)
        upper = AgencyFactory.create(share_bps=3_333, created_at=LONG_AGO)
        # The inviter's own agency: one payee in two roles.
        agency = AgencyFactory.create(owner=sponsor.account, share_bps=1_234, created_at=LONG_AGO)
        AgencyEdgeFactory.create(agency=agency, promoter=member, from_at=LONG_AGO)
        AgencyEdgeFactory.create(agency=upper, child=agency, from_at=LONG_AGO)
        passing = PromotionLinkFactory.create(promoter=member, target_id=product)
        self.ways: dict[str, dict[str, Any]] = {
            "agencies": {"referral_code": passing.code},
            "pair": {"referral_code": pair.code},
            "single": {"referral_code": single.code},
            "note": {"source": ("note", note.pk)},
            "nobody": {},
        }

    def sell(self, way: str, price: int, rate: int, fee: int) -> Any:
        line = sales.sale(
            at=AT, sku=self.sku, price_fen=price, rate_bps=rate, fee_bps=fee, **self.ways[way]
        )
        line.way = way
        return line


def act(kind: str, line: Any, fen: int, lines: list[Any]) -> None:
    line.refresh_from_db()
    left = line.paid_fen - line.refunded_fen
    if kind == "refund" and left:
        sales.refund(line, min(fen, left))
    elif kind == "refund all" and left:
        sales.refund(line, left)
    elif kind == "receive":
        sales.receive(line, AT)
    elif kind == "reconcile":
        accruals.reconcile_orders([line.order_id, line.order_id], at=AT)
    elif kind == "settle":
        settlement.settle_due(at=LATE, chunk=2)
    elif kind == "fold":
        ledger.fold()


def expect(line: Any) -> tuple[int, int]:
    """What the payees and the house may keep of a line, by fractions alone."""
    kept = line.paid_fen - line.refunded_fen
    budget = half_even(Fraction(kept * line.commission_bps, 10_000))
    return (
        budget if line.way != "nobody" else 0,
        half_even(Fraction(kept * line.fee_bps, 10_000)),
    )


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(LINES, ACTS)
def test_any_history_leaves_what_a_plain_recomputation_says(
    sold: list[tuple[str, int, int, int]], acts: list[tuple[str, int, int]]
) -> None:
    world = World()
    lines = [world.sell(*fields) for fields in sold]
    for kind, index, fen in acts:
        act(kind, lines[index % len(lines)], fen, lines)
    accruals.reconcile_orders([line.order_id for line in lines], at=AT)
    for line in lines:
        line.refresh_from_db()
        commission = CommissionOrder.objects.get(order_line=line)
        parts = list(commission.splits.all())
        kept = {part.role: part.amount_fen - part.reversed_fen for part in parts}
        fee = kept.pop("platform", 0) + kept.pop("charity", 0)
        assert (sum(kept.values()), fee) == expect(line)
        assert commission.refunded_fen == line.refunded_fen
        back = sum(part.reversed_fen for part in parts)
        assert sum(r.amount_fen for r in commission.reversals.all()) == back
        whole = line.refunded_fen == line.paid_fen
        assert (commission.status == "invalid") == (whole and commission.settlement_run_id is None)
    shop = world.sku.product.shop_id
    owed = sum(
        part.amount_fen - part.reversed_fen
        for commission in CommissionOrder.objects.filter(shop_id=shop)
        for part in commission.splits.exclude(role="shop")
    )
    assert sales.house("shop", "payable", shop) == -owed
    assert value(WRONG_BALANCES) == 0
    assert value(WRONG_JOURNALS) == 0
    entries = value("SELECT count(*) FROM commissions_entry")
    accruals.reconcile_orders([line.order_id for line in lines], at=LATE)
    assert value("SELECT count(*) FROM commissions_entry") == entries
