"""Accrual is state-based, exact and cheap: K1, K3, K5, I2, I3, I6, fault rows 7 and 8."""

from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from typing import Any

import pytest

from commissions import accruals, settlement
from commissions.models import (
    Attribution,
    CommissionOrder,
    CommissionReversal,
    Entry,
    Journal,
    Promoter,
)
from seeds.factories import PromoterFactory, PromotionLinkFactory, SkuFactory
from tests.commissions import sales
from tests.commissions.sales import fen_of, house, splits

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


class Chain:
    """Ella invited Linda; Linda's link to one product of Selena's."""

    def __init__(self) -> None:
        self.ella = PromoterFactory.create()
        self.linda = PromoterFactory.create(sponsor=self.ella)
        self.sku = SkuFactory.create()
        self.link = PromotionLinkFactory.create(promoter=self.linda, target_id=self.sku.product_id)

    def sale(self, **fields: Any) -> Any:
        """A paid line through Linda's link."""
        fields = {"at": AT, "sku": self.sku, "referral_code": self.link.code} | fields
        return sales.sale(**fields)


@pytest.fixture
def chain() -> Chain:
    return Chain()


def commission_of(line: Any) -> CommissionOrder:
    return CommissionOrder.objects.select_related("attribution").get(order_line=line)


def test_a_paid_line_pays_promoter_and_inviter_out_of_the_budget(chain: Chain) -> None:
    """K1: two splits, Σ = budget to the fen; the shop owes budget and fee."""
    line = chain.sale(price_fen=12_345, rate_bps=3_000)
    assert accruals.reconcile_orders([line.order_id], at=AT) == 1
    commission = commission_of(line)
    assert (commission.base_fen, commission.budget_fen, commission.fee_fen) == (12_345, 3_704, 617)
    assert splits(commission) == {
        "promoter": (2_963, 0),
        "inviter": (741, 0),
        "platform": (611, 0),
        "charity": (6, 0),
    }
    assert commission.status == "estimated"
    assert commission.attribution.rule == "named"
    assert commission.attribution.inviter_id == chain.ella.pk
    assert fen_of(chain.linda.account, "pending") == 2_963
    assert fen_of(chain.ella.account, "pending") == 741
    assert house("platform", "pending") == 611
    assert house("charity", "pending") == 6
    assert house("shop", "payable", line.order.shop_id) == -(3_704 + 617)


def test_a_share_that_nobody_claims_goes_back_to_the_shop(chain: Chain) -> None:
    Promoter.objects.filter(pk=chain.linda.pk).update(sponsor=None)
    line = chain.sale(price_fen=10_000)
    accruals.reconcile_orders([line.order_id], at=AT)
    assert splits(commission_of(line))["shop"] == (400, 0)
    assert house("shop", "payable", line.order.shop_id) == -(1_600 + 500)


def test_a_line_without_a_winner_owes_the_platform_fee_alone() -> None:
    """I7: fees and charity are complete whether somebody promoted or not."""
    line = sales.sale(at=AT, price_fen=10_000)
    accruals.reconcile_orders([line.order_id], at=AT)
    commission = commission_of(line)
    assert (commission.budget_fen, commission.rate_bps, commission.fee_fen) == (0, 0, 500)
    assert splits(commission) == {"platform": (495, 0), "charity": (5, 0)}
    assert commission.attribution.rule == "none"


def test_doing_it_again_does_nothing(chain: Chain) -> None:
    line = chain.sale()
    accruals.reconcile_orders([line.order_id, line.order_id], at=AT)
    entries = Entry.objects.count()
    assert accruals.reconcile_orders([line.order_id], at=AT + DAY) == 0
    assert Entry.objects.count() == entries
    assert commission_of(line).version == 1


def test_an_unpaid_order_owes_nothing(chain: Chain) -> None:
    line = chain.sale(paid=False)
    assert accruals.reconcile_orders([line.order_id], at=AT) == 0
    assert not Attribution.objects.exists()
    assert not Journal.objects.exists()


def test_receipt_confirms_and_sets_the_day_it_matures(chain: Chain) -> None:
    line = chain.sale()
    accruals.reconcile_orders([line.order_id], at=AT)
    sales.receive(line, AT + DAY)
    accruals.reconcile_orders([line.order_id], at=AT + DAY)
    commission = commission_of(line)
    assert (commission.status, commission.version) == ("confirmed", 2)
    assert commission.matures_at == AT + 8 * DAY


