"""A line in dispute, and the people who decide about it: ground of the tests of disputes."""

from datetime import timedelta
from typing import Any

from backend.accounts.models import Account
from commissions import accruals, books, disputes, settlement
from commissions.models import Agency, AttributionDispute, AttributionOverride, CommissionOrder
from seeds.factories import (
    AccountFactory,
    AgencyEdgeFactory,
    AgencyFactory,
    PlanVersionFactory,
    PromoterFactory,
    PromotionLinkFactory,
    SkuFactory,
    TouchFactory,
)
from tests.commissions import sales
from tests.commissions.money_out import AT, officer

DAY = timedelta(days=1)
DUE = AT + 8 * DAY
FEN = 10_000  # at 20 %: budget 2,000, promoter 1,600, inviter 400; fee 500


def maker() -> Account:
    return officer("propose_override")


def checker() -> Account:
    return officer("approve_override")


class Case:
    """A line won by Linda (invited by Ella), which Mia says is owed to her: she was touched too."""

    def __init__(self, *, rate_bps: int = 2_000, named: bool = True) -> None:
        PlanVersionFactory.create(starts_at=AT - DAY)
        self.sku = SkuFactory.create()
        self.ella = PromoterFactory.create()
        self.linda = PromoterFactory.create(sponsor=self.ella, joined_at=AT - 30 * DAY)
        self.mia = PromoterFactory.create()
        self.buyer = AccountFactory.create()
        self.links = [
            PromotionLinkFactory.create(promoter=one, target_id=self.sku.product_id)
            for one in (self.linda, self.mia)
        ]
        if named:
            TouchFactory.create(link=self.links[1], account=self.buyer, at=AT - DAY)
        self.line = sales.sale(
            at=AT,
            sku=self.sku,
            buyer=self.buyer,
            price_fen=FEN,
            rate_bps=rate_bps,
            referral_code=self.links[0].code if named else "",
        )
        self.agree()

    def agree(self) -> None:
        accruals.reconcile_orders([self.line.order_id], at=AT)

    @property
    def commission(self) -> CommissionOrder:
        return CommissionOrder.objects.get(order_line=self.line)

    def settle(self) -> None:
        sales.receive(self.line, AT)
        self.agree()
        settlement.settle_due(at=DUE)

    def refund(self, fen: int) -> None:
        sales.refund(self.line, fen)
        self.agree()

    def open(self, by: Account | None = None) -> AttributionDispute:
        return disputes.open_dispute(
            account=by or self.mia.account,
            order_number=self.line.order.number,
            line_id=self.line.pk,
            claim="The buyer came by my link",
            evidence=["click 1"],
            at=AT,
        )

    def proposed(self, role: str, handle: str, dispute: Any = None) -> AttributionDispute:
        return disputes.propose(
            dispute_id=(dispute or self.open()).pk,
            by=maker(),
            role=role,
            handle=handle,
            reason="Mia's click was the one named",
            at=AT,
        )

    def overridden(self, role: str, handle: str) -> AttributionOverride:
        return disputes.approve(dispute_id=self.proposed(role, handle).pk, by=checker(), at=AT)

    def to_mia(self) -> AttributionOverride:
        return self.overridden("promoter", self.mia.account.handle)

    def fen(self, kind: str = "pending") -> tuple[int, int, int]:
        """Of Linda, Ella and Mia."""
        found = [sales.fen_of(who.account, kind) for who in (self.linda, self.ella, self.mia)]
        return found[0], found[1], found[2]


def chained(case: Case, shares: tuple[int, int], at: Any = AT - 2 * DAY) -> list[Agency]:
    """Mia is a member of an agency, which stands below another; theirs are these shares."""
    upper, lower = (AgencyFactory.create(share_bps=bps, created_at=at) for bps in shares[::-1])
    AgencyEdgeFactory.create(agency=lower, promoter=case.mia, from_at=at)
    AgencyEdgeFactory.create(agency=upper, child=lower, from_at=at)
    return [lower, upper]


def clean(at: Any = AT) -> bool:
    ours = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10")
    found = [one for one in books.check(at=at) if one.code.split()[0] in ours]
    assert found == books_exact(at)
    return found == []


def books_exact(at: Any) -> list[Any]:
    ours = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10")
    return [one for one in books.check(at=at, exact=True) if one.code.split()[0] in ours]
