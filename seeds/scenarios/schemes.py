"""Plans 分佣方案 of every kind, by the verbs: what pays beyond the products' offers."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from commissions import links, plans
from commissions.models import PlanVersion, Promoter
from seeds.scenarios.market import Good, Market
from seeds.scenarios.people import People
from seeds.scenarios.promoting import CHAIN, Promotion, Shared
from seeds.scenarios.stage import Stage

TIERS = {"ella": "gold", "linda": "silver"}
DEAREST_FEN, FUND_FEN = 2_000, 60_000
HALVES = {"promoter_bps": 8_000, "inviter_bps": 2_000}


def open_to_all(stage: Stage, town: People, market: Market) -> int:
    """Open plans for three products without an offer: a shop's, the platform's, and the
    platform's better one for promoters of a tier."""
    bare = [good for good in market.sellable if good.product.pk not in market.offered]
    own, others = bare[0], bare[1:3]
    at = stage.ago(days=60.9)
    with transaction.atomic():
        _publish(own, "全店普通佣金", "open", at, rate_bps=800, products=[own.product.pk])
        named = [good.product.pk for good in others]
        _publish(
            None, "平台普通佣金", "open", at, by=town.named("admin"), rate_bps=300, products=named
        )
        _publish(
            None, "银牌以上推客", "open", at, by=town.named("admin"), rate_bps=600,
            products=named, tiers=["gold", "silver"],
        )  # fmt: skip
    market.planned = [own, *others]
    market.offered |= {good.product.pk for good in market.planned}
    return 3


def to_some(stage: Stage, town: People, market: Market, promotion: Promotion) -> int:
    """Tiers; then an exclusive plan for Linda, targeted ones for Ella and Nana and for the members
    of Ella's agency, a fixed amount for the gold tier, and a funded campaign with caps that runs
    out."""
    admin, at = town.named("admin"), stage.ago(days=59.8)
    known = {promoter.account.handle: promoter for promoter in promotion.promoters}
    linda, ella, nana, busy = (_shown(promotion, name) for name in ("linda", "ella", "nana", ""))
    with transaction.atomic():
        for handle, tier in TIERS.items():
            plans.set_tier(
                promoter_id=known[handle].pk, tier=tier, by=admin, reason="上季度业绩", at=at
            )
        _publish(
            linda, "琳达专属", "exclusive", at, rate_bps=3_500, products=[linda.product.pk],
            promoters=["linda"],
        )  # fmt: skip
        _publish(
            ella, "老朋友定向", "targeted", at, promoters=["ella", "nana"],
            tier_bonuses={"gold": 300}, promoter_bps=9_000, inviter_bps=1_000,
        )  # fmt: skip
        _publish(
            nana, "团长机构定向", "targeted", at, rate_bps=1_800, products=[nana.product.pk],
            agencies=["ella"],
        )  # fmt: skip
        _publish(busy, "金牌每件立减", "targeted", at, unit_fen=300, tiers=["gold"])
        campaign = _publish(
            busy, "开业季", "campaign", at, rate_bps=2_500, ends_at=stage.ago(days=10),
            cap_order_fen=8_000, cap_day_fen=12_000, cap_month_fen=150_000,
        )  # fmt: skip
        plans.set_fund(plan_id=campaign.plan_id, funded_fen=FUND_FEN, by=admin, at=at)
        _share_open(stage, market, promotion, known)
    _remember(market, promotion, linda, nana)
    return len(TIERS) + 5


def _remember(market: Market, promotion: Promotion, linda: Good, nana: Good) -> None:
    """Who sells what at which step; what open plans pay, somebody whom no other plan names."""
    owners = {good.owner.pk for good in market.planned}
    known = {one.account.handle: one.account for one in promotion.promoters}
    others = [one.account for one in promotion.promoters[len(CHAIN) :]]
    nobodys = next((one for one in reversed(others) if one.pk not in owners), others[-1])
    own, other, last = market.planned[0], market.planned[1], market.planned[-1]
    market.steps = {
        "shop": (nobodys, own),
        "platform": (nobodys, other),
        "tier": (known["linda"], last),
        "exclusive": (known["linda"], linda),
        "targeted": (known["nana"], nana),
    }


def _share_open(
    stage: Stage, market: Market, promotion: Promotion, known: dict[str, Promoter]
) -> None:
    """Ella and Linda share the goods that open plans pay for: by tier, and by the shop."""
    for good in market.planned:
        for handle in TIERS:
            account = known[handle].account
            if good.owner != account:
                link, _ = links.create(
                    account=account, target_kind="product", target_id=good.product.pk,
                    channel="方案", at=stage.ago(days=59.7),
                )  # fmt: skip
                promotion.shared.append(Shared(link, account, (good,)))


def _shown(promotion: Promotion, handle: str) -> Good:
    """A good that this promoter shares; without a name the one that most links show."""
    shared: list[Shared] = [
        one for one in promotion.shared if handle in ("", one.promoter.handle)
    ] or promotion.shared
    goods = [
        good
        for one in shared
        for good in one.goods
        if min(sku.price_fen for sku in good.skus) >= DEAREST_FEN
    ]
    counted: dict[int, int] = {}
    for good in goods:
        counted[good.product.pk] = counted.get(good.product.pk, 0) + 1
    return max(goods, key=lambda good: (counted[good.product.pk], -good.product.pk))


def _publish(
    good: Good | None, name: str, kind: str, at: datetime, by: Any = None, **fields: Any
) -> PlanVersion:
    """Drafted and published by the good's owner; without a good by staff, for the platform."""
    owner = good.owner if good else None
    drafted = plans.create(
        owner=owner,
        shop_id=good.product.shop_id if good else None,
        name=name,
        kind=kind,
        fields=HALVES | fields,
        at=at,
    )
    version_id, a_second_later = drafted.pk, at + timedelta(seconds=1)
    return plans.publish(
        version_id=version_id, owner=owner, by=owner or by, from_now=True, at=a_second_later
    )
