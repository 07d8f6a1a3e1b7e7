"""A market in which every role has something, and every private thing carries a mark that can be
looked for in whatever anybody is answered."""

from datetime import timedelta
from io import BytesIO

from django.contrib.auth.models import Group
from PIL import Image

from backend.accounts import resets, tokens
from backend.core.clock import business_day, now
from commissions import (
    accruals,
    disputes,
    memberships,
    payees,
    payouts,
    plans,
    roles,
    whatif,
)
from commissions.models import CommissionOrder, Promoter
from notes import cards, engagement, publishing
from notes.models import Comment, GoodsNoteApplication, Topic
from seeds import factories as f
from shops import aftersales, checkout, onboarding
from shops.checkout import LineRequest
from shops.models import Checkout, Order, Product, Refund, Shop
from tests.api import giving, listening, rails, rooms, taxed
from tests.api.named import World
from tests.commissions import money_out
from tests.shops import sales

# In the order of the matrix' columns.
ROLES = (
    "anonymous",
    "stranger",
    "buyer",
    "owner",
    "other_owner",
    "promoter",
    "inviter",
    "author",
    "other_author",
    "support",
    "maker",
    "approver",
    "superuser",
)
# Somebody well known, with a verified name: a column of nothing but "stranger" but for one row.
KNOWN = "known"
STAFF = {
    "support": roles.SUPPORT,
    "maker": "payout_maker",
    "approver": "payout_approver",
    "superuser": "",
}
PAYEES = ("promoter", "inviter")
FEE_BPS = 437
ON_HAND = 7_919
BALANCES = {"promoter": 7_654_321, "inviter": 8_765_432}
PAYOUT_FEN = 1_234_567
AT = "2026-11-01T04:00:00Z"
LICENCE = "91350100M000100Y43"


def _people(world: World) -> None:
    roles.set_up_roles()
    for number, role in enumerate((*ROLES[1:], KNOWN), 1):
        account = f.AccountFactory.create(
            handle=role,
            display_name=f"显示名 {role}",
            phone=f"1390000{number:04}",
            is_staff=role in STAFF,
            is_superuser=role == "superuser",
            follower_count=1_000 if role == KNOWN else 0,
            real_name_verified_at=now() if role == KNOWN else None,
        )
        if STAFF.get(role):
            account.groups.add(Group.objects.get(name=STAFF[role]))
        world.people[role] = account
        world.tokens[role] = tokens.issue(account=account, at=now())[0]
        world.mark(f"{role}'s phone", account.phone, role)
        world.mark(f"{role}'s token", world.tokens[role])
    again, row = tokens.issue(account=world.people["buyer"], at=now())
    world.second_token = row.pk
    world.mark("the buyer's second token", again)
    world.reset_code = resets.give(
        account_id=world.people["stranger"].pk, by=world.people["superuser"], reason="x", at=now()
    )


def _goods(world: World) -> None:
    for name, owner in (("", "owner"), ("other_", "other_owner")):
        account = world.people[owner]
        shop = f.ShopFactory.create(account=account, fee_bps=500 if name else FEE_BPS)
        product = f.ProductFactory.create(shop=shop)
        sku = f.SkuFactory.create(product=product)
        f.SkuFactory.create(product=product, on_hand=100 if name else ON_HAND)
        draft = f.ProductFactory.create(
            shop=shop, status=Product.Status.DRAFT, title=f"未公开的商品 {owner}"
        )
        banned = f.ProductFactory.create(
            shop=shop, status=Product.Status.BANNED, ban_reason=f"封禁原因 {owner}"
        )
        draft_sku = f.SkuFactory.create(product=draft)
        for offered in (product, banned):
            f.CommissionOfferFactory.create(product=offered)
        made = {
            "shop": shop,
            "product": product,
            "sku": sku,
            "draft": draft,
            "draft_sku": draft_sku,
            "banned": banned,
        }
        vars(world).update({name + key: row.pk for key, row in made.items()})
        world.mark(f"{owner}'s draft product", draft.title, owner)
        world.mark(f"{owner}'s banned product", banned.ban_reason, owner)
    world.sku_price, world.category = 12_900, "fashion"
    closed = f.ShopFactory.create(status=Shop.Status.SUSPENDED, suspended_reason="停业原因")
    world.closed_shop = closed.pk
    world.closed_product = f.ProductFactory.create(shop=closed).pk
    f.CommissionOfferFactory.create(product_id=world.closed_product)
    world.mark("the fee of a shop", f'"fee_bps":{FEE_BPS}', "owner", *PAYEES, *STAFF)
    world.mark("exact stock", f":{ON_HAND}", "owner")
    world.mark("a suspension", "停业原因")


