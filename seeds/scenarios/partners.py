"""What beside the market's own orders earns: orders made elsewhere and told by a partner, a bounty,
and a case that staff find on their table. All by the product's own verbs."""

import json
from datetime import timedelta

from django.core.files.base import ContentFile

from commissions import bounties, conversions, links, risks, settlement
from commissions.models import CommissionOrder, ConversionSource, PromotionLink
from seeds.scenarios.market import Good, Market
from seeds.scenarios.people import People
from seeds.scenarios.stage import Stage

PARTNER = "京东联盟"
ARTICLE = "JD-100012043978"
WINDOW_DAYS = 15


def tell(stage: Stage, town: People, market: Market) -> int:
    """A partner's file of last month's orders, taken by the importing job; how many rows."""
    good = market.sellable[0]
    shop = good.product.shop
    then = stage.ago(days=30)
    link, _ = links.create(
        account=town.named("linda"), target_kind="shop", target_id=shop.pk, channel="京东", at=then
    )
    source, _ = conversions.add_source(
        name=PARTNER,
        shop_id=shop.pk,
        fee_bps=300,
        window_days=WINDOW_DAYS,
        by=town.named("admin"),
        at=then,
    )
    conversions.set_goods(
        account=shop.account,
        source_id=source.pk,
        external_sku=ARTICLE,
        sku_id=good.skus[0].pk,
        rate_bps=1_000,
    )
    rows = _rows(stage, good, link)
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    conversions.upload(
        account=shop.account,
        source_id=source.pk,
        kind="jsonl",
        dry_run=False,
        file=ContentFile(content, name="orders.jsonl"),
        at=stage.at,
    )
    taken = conversions.run_imports(at=stage.at)
    settlement.settle_due(at=stage.at)
    return taken


def _rows(stage: Stage, good: Good, link: PromotionLink) -> list[dict[str, object]]:
    """Orders of a month: old ones received, one refunded in part, one of an unknown article."""
    rng = stage.rng("partner")
    rows: list[dict[str, object]] = []
    for place in range(stage.many(24, least=6)):
        paid = stage.ago(days=28 - rng.random() * 26)
        qty = rng.choice((1, 1, 1, 2))
        row: dict[str, object] = {
            "order": f"JD{2026_0000_0000 + rng.randrange(10**8)}{place:03}",
            "line": "1",
            "sku": ARTICLE if place != 4 else "JD-0",
            "qty": qty,
            "paid_fen": good.skus[0].price_fen * qty,
            "paid_at": paid.isoformat(),
            "code": link.code,
        }
        if place == 2:
            row["refunded_fen"] = good.skus[0].price_fen // 2
        if paid < stage.ago(days=6):
            row["received_at"] = (paid + timedelta(days=4)).isoformat()
        rows.append(row)
    return rows


def reward(stage: Stage, town: People) -> int:
    """A bounty of the partner's shop that Linda has reached, and one of the platform's own."""
    shop = ConversionSource.objects.select_related("shop__account").get(name=PARTNER).shop
    at = stage.ago(days=29)
    bounties.offer(
        account=shop.account,
        shop_id=shop.pk,
        title="本店月度任务",
        goal="orders",
        target=3,
        reward_fen=2_000,
        budget_fen=20_000,
        starts_at=at,
        ends_at=stage.at + timedelta(days=10),
        hold_days=15,
        at=at,
    )
    made = bounties.draft(
        title="平台冲量奖",
        goal="sales",
        target=5_000_000,
        reward_fen=50_000,
        budget_fen=500_000,
        starts_at=stage.at,
        ends_at=stage.at + timedelta(days=30),
        hold_days=15,
        by=town.named("admin"),
        at=stage.at,
    )
    bounties.publish(bounty_id=made.pk, by=town.named("admin"), at=stage.at)
    return bounties.evaluate(at=stage.at)


def suspect(stage: Stage, town: People) -> int:
    """A link that somebody complained about: what it has brought and has not settled is held."""
    newest = CommissionOrder.objects.filter(
        status="estimated", attribution__source_kind="referral", budget_fen__gt=0
    )
    order = newest.select_related("attribution").order_by("-id").first()
    if order is None or order.attribution.source_id is None:
        return 0
    risks.ban(
        kind="referral",
        source_id=order.attribution.source_id,
        by=town.named("admin"),
        reason="疑似刷单，待核实",
        at=stage.at,
    )
    return risks.scan_all(at=stage.at)
