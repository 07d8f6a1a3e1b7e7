"""Promoters 推客 and their links, by the product's own verbs."""

import random
from dataclasses import dataclass, field

from django.db import transaction

from backend.accounts.models import Account
from commissions import agencies, links, memberships, plans, promoters
from commissions.models import Agency, Promoter, PromotionLink
from seeds.scenarios.content import Content
from seeds.scenarios.market import Good, Market
from seeds.scenarios.people import People
from seeds.scenarios.stage import Stage
from seeds.texts import distributions

PROMOTERS = 40
CHAIN = ("ella", "linda", "nana")
CHANNELS = ("微信群", "朋友圈", "抖音", "")


@dataclass(frozen=True, slots=True)
class Shared:
    """A promoter's link to something that shows these goods."""

    link: PromotionLink
    promoter: Account
    goods: tuple[Good, ...]


@dataclass(slots=True)
class Promotion:
    """Who promotes, best first, and what they share."""

    promoters: list[Promoter] = field(default_factory=list)
    shared: list[Shared] = field(default_factory=list)


def plan(stage: Stage) -> int:
    """The default commission plan: the verb that every accrual would call."""
    plans.ensure_default(at=stage.ago(days=61))
    return 1


def join(stage: Stage, town: People, promotion: Promotion) -> int:
    """Ella, Linda under her, Nana under Linda; then some forty others, a third of them invited."""
    rng = stage.rng("promoters")
    last = ""
    with transaction.atomic():
        for place, handle in enumerate(CHAIN):
            at = stage.ago(days=61 - place * 0.2)
            made = promoters.join(account=town.named(handle), invite_code=last, at=at)
            last = made.invite_code
            promotion.promoters.append(made)
        for place, account in enumerate(_others(stage, rng, town)):
            inviter = rng.choice(promotion.promoters) if rng.random() < 0.34 else None
            promotion.promoters.append(
                promoters.join(
                    account=account,
                    invite_code=inviter.invite_code if inviter else "",
                    at=stage.ago(days=60.2 - place * 0.005),
                )
            )
    return len(promotion.promoters)


def _others(stage: Stage, rng: random.Random, town: People) -> list[Account]:
    count = stage.many(PROMOTERS, least=6) - len(CHAIN)
    return rng.sample(town.crowd[10:], count)


def gather(stage: Stage, town: People, promotion: Promotion) -> int:
    """Ella's agency below the buyer's, with Nana and two others as members, one of whom has left
    since; somebody names Ella as the inviter later, and staff move somebody else."""
    members = [promoter.account for promoter in promotion.promoters[2:5]]
    with transaction.atomic():
        upper = _agency(stage, town.named("buyer"), "买手联盟", 3_000)
        ella = _agency(stage, town.named("ella"), "团长机构", 2_000)
        for member in members:
            _join_agency(stage, ella.owner, member)
        _join_agency(stage, upper.owner, ella.owner, as_agency=True)
        memberships.leave(account=members[-1], at=stage.ago(days=20))
        _change_the_tree(stage, town, promotion)
    return len(members) + 2


def _change_the_tree(stage: Stage, town: People, promotion: Promotion) -> None:
    """In a very small world everybody may have an inviter: then nobody is bound or moved."""
    alone = [one for one in promotion.promoters[3:] if one.sponsor_id is None]
    code = promotion.promoters[0].invite_code
    for one in alone[:1]:
        promoters.bind(account=one.account, invite_code=code, at=stage.ago(days=45))
    for one in alone[1:2]:
        promoters.change_sponsor(
            promoter_id=one.pk,
            sponsor_id=promotion.promoters[1].pk,
            by=town.named("admin"),
            reason="客服核实：由 Linda 邀请",
            at=stage.ago(days=30),
            from_at=stage.ago(days=40),
        )


def _agency(stage: Stage, owner: Account, name: str, share_bps: int) -> Agency:
    return agencies.found(account=owner, name=name, share_bps=share_bps, at=stage.ago(days=60))


def _join_agency(stage: Stage, owner: Account, member: Account, *, as_agency: bool = False) -> None:
    at = stage.ago(days=58)
    asked, _ = memberships.invite(account=owner, handle=member.handle, as_agency=as_agency, at=at)
    takes = agencies.share_at(asked.agency, at)
    memberships.accept(account=member, invitation_id=asked.pk, share_bps=takes, at=at)


def share(stage: Stage, market: Market, content: Content, promotion: Promotion) -> int:
    """Links to offered products, to whole shops and to notes with offered goods."""
    rng = stage.rng("links")
    with transaction.atomic():
        for promoter in promotion.promoters:
            wanted = distributions.pick(rng, {2: 40, 3: 30, 5: 20, 8: 10})
            for _ in range(wanted if promoter.account.handle not in CHAIN else 8):
                _link(stage, rng, promoter, market, content, promotion)
    return len(promotion.shared)


def _link(
    stage: Stage, rng: random.Random, promoter: Promoter, market: Market, content: Content,
    promotion: Promotion,
) -> None:  # fmt: skip
    kind, target, shown = _target(rng, promoter.account, market, content)
    if not shown:
        return
    at = stage.ago(days=59.9)
    channel = rng.choice(CHANNELS)
    link, made = links.create(
        account=promoter.account, target_kind=kind, target_id=target, channel=channel, at=at
    )
    if made:
        promotion.shared.append(Shared(link, promoter.account, shown))


def _target(
    rng: random.Random, account: Account, market: Market, content: Content
) -> tuple[str, int, tuple[Good, ...]]:
    """What is shared, and which of its goods pay this account."""
    pays = [
        good
        for good in market.sellable
        if good.product.pk in market.offered and good.owner != account
    ]
    kind = distributions.pick(rng, {"product": 74, "shop": 16, "note": 10})
    good = rng.choice(pays)
    if kind == "shop":
        shop = good.product.shop_id
        return kind, shop, tuple(one for one in pays if one.product.shop_id == shop)
    if kind == "note":
        known = {one.product.pk for one in pays}
        early = content.carrying[: max(5, len(content.carrying) // 4)]
        note, page = rng.choice(early)
        shown = tuple(one for one in page.shown if one.product.pk in known)
        if shown and note.author_id != account.pk:
            return kind, note.pk, shown
    return "product", good.product.pk, (good,)