def _application(world: World) -> None:
    author = world.people["author"]
    world.application = onboarding.apply(
        account=author,
        shop_name="还没开的店",
        owner_type="individual_business",
        licence_number=LICENCE,
        at=now(),
    ).pk
    onboarding.add_document(
        account=author,
        application_id=world.application,
        kind="food_licence",
        number="证件号",
        at=now(),
    )
    world.mark("an application", "还没开的店", "author")
    world.mark("a licence number", LICENCE, "author")
    world.mark("a document", "证件号", "author")


def _note(world: World, role: str, title: str, file: int) -> int:
    made = publishing.create(
        author=world.people[role],
        at=now(),
        kind="image",
        title=title,
        body="正文",
        topics=["学院风"],
        media=[{"file": file}],
    )
    return made.pk


def _notes(world: World) -> None:
    for name in ("", "other_"):
        role = f"{name}author"
        author = world.people[role]
        GoodsNoteApplication.objects.create(
            account=author, follower_count_at_apply=1_000, submitted_at=now(), status="approved"
        )
        file, free = (f.MediaFileFactory.create(owner=author).pk for _ in range(2))
        shown = _note(world, role, "公开的", file)
        cards.attach(account=author, note_id=shown, product_id=world.product, at=now())
        publishing.publish(account=author, note_id=shown, at=now())
        kept = _note(world, role, f"草稿 {role}", free)
        said = engagement.comment(
            account=world.people["inviter"], note_id=shown, text="好看", at=now()
        )
        made = {"note": shown, "draft_note": kept, "media": free, "comment": said.pk}
        vars(world).update({name + key: pk for key, pk in made.items()})
        world.mark("a draft note", f"草稿 {role}", role)
    world.taken_down = _note(world, "other_author", "被下架的", file)
    publishing.publish(account=author, note_id=world.taken_down, at=now())
    boss = world.people["superuser"]
    publishing.take_down(note_id=world.taken_down, by=boss, reason="下架原因", at=now())
    world.mark("a takedown", "下架原因", "other_author")
    world.topic = Topic.objects.get(name="学院风").pk
    inviter = world.people["inviter"]
    engagement.follow(account=inviter, handle="author", at=now())
    engagement.collect(account=inviter, note_id=world.note, at=now())
    world.hidden_comment = Comment.objects.create(
        note_id=world.note, author=inviter, text="藏起来的评论", status="hidden", at=now()
    ).pk
    world.mark("a hidden comment", "藏起来的评论")


def _promoting(world: World) -> None:
    past = now() - timedelta(days=1)
    f.PlanVersionFactory.create(starts_at=past, published_at=past)
    world.root_code = f.PromoterFactory.create(joined_at=past).invite_code
    sponsor = f.PromoterFactory.create(
        account=world.people["inviter"], joined_at=past, invite_code="InvCode1"
    )
    promoter = f.PromoterFactory.create(
        account=world.people["promoter"], sponsor=sponsor, joined_at=past, invite_code="InvCode2"
    )
    link, other = (
        f.PromotionLinkFactory.create(
            promoter=who, target_id=world.product, created_at=past, channel=f"渠道 {who.pk}"
        )
        for who in (promoter, sponsor)
    )
    world.promoter = promoter.pk
    world.link, world.other_link, world.invite_code = link.code, other.code, promoter.invite_code
    world.disabled_link = f.PromotionLinkFactory.create(
        promoter=promoter, target_id=world.banned, created_at=past, disabled_at=now()
    ).code
    world.click = f.TouchFactory.create(link=link, at=past + timedelta(hours=1)).click_id
    world.coupon = f.CouponCodeFactory.create(
        shop_id=world.shop, promoter=promoter, starts_at=past
    ).code
    world.today = business_day(now()).isoformat()
    world.mark("an invite code", "InvCode2", "promoter")
    world.mark("a channel", link.channel, "promoter")


