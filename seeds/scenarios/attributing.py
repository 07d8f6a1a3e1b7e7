"""Whom sales are owed to, beyond links: a shop that locks its customers, a promoter's coupon code,
disputes that two people of the staff have settled, and sales under plans of every kind; all by the
product's own verbs."""

from datetime import datetime, timedelta

from django.db.models import F, QuerySet

from backend import relay
from backend.accounts.models import Account
from backend.core import ids
from commissions import coupons, disputes, links, locks, touches
from commissions.models import Attribution, CommissionOrder, Promoter, PromotionLink, Touch
from seeds.scenarios.market import Good, Market
from seeds.scenarios.people import People
from seeds.scenarios.stage import Stage
from shops import checkout, payments
from shops.models import Sku

CODE = "LINDA10"
HOLDER, BUYER, MEMBER = "linda", "lily", "nana"
CLAIM = "买家下单前最后点的是我的链接，请核对点击记录"
PROPOSAL = "核对点击时间与群聊截图，归因改判给申诉人"
SHOP_CLAIM = "这位客户由 Nana 在群里服务成交，请按机构链路改判"
SHOP_PROPOSAL = "店铺与推客均确认，归因改判给 Nana 及其机构"


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
    buyer = _newcomer(town)
    _follow(buyer, link, stage.ago(hours=29))
    return _buy(town, buyer, other, stage.ago(hours=5))


def sell_under_plans(stage: Stage, town: People, market: Market) -> int:
    """Somebody buys by links what plans pay for: Linda alone, the members of an agency, a tier, and
    everybody; one sale for each, right after the link was followed."""
    buyer, at, sold = _newcomer(town), stage.ago(hours=3), 0
    for seller, good in market.steps.values():
        if good.owner == seller:
            continue  # A small world has few owners: nobody is paid for their own goods.
        link, _ = links.create(
            account=seller,
            target_kind="product",
            target_id=good.product.pk,
            channel="方案",
            at=at,
        )
        _follow(buyer, link, at)
        at += timedelta(minutes=5)
        sold += _buy(town, buyer, good, at)
    return sold


def _newcomer(town: People) -> Account:
    """Somebody who never followed a link and promotes nothing."""
    known = set(Touch.objects.values_list("account_id", flat=True).distinct())
    known |= set(Promoter.objects.values_list("account_id", flat=True))
    return next(one for one in reversed(town.crowd) if one.pk not in known)


def _follow(buyer: Account, link: PromotionLink, at: datetime) -> None:
    touches.record(code=link.code, visitor=ids.code(touches.ID_LENGTH), account=buyer, at=at)
    touches.store_touches()


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
    for found in _alive().exclude(losers=[]).filter(promoter__isnull=False)[:200]:
        link = _loser(found)
        if link is None:
            continue
        account = link.promoter.account
        return _decide(
            town, found, account, account.handle, [CLAIM, PROPOSAL, f"link {link.code}"],
            stage.ago(hours=4),
        )  # fmt: skip
    return 0


def pass_on_a_chain(stage: Stage, town: People) -> int:
    """A shop says that the customer who came back is Nana's: two of the staff give the line to her,
    and with it their parts to her inviter, her agency and the one above it."""
    found = _alive().filter(rule="lock").exclude(promoter__account__handle=MEMBER)
    line = found.select_related("order_line__order__shop__account").latest("id")
    owner = line.order_line.order.shop.account
    return _decide(
        town, line, owner, MEMBER, [SHOP_CLAIM, SHOP_PROPOSAL, "群聊截图"], stage.ago(hours=2.5)
    )


def _alive() -> QuerySet[Attribution]:
    """The attributions of lines that were not refunded whole, of which nothing is left."""
    moot = CommissionOrder.objects.filter(status=CommissionOrder.Status.INVALID)
    return Attribution.objects.exclude(pk__in=moot.values("attribution_id")).order_by("pk")


def _decide(
    town: People, found: Attribution, by: Account, winner: str, words: list[str], at: datetime
) -> int:
    """Somebody disputes a line; two of the staff give it to the promoter `winner`."""
    claim, proposal, evidence = words
    dispute = disputes.open_dispute(
        account=by,
        order_number=found.order_line.order.number,
        line_id=found.order_line_id,
        claim=claim,
        evidence=[evidence],
        at=at,
    )
    disputes.propose(
        dispute_id=dispute.pk,
        by=town.named("finance_a"),
        role="promoter",
        handle=winner,
        reason=proposal,
        at=at + timedelta(hours=1),
    )
    disputes.approve(dispute_id=dispute.pk, by=town.named("finance_b"), at=at + timedelta(hours=2))
    return 1


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
