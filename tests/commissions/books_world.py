"""A small market whose books are clean: sold, refunded in part, settled, refunded again, paid."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from backend.accounts.models import Account
from backend.core.models import Event
from commissions import accruals, books, payouts, settlement
from commissions.books import Finding
from commissions.models import CommissionOrder, Payout, Promoter, PromotionLink
from seeds.factories import (
    AgencyEdgeFactory,
    AgencyFactory,
    PlanVersionFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
)
from shops import metrics
from shops.models import Order, OrderEvent, OrderLine
from tests.commissions import sales
from tests.commissions.money_out import AT, FAIL, approved, payee

DAY = timedelta(days=1)
LATER = AT + 10 * DAY


@dataclass
class World:
    """Who and what there is."""

    promoter: Promoter
    inviter: Promoter
    link: PromotionLink
    lines: list[OrderLine]
    payouts: list[Payout]

    @property
    def account(self) -> Account:
        """The promoter's account."""
        return self.promoter.account

    def commission(self, line: int = 0) -> CommissionOrder:
        """The commission order of a line."""
        return CommissionOrder.objects.get(order_line=self.lines[line])


def told() -> None:
    """Writes the history row that each order's state asks for."""
    kinds = {"pending_payment": "placed", "partially_shipped": "shipped"}
    for order in Order.objects.all():
        kind = kinds.get(order.status, order.status)
        OrderEvent.objects.get_or_create(order=order, kind=kind, defaults={"at": AT})


def audited(at: datetime, *, exact: bool = True) -> list[Finding]:
    """What the audit finds once every order has its row of history."""
    told()
    return books.check(at=at, exact=exact)


def world() -> World:
    """Five lines of 129.00 at 20 %, sold by a member of an agency that is below another: three
    settled, one of them refunded in part before and one after; one confirmed, one refunded whole.
    One payout paid, one failed, one on its way."""
    PlanVersionFactory.create(starts_at=AT - DAY, published_at=AT - DAY)
    sku = SkuFactory.create()
    inviter = PromoterFactory.create(joined_at=AT - DAY)
    promoter = PromoterFactory.create(sponsor=inviter, joined_at=AT - DAY)
    upper, agency = (
        AgencyFactory.create(created_at=AT - DAY, share_bps=bps) for bps in (3_000, 1_000)
    )
    AgencyEdgeFactory.create(agency=agency, promoter=promoter, from_at=AT - DAY)
    AgencyEdgeFactory.create(agency=upper, child=agency, from_at=AT - DAY)
    link = PromotionLinkFactory.create(
        promoter=promoter, target_id=sku.product_id, created_at=AT - DAY
    )
    lines = [sales.sale(at=AT, sku=sku, referral_code=link.code) for _ in range(5)]
    orders = [line.order_id for line in lines]
    accruals.reconcile_orders(orders, at=AT)
    for line in lines[:3]:
        sales.receive(line, AT)
    sales.receive(lines[3], AT + 8 * DAY)
    sales.refund(lines[1], 3_333)
    sales.refund(lines[4], 12_900)
    accruals.reconcile_orders(orders, at=AT)
    settlement.settle_due(at=AT + 8 * DAY)
    Order.objects.filter(pk__in=orders[:3]).update(status="completed", completed_at=AT + 8 * DAY)
    sales.refund(lines[2], 4_567)
    accruals.reconcile_orders(orders, at=AT + 8 * DAY)
    told()
    metrics.mark_days([Event(subject_id=order, recorded_at=AT) for order in orders])
    metrics.roll_up(at=AT)
    return World(promoter, inviter, link, lines, _paid_out(promoter.account))


def _paid_out(account: Account) -> list[Payout]:
    payee(account)
    made = [approved(account, 1_000)]
    payouts.send_payouts(at=AT)
    payee(account, FAIL)
    made.append(approved(account, 500))
    payouts.send_payouts(at=AT)
    made.append(payouts.request(account=account, amount_fen=700, at=AT))
    return made