def _agencies(world: World) -> None:
    """The other owner's agency, above the owner's: the inviter is its member, and the promoter is
    asked to be."""
    past = now() - timedelta(days=1)
    upper, lower = (
        f.AgencyFactory.create(owner=world.people[role], created_at=past, share_bps=1_500)
        for role in ("other_owner", "owner")
    )
    f.AgencyEdgeFactory.create(agency=upper, child=lower, from_at=past)
    member = Promoter.objects.get(account=world.people["inviter"])
    world.member = f.AgencyEdgeFactory.create(agency=upper, promoter=member, from_at=past).pk
    asked, _ = memberships.invite(account=upper.owner, handle="promoter", at=past)
    world.agency_invitation, world.agency_bps = asked.pk, 1_500
    world.mark("a member's agency", upper.name, "owner", "other_owner", *PAYEES)


def _plans(world: World) -> None:
    """A draft, and a published plan that ends, of each owner; neither pays what is sold here."""
    for name, role in (("", "owner"), ("other_", "other_owner")):
        owner = world.people[role]
        made = {}
        for word in ("draft", "live"):
            version = plans.create(
                owner=owner,
                shop_id=getattr(world, f"{name}shop"),
                name=f"方案 {word} {role}",
                kind="targeted",
                fields={"promoter_bps": 8_000, "rate_bps": 900, "promoters": ["promoter"]}
                | {"products": [getattr(world, f"{name}draft")]},
                at=now(),
            )
            made[f"{word}_version"] = version.pk
            made[f"{word}_plan"] = version.plan_id
            world.mark(f"the {word} plan of {role}", version.plan.name, role)
        made["what_if"] = whatif.ask(
            owner=owner, by=owner, shop_id=getattr(world, f"{name}shop"), version_id=None,
            from_at=now() - timedelta(days=2), to_at=now() - timedelta(days=1), at=now(),
        ).pk  # fmt: skip
        plans.publish(version_id=made["live_version"], by=owner, at=now(), from_now=True)
        vars(world).update({name + key: pk for key, pk in made.items()})
    whatif.run_queued(at=now())


def _earning(world: World) -> None:
    taxed.withhold(world)
    for role, fen in BALANCES.items():
        account = world.people[role]
        money_out.credit(account, fen)
        payees.add(
            account=account,
            provider="bank_file",
            holder_name=f"户主{role}",
            number=money_out.CARD,
            at=now(),
        )
        asked = payouts.request(account=account, amount_fen=PAYOUT_FEN, at=now())
        name = "" if role == "promoter" else "other_"
        vars(world).update({f"{name}payout": asked.number, f"{name}payee": asked.payee_id})
        world.mark(f"{role}'s balance", str(fen - PAYOUT_FEN), role)
        world.mark(f"{role}'s payout", asked.number, role)
        world.mark(f"{role}'s payee", f"户主{role}")
    world.mark("an account number", money_out.CARD)
    world.mark("the last digits of an account", f'{money_out.CARD[-4:]}"', *PAYEES)


