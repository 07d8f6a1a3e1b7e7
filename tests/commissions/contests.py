"""A shop with promoters who compete: ground of the tests of leaderboards and bounties."""

from datetime import UTC, datetime, timedelta
from typing import Any

from commissions import accruals, bounties, settlement
from commissions.models import Bounty
from seeds.factories import (
    AccountFactory,
    PlanVersionFactory,
    PromoterFactory,
    PromotionLinkFactory,
    ShopFactory,
    SkuFactory,
)
from shops.models import OrderLine
from tests.commissions import sales

AT = datetime(2026, 11, 2, 4, tzinfo=UTC)  # a Monday in Shanghai
DAY = timedelta(days=1)
TERMS: dict[str, Any] = {
    "goal": "orders",
    "target": 2,
    "reward_fen": 500,
    "budget_fen": 1_000,
    "starts_at": AT,
    "ends_at": AT + 7 * DAY,
    "hold_days": 15,
}


class Market:
    """A shop's goods and three promoters of them: a, b and c."""

    def __init__(self, owner: Any = None) -> None:
        PlanVersionFactory.create(starts_at=AT - 99 * DAY, published_at=AT)
        shop = ShopFactory.create(**({"account": owner} if owner else {}))
        self.sku = SkuFactory.create(product__shop=shop)
        self.shop = shop
        self.links = {
            name: PromotionLinkFactory.create(
                target_id=self.sku.product_id,
                created_at=AT,
                promoter=PromoterFactory.create(
                    account=AccountFactory.create(display_name=f"{name}推客")
                ),
            )
            for name in "abc"
        }

    def account(self, name: str) -> Any:
        return self.links[name].promoter.account

    def sell(self, name: str, price: int = 10_000, at: datetime = AT, **more: Any) -> OrderLine:
        code = self.links[name].code
        line = sales.sale(at=at, **{"sku": self.sku} | more, price_fen=price, referral_code=code)
        accruals.reconcile_orders([line.order_id], at=at)
        return line

    def settle(self, line: OrderLine) -> None:
        sales.receive(line, AT)
        accruals.reconcile_orders([line.order_id], at=AT)
        settlement.settle_due(at=AT + 8 * DAY)

    def bounty(self, **more: Any) -> Bounty:
        terms = {"title": "双十一"} | TERMS | more
        return bounties.offer(account=self.shop.account, shop_id=self.shop.pk, at=AT, **terms)
