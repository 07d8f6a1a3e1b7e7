"""A shop with one product of 100.00 and a promoter who sells it, and plans over them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from commissions import accruals, plans
from commissions.models import Agency, AgencyEdge, CommissionOrder, PlanVersion, Promoter
from seeds.factories import (
    AccountFactory,
    AgencyEdgeFactory,
    AgencyFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
)
from tests.commissions import sales

AT = datetime(2026, 11, 22, 4, tzinfo=UTC)
DAY = timedelta(days=1)
FEN = 10_000


class Stall:
    """Linda promotes the one product of a shop; the platform's fee is 5 %."""

    def __init__(self) -> None:
        self.sku = SkuFactory.create(price_fen=FEN)
        self.product, self.shop = self.sku.product, self.sku.product.shop
        self.linda = PromoterFactory.create()
        self.link = PromotionLinkFactory.create(promoter=self.linda, target_id=self.sku.product_id)
        self.staff = AccountFactory.create(is_staff=True)

    def draft(self, kind: str = "open", *, platform: bool = False, **fields: Any) -> PlanVersion:
        """A draft of a new plan that gives the promoter everything."""
        given: dict[str, Any] = {"promoter_bps": 10_000, "starts_at": AT - DAY}
        return plans.create(
            owner=None if platform else self.shop.account,
            shop_id=None if platform else self.shop.pk,
            name=str(fields.pop("name", f"{'platform' if platform else 'shop'} {kind}")),
            kind=kind,
            fields=given | fields,
            at=AT - DAY,
        )

    def plan(self, kind: str = "open", **fields: Any) -> PlanVersion:
        """The same, published for the moment it starts."""
        drafted = self.draft(kind, **fields)
        return plans.publish(version_id=drafted.pk, by=self.staff, at=drafted.starts_at)

    def named(self, kind: str, *promoters: Promoter, **fields: Any) -> PlanVersion:
        """A plan for promoters by name, Linda alone by default."""
        handles = [one.account.handle for one in promoters or (self.linda,)]
        return self.plan(kind, promoters=handles, **fields)

    def sell(self, *, offer: int = 0, **fields: Any) -> CommissionOrder:
        """A paid line through Linda's link, accrued; `offer` is the product's own rate."""
        asked = {"at": AT, "sku": self.sku, "referral_code": self.link.code} | fields
        line = sales.sale(rate_bps=offer, **asked)
        accruals.reconcile_orders([line.order_id], at=asked["at"])
        return CommissionOrder.objects.get(order_line=line)

    def fund(self, version: PlanVersion, fen: int) -> None:
        """The plan's budget."""
        plans.set_fund(plan_id=version.plan_id, funded_fen=fen, by=self.staff, at=AT)

    def refund(self, commission: CommissionOrder, fen: int) -> CommissionOrder:
        """A refund of the line succeeds and is answered."""
        sales.refund(commission.order_line, fen)
        accruals.reconcile_orders([commission.order_line.order_id], at=AT + DAY)
        commission.refresh_from_db()
        return commission


def terms(commission: CommissionOrder) -> dict[str, Any]:
    """How a plan priced the line."""
    assert commission.terms is not None
    return dict(commission.terms)


def founded() -> Agency:
    """An agency that takes nothing, so that the parts stay round."""
    return AgencyFactory.create(created_at=AT - 9 * DAY, share_bps=0)


def moved(member: Promoter, agency: Agency, at: datetime) -> AgencyEdge:
    """The promoter joins the agency, or leaves it where they are in it."""
    number = AgencyEdge.objects.filter(promoter=member).count() + 1
    return AgencyEdgeFactory.create(
        promoter=member, agency=agency, number=number,
        kind="joined" if number % 2 else "left", from_at=at,
    )  # fmt: skip


def speaking(stall: Stall, *agencies: Agency, kind: str = "targeted", **fields: Any) -> PlanVersion:
    """A published plan of 15 % for these agencies' members."""
    handles = [one.owner.handle for one in agencies]
    return stall.plan(kind, **{"rate_bps": 1_500, "agencies": handles, **fields})