def _bought(world: World, role: str, sku: int, click: str = "", paid: bool = True) -> Order:
    account = world.people[role]
    lines = [LineRequest(sku, 1)]
    placed = checkout.place(
        buyer=account,
        lines=lines,
        address_id=world.address if role == "buyer" else world.other_address,
        expected_total_fen=checkout.quote(buyer=account, lines=lines, at=now()).total_fen,
        click_id=click,
        at=now(),
    )
    if paid:
        sales.pay(placed)
    return placed.orders.get()


def _orders(world: World) -> None:
    for name, role in (("", "buyer"), ("other_", "inviter")):
        at_home = f.AddressFactory.create(
            account=world.people[role],
            receiver=f"收件人 {role}",
            phone=f"1770000{len(role):04}",
            detail=f"门牌 {role}",
        )
        vars(world)[f"{name}address"] = at_home.pk
    world.open_order = _bought(world, "buyer", world.sku, paid=False).number
    world.open_checkout = Checkout.objects.get(orders__number=world.open_order).number
    paid = _bought(world, "buyer", world.sku, click=world.click)
    world.paid_order, world.paid_line = paid.number, paid.lines.get().pk
    shipped = sales.shipped(_bought(world, "buyer", world.sku))
    world.shipped_order, world.shipped_line = shipped.number, shipped.lines.get().pk
    received = sales.received(_bought(world, "buyer", world.sku))
    world.received_order, world.received_line = received.number, received.lines.get().pk
    other = _bought(world, "inviter", world.other_sku)
    world.other_order, world.other_line = other.number, other.lines.get().pk
    world.other_checkout = other.checkout.number
    accruals.reconcile_orders([paid.pk], at=now())
    world.commission = CommissionOrder.objects.get(order_line=world.paid_line).pk
    accruals.reconcile_orders([shipped.pk], at=now())
    world.dispute = disputes.open_dispute(
        account=world.people["owner"],
        order_number=shipped.number,
        line_id=world.shipped_line,
        claim="争议内容",
        at=now(),
    ).pk
    world.mark("a dispute", "争议内容", "owner", *STAFF)
    both = ("buyer", "owner")
    world.mark("the buyer's receiver", "收件人 buyer", *both)
    world.mark("the buyer's door", "门牌 buyer", *both)
    world.mark("the buyer's name", "显示名 buyer", "buyer")
    world.mark("the buyer's handle", '"buyer":"buyer"', *both)
    world.mark("an unpaid order", world.open_order, *both)
    world.mark("a checkout", world.open_checkout, *both)
    world.mark("a paid order", world.paid_order, *both, *PAYEES, *STAFF)
    world.mark("a parcel", shipped.shipments.get().tracking_number, *both)


def _refunds(world: World) -> None:
    at = now()
    for name in ("asked", "awaiting", "returned"):
        order = sales.shipped(_bought(world, "buyer", world.sku))
        owner = order.shop.account
        refund = aftersales.request(
            buyer=order.buyer,
            number=order.number,
            kind=Refund.Kind.REFUND_ONLY if name == "asked" else Refund.Kind.RETURN_REFUND,
            reason="不想要了",
            lines={},
            note="退款说明",
            at=at,
        )
        if name != "asked":
            aftersales.approve(account=owner, number=refund.number, at=at)
        if name == "returned":
            aftersales.send_back(
                account=order.buyer,
                number=refund.number,
                carrier="顺丰",
                tracking_number="RETURN777",
                at=at,
            )
        vars(world)[f"{name}_refund"] = refund.number
    world.mark("a refund", world.asked_refund, "buyer", "owner")
    world.mark("the words of a refund", "退款说明", "buyer", "owner")


def _picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (3, 4), (200, 30, 60)).save(out, format="PNG")
    return out.getvalue()


def build() -> World:
    """The market, in the database of the moment."""
    world = World(tokens={"anonymous": ""}, people={}, marks=[], picture=_picture())
    parts = (
        _people, _goods, _application, _notes, rooms.furnish, _promoting, _agencies, _plans,
        _earning, _orders, _refunds, giving.furnish, listening.furnish, rails.build,
    )  # fmt: skip
    for part in parts:
        part(world)
    return world
