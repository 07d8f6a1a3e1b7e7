"""What will happen: every order's story, planned before anything is sold.

A story says who buys what, where they found it, and how it ends. Only the plan is ours; what
comes of it is the product's doing.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backend.accounts.models import Account
from backend.core.clock import business_day, day_edges
from seeds.scenarios.content import Content
from seeds.scenarios.market import Good, Market
from seeds.scenarios.people import People
from seeds.scenarios.promoting import Promotion, Shared
from seeds.scenarios.stage import Stage, between, moment
from seeds.texts import distributions
from shops.models import Sku

ORDERS, DAYS = 900, 60
EARLIER = 0.25  # of the orders, where somebody shares those goods: a link was followed before
SILENT = 0.5  # of the older orders: their buyers say nothing, and time receives them
REFUNDS = {"before_shipping": 20, "return_goods": 30, "partial": 50}
UNITS = {1: 80, 2: 15, 3: 5}
# Where a story was found → the kinds of source an order line knows.
PLAIN = {"search": 60, "shop": 30, "": 10}


@dataclass(slots=True)
class Line:
    """Units of a SKU, and the page it was found on."""

    good: Good
    sku: Sku
    qty: int
    source_kind: str = ""
    source_id: int | None = None


@dataclass(slots=True)
class Story:
    """One order from the first click to its end. `earlier` is a link that was followed days
    before; `number` is the order's, once it is placed."""

    buyer: Account
    placed_at: datetime
    lines: list[Line] = field(default_factory=list)
    shared: Shared | None = None
    earlier: Shared | None = None
    fate: str = "received"
    number: str = ""
    checkout: str = ""
    click_id: str = ""
    refund: str = ""

    @property
    def owner(self) -> Account:
        """Who sells."""
        return self.lines[0].good.owner

    @property
    def total_fen(self) -> int:
        """What the buyer expects to pay: goods, and the highest shipping fee among them."""
        goods = sum(line.sku.price_fen * line.qty for line in self.lines)
        return goods + max(line.good.product.shipping_fee_fen for line in self.lines)