def test_refunds_in_pieces_take_back_what_one_refund_would(chain: Chain) -> None:
    """X5: the reversed total depends on the refunded total alone."""
    pieces, whole = chain.sale(price_fen=9_999), chain.sale(price_fen=9_999)
    orders = [pieces.order_id, whole.order_id]
    accruals.reconcile_orders(orders, at=AT)
    for fen in (1, 333, 2_500):
        sales.refund(pieces, fen)
        accruals.reconcile_orders(orders, at=AT)
    sales.refund(whole, 2_834)
    accruals.reconcile_orders(orders, at=AT)
    assert splits(commission_of(pieces)) == splits(commission_of(whole))
    assert CommissionReversal.objects.filter(commission=commission_of(pieces)).count() == 3


def test_a_full_refund_before_settlement_ends_the_commission_at_zero(chain: Chain) -> None:
    line = chain.sale()
    accruals.reconcile_orders([line.order_id], at=AT)
    sales.refund(line, line.paid_fen)
    accruals.reconcile_orders([line.order_id], at=AT + DAY)
    commission = commission_of(line)
    assert (commission.status, commission.reason) == ("invalid", "refunded")
    assert all(amount == back for amount, back in splits(commission).values())
    assert fen_of(chain.linda.account, "pending") == 0
    assert house("platform", "pending") == 0
    assert house("shop", "payable", line.order.shop_id) == 0


def test_a_refund_after_settlement_is_taken_from_available_even_below_zero(chain: Chain) -> None:
    """Row 8: a settled commission stays settled; the debt is on the books."""
    line = chain.sale(price_fen=10_000)
    accruals.reconcile_orders([line.order_id], at=AT)
    sales.receive(line, AT)
    accruals.reconcile_orders([line.order_id], at=AT)
    settlement.settle_due(at=AT + 7 * DAY)
    assert fen_of(chain.linda.account, "available") == 1_600
    sales.refund(line, 10_000)
    accruals.reconcile_orders([line.order_id], at=AT + 8 * DAY)
    commission = commission_of(line)
    assert (commission.status, commission.reason) == ("settled", "")
    assert fen_of(chain.linda.account, "available") == 0
    assert fen_of(chain.linda.account, "pending") == 0
    assert CommissionReversal.objects.get().settled is True


def test_a_later_sponsor_never_moves_an_old_commission(chain: Chain) -> None:
    """The tree edge is frozen on the line."""
    line = chain.sale(price_fen=10_000)
    accruals.reconcile_orders([line.order_id], at=AT)
    other = PromoterFactory.create()
    Promoter.objects.filter(pk=chain.linda.pk).update(sponsor=None)
    sales.refund(line, 5_000)
    accruals.reconcile_orders([line.order_id], at=AT + DAY)
    assert commission_of(line).attribution.inviter_id == chain.ella.pk
    assert splits(commission_of(line))["inviter"] == (400, 200)
    assert fen_of(chain.ella.account, "pending") == 200
    assert fen_of(other.account, "pending") == 0


@pytest.mark.parametrize("looks", list(product((0, 1, 2), repeat=3)))
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_no_order_of_events_changes_the_outcome(
    chain: Chain, order: tuple[int, ...], looks: tuple[int, ...]
) -> None:
    """Row 7: two refunds and a receipt in every order, each delivered never, once or twice
    before the next: 162 histories, one outcome."""
    line = chain.sale(price_fen=9_999)
    changes = [
        lambda: sales.refund(line, 1_000),
        lambda: sales.refund(line, 2_345),
        lambda: sales.receive(line, AT + DAY),
    ]
    for number, times in zip(order, looks, strict=True):
        changes[number]()
        for _ in range(times):
            accruals.reconcile_orders([line.order_id], at=AT + DAY)
    accruals.reconcile_orders([line.order_id], at=AT + DAY)
    commission = commission_of(line)
    assert (commission.status, commission.refunded_fen) == ("confirmed", 3_345)
    assert splits(commission) == {
        "promoter": (1_600, 535),
        "inviter": (400, 134),
        "platform": (495, 165),
        "charity": (5, 2),
    }
    assert fen_of(chain.linda.account, "pending") == 1_065
