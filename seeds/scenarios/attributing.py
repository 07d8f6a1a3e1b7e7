"""Whom sales are owed to, beyond links: a shop that locks its customers, a promoter's coupon code,
and a dispute that two people of the staff have settled; all by the product's own verbs."""

from datetime import datetime, timedelta

from django.db.models import F

from backend import relay
from backend.accounts.models import Account
from backend.core import ids
from commissions import coupons, disputes, links, locks, touches
from commissions.models import Attribution, PromotionLink, Touch
from seeds.scenarios.market import Good, Market
from seeds.scenarios.people import People
from seeds.scenarios.stage import Stage
from shops import checkout, payments
from shops.models import Sku

CODE = "LINDA10"
HOLDER, BUYER = "linda", "lily"
CLAIM = "买家下单前最后点的是我的链接，请核对点击记录"
PROPOSAL = "核对点击时间与群聊截图，归因改判给申诉人"


def lock_customers(stage: Stage, market: Market) -> int:
    """One shop locks: 7 days after a click, 30 after an order; taken over after 3 days."""
    good = _good(market)
    locks.change_setting(
        account=good.owner,
        shop_id=good.product.shop_id,
        at=stage.ago(days=62),
        mode="override",
        **dict.fromkeys(locks.DAYS[:3], 7),
        **dict.fromkeys(locks.DAYS[3:], 30),
        protect_days=3,
    )
    return 1


def use_a_coupon(stage: Stage, town: People, market: Market) -> int:
    """The shop gives Linda a code with 10 % off; Lily names it at checkout and pays."""
    good, at = _good(market), stage.ago(hours=6)
    coupons.give(
        account=good.owner,
        shop_id=good.product.shop_id,
        holder=HOLDER,
        code=CODE,
        discount_bps=1_000,
        at=at,
    )
    return _buy(town, town.named(BUYER), good, at, coupon_code=CODE)


def come_back(stage: Stage, town: People, market: Market) -> int:
    """Somebody follows Linda's link to one product, and buys another of the shop a day later:
    the sale is owed to her by the lock."""
    good = _good(market)
    other = next(one for one in _offered(market) if _of_one_shop(one, good) and one is not good)
    link, _ = links.create(
        account=town.named(HOLDER),
        target_kind="product",
        target_id=good.product.pk,
        channel="复购",
        at=stage.ago(hours=30),
    )
    known = set(Touch.objects.values_list("account_id", flat=True).distinct())
    buyer = next(one for one in reversed(town.crowd) if one.pk not in known)
    touches.record(
        code=link.code,
        visitor=ids.code(touches.ID_LENGTH),
        account=buyer,
        at=stage.ago(hours=29),
    )
    touches.store_touches()
    return _buy(town, buyer, other, stage.ago(hours=5))


def _buy(town: People, buyer: Account, good: Good, at: datetime, coupon_code: str = "") -> int:
    """One unit, placed, paid and accrued."""
    free = Sku.objects.filter(product=good.product, is_active=True, on_hand__gt=F("committed"))
    lines = [checkout.LineRequest(free.order_by("id")[0].pk, 1)]
    total = checkout.quote(buyer=buyer, lines=lines, coupon_code=coupon_code, at=at).total_fen
    placed = checkout.place(
        buyer=buyer,
        lines=lines,
        address_id=town.addresses[buyer.pk],
        expected_total_fen=total,
        coupon_code=coupon_code,
        at=at,
    )
    payments.record_payment(
        provider="sandbox",
        notice_id=f"demo-{placed.number}-n",
        transaction_id=f"demo-{placed.number}-t",
        checkout_number=placed.number,
        amount_fen=placed.total_fen,
        payer=f"payer-{buyer.handle}",
        paid_at=at,
        at=at,
    )
    relay.drain(at=at)
    return 1


def settle_a_dispute(stage: Stage, town: People) -> int:
    """Who lost a line by an earlier touch disputes it; two of the staff decide it anew."""
    for found in Attribution.objects.exclude(losers=[]).filter(promoter__isnull=False)[:200]:
        link = _loser(found)
        if link is None:
            continue
        at = stage.ago(hours=4)
        dispute = disputes.open_dispute(
            account=link.promoter.account,
            order_number=found.order_line.order.number,
            line_id=found.order_line_id,
            claim=CLAIM,
            evidence=[f"link {link.code}"],
            at=at,
        )
        disputes.propose(
            dispute_id=dispute.pk,
            by=town.named("finance_a"),
            role="promoter",
            handle=link.promoter.account.handle,
            reason=PROPOSAL,
            at=at + timedelta(hours=1),
        )
        disputes.approve(
            dispute_id=dispute.pk, by=town.named("finance_b"), at=at + timedelta(hours=2)
        )
        return 1
    return 0


def _loser(found: Attribution) -> PromotionLink | None:
    """A link that was good and not the first, of somebody else than the winner and the buyer."""
    lost = [one["id"] for one in found.losers if one["reason"] in ("earlier_touch", "outranked")
            and one["kind"] == "referral"]  # fmt: skip
    rivals = PromotionLink.objects.select_related("promoter__account").filter(pk__in=lost)
    buyer = found.order_line.order.buyer_id
    return rivals.exclude(promoter=found.promoter).exclude(promoter__account=buyer).first()


def _offered(market: Market) -> list[Good]:
    """What is offered to promoters, of neither of the people here."""
    return [
        good
        for good in market.sellable
        if good.product.pk in market.offered and good.owner.handle not in (HOLDER, BUYER)
    ]


def _of_one_shop(one: Good, other: Good) -> bool:
    return one.product.shop_id == other.product.shop_id


def _good(market: Market) -> Good:
    """The first product of a shop that offers more than one."""
    offered = _offered(market)
    return next(good for good in offered if sum(_of_one_shop(good, other) for other in offered) > 1)