@dataclass(slots=True)
class Planner:
    """Knows the market while stories are drawn."""

    stage: Stage
    rng: random.Random
    town: People
    market: Market
    content: Content
    promotion: Promotion
    buyers: list[Account] = field(default_factory=list)
    by_shop: dict[int, list[Good]] = field(default_factory=dict)
    share_weights: list[float] = field(default_factory=list)
    shared_by_product: dict[int, list[Shared]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Who buys, and what each shop has."""
        staff = {account.pk for account in self.town.active if account.is_staff}
        self.buyers = [account for account in self.town.active if account.pk not in staff]
        for good in self.market.sellable:
            self.by_shop.setdefault(good.product.shop_id, []).append(good)
        for shared in self.promotion.shared:
            for good in shared.goods:
                self.shared_by_product.setdefault(good.product.pk, []).append(shared)
        # Linda sells most, then Ella and Nana; the others by the luck of the draw.
        rank = {"linda": 9.0, "ella": 4.0, "nana": 4.0}
        self.share_weights = [
            rank.get(one.promoter.handle, self.rng.lognormvariate(0, 0.8))
            for one in self.promotion.shared
        ]

    def draw(self, placed_at: datetime, source: str, number: int) -> Story | None:
        """A story placed at this instant, found there; None where nothing was on sale to this
        buyer yet, as in the first days of a small world."""
        lily = self.town.named("lily")
        buyer = lily if number % 40 == 7 else self.rng.choice(self.buyers)
        story = Story(buyer, placed_at)
        found = any(self._find(story, source) for _ in range(20))
        if not found and not self._first(story, self.market.sellable, "search", None):
            return None
        self._more(story)
        if self.rng.random() < EARLIER:
            self._remember(story)
        return story

    def _find(self, story: Story, source: str) -> bool:
        if source == "note":
            return self._by_note(story)
        if source == "live":
            return self._by_live(story)
        if source == "referral":
            return self._by_link(story)
        return self._plain(story)

    def _by_note(self, story: Story) -> bool:
        note, page = self.rng.choice(self.content.carrying)
        if page.at > story.placed_at - timedelta(minutes=10) or page.author == story.buyer:
            return False
        return self._first(story, page.shown, "note", note.pk)

    def _by_live(self, story: Story) -> bool:
        started = [one for one in self.content.sessions if one[0].starts_at < story.placed_at]
        if not started:
            return self._plain(story)
        # Who watches buys within the day; the others watch it again.
        session, shown = started[-1] if self.rng.random() < 0.7 else self.rng.choice(started)
        if session.host_id == story.buyer.pk:
            return False
        return self._first(story, shown, "live", session.pk)

    def _by_link(self, story: Story) -> bool:
        shared = self.rng.choices(self.promotion.shared, self.share_weights)[0]
        if shared.promoter == story.buyer:
            return False
        if not self._first(story, shared.goods, "", None):
            return False
        story.shared = shared
        return True

    def _plain(self, story: Story) -> bool:
        goods = self.rng.choice(list(self.by_shop.values()))
        return self._first(story, goods, distributions.pick(self.rng, PLAIN), None)

    def _first(self, story: Story, goods: Sequence[Good], kind: str, source_id: int | None) -> bool:
        """The line that the story is about, where these goods can be bought by this buyer."""
        fit = [good for good in goods if good.owner != story.buyer and self._sells(good, story)]
        if not fit:
            return False
        good = self.rng.choice(fit)
        story.lines = [Line(good, self.rng.choice(good.skus), self._qty(), kind, source_id)]
        return True

    def _sells(self, good: Good, story: Story) -> bool:
        opened = good.product.published_at
        return bool(opened and opened < story.placed_at and good.on_sale)

    def _qty(self) -> int:
        return distributions.pick(self.rng, UNITS)

    def _remember(self, story: Story) -> None:
        """Somebody's link to the same goods, followed days before: it wins where nothing else is
        named, and is kept among the losers where something is."""
        known = self.shared_by_product.get(story.lines[0].good.product.pk, [])
        fit = [one for one in known if one.promoter != story.buyer and one != story.shared]
        if fit:
            story.earlier = self.rng.choice(fit)

    def _more(self, story: Story) -> None:
        """Further lines out of the same shop."""
        more = distributions.pick(self.rng, distributions.LINES_PER_ORDER) - 1
        shelf = self.by_shop[story.lines[0].good.product.shop_id]
        for _ in range(more):
            good = self.rng.choice(shelf)
            sku = self.rng.choice(good.skus)
            taken = {line.sku.pk for line in story.lines}
            if sku.pk not in taken and self._sells(good, story):
                kind = "" if story.shared else "shop"
                story.lines.append(Line(good, sku, self._qty(), kind))


def plan(
    stage: Stage, town: People, market: Market, content: Content, promotion: Promotion
) -> list[Story]:
    """All stories, oldest first, each with its fate."""
    planner = Planner(stage, stage.rng("stories"), town, market, content, promotion)
    times = _times(stage, planner.rng)
    sources = distributions.deck(planner.rng, len(times), distributions.ORDER_SOURCES)
    drawn = [
        planner.draw(at, source, number)
        for number, (at, source) in enumerate(zip(times, sources, strict=True))
    ]
    stories = [story for story in drawn if story is not None]
    _fates(stage, planner.rng, stories)
    stories += _waiting(stage, planner)
    return stories


def demand(stories: Sequence[Story]) -> Counter[int]:
    """Units by SKU that the stories will ask for."""
    wanted: Counter[int] = Counter()
    for story in stories:
        for line in story.lines:
            wanted[line.sku.pk] += line.qty
    return wanted


def _times(stage: Stage, rng: random.Random) -> list[datetime]:
    """When orders are placed: growth, weekends, one festival day; today only up to now."""
    last = business_day(stage.at)
    counts = distributions.orders_per_day(last, total=stage.many(ORDERS, least=40), days=DAYS)
    times: list[datetime] = []
    for back, count in enumerate(reversed(counts)):
        start, end = day_edges(last - timedelta(days=back))
        for _ in range(count):
            at = moment(rng, start)
            if end > stage.at:
                at = between(rng, start, stage.at)
            if start <= at < stage.ago(minutes=40):
                times.append(at)
    return sorted(times)


def _fates(stage: Stage, rng: random.Random, stories: Sequence[Story]) -> None:
    """The newest still wait for their parcel, the next are under way, the others have come to
    their end in one of the ways there are."""
    share = distributions.quotas(len(stories), distributions.ORDER_STATES)
    jitter = [
        (story.placed_at + timedelta(hours=rng.uniform(-14, 14)), place)
        for place, story in enumerate(stories)
    ]
    newest = [stories[place] for _, place in sorted(jitter, reverse=True)]
    to_ship, under_way = share["to_ship"], share["under_way"]
    for story in newest[:to_ship]:
        story.fate = "to_ship"
    for story in newest[to_ship : to_ship + under_way]:
        story.fate = "under_way"
    old = newest[to_ship + under_way :]
    for story in old[:2]:
        story.fate = "refund_open"
    ended = [story for story in old[2:] if story.placed_at < stage.ago(days=20)]
    rng.shuffle(ended)
    _endings(rng, ended, share, rejected=max(1, len(stories) // 200))


def _endings(
    rng: random.Random, ended: list[Story], share: Mapping[str, int], *, rejected: int
) -> None:
    """How the old stories ended, in exact shares."""
    unpaid = {"cancelled": 1, "expired": 1}
    fates = distributions.deck(rng, share["unpaid_or_cancelled"], unpaid)
    fates += distributions.deck(rng, share["refunded"], REFUNDS)
    fates += ["refund_rejected"] * rejected
    for fate in fates:
        ended.pop().fate = fate
    for story in ended:
        if rng.random() < SILENT:
            story.fate = "silent"


def _waiting(stage: Stage, planner: Planner) -> list[Story]:
    """Two checkouts of this minute, not paid yet."""
    drawn = [planner.draw(stage.ago(minutes=minutes), "search", 0) for minutes in (9, 4)]
    made = [story for story in drawn if story is not None]
    for story in made:
        story.fate = "pending"
    return made
