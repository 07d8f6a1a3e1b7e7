"""The demo: a small market as it looks after two months, with everything that can be seen in it.

Rows of people, goods and notes are written in bulk; everything with money in it goes through the
product's own verbs, day by day, so that seeding proves them.
"""

from dataclasses import dataclass, field

from backend.accounts.models import Account
from commissions import compliance, ledger, restating, statements, team
from commissions.models import SettlementPeriod, Statement
from notes import ranking, recount
from notes.models import Note
from seeds.scenarios import (
    attributing,
    content,
    market,
    partners,
    people,
    promoting,
    schemes,
    stories,
)
from seeds.scenarios.content import Content
from seeds.scenarios.market import Market
from seeds.scenarios.money_out import Cashier
from seeds.scenarios.people import People
from seeds.scenarios.personas import PERSONAS
from seeds.scenarios.promoting import Promotion
from seeds.scenarios.stage import NotEmpty, Stage, analyze, curtain, may_begin, refuse_interrupted
from seeds.scenarios.stories import Story
from seeds.scenarios.trading import Theatre
from shops import metrics
from shops.models import Shop


@dataclass(slots=True)
class World:
    """Everything that was written, for tests."""

    town: People = field(default_factory=People)
    market: Market = field(default_factory=Market)
    content: Content = field(default_factory=Content)
    promotion: Promotion = field(default_factory=Promotion)
    stories: list[Story] = field(default_factory=list)


def is_empty() -> bool:
    """Whether the demo has room: no shop, no note, and none of its people."""
    handles = [persona.handle for persona in PERSONAS]
    return not (
        Shop.objects.exists()
        or Note.objects.exists()
        or Account.objects.filter(handle__in=handles).exists()
    )


def must_be_whole() -> None:
    """Refuses a world that was left half-way.

    :raises Interrupted: the demo began and never ended.
    """
    refuse_interrupted("demo")


def play(stage: Stage) -> World:
    """Writes the demo into an empty database.

    :raises NotEmpty: it is not empty.
    :raises Interrupted: an earlier run was stopped half-way.
    :raises NotInProduction: in production.
    :raises WorkerRunning: a worker is alive.
    :raises Invalid: a size outside 0.05 to 10.
    """
    may_begin(stage)
    if not is_empty():
        raise NotEmpty()
    world = World()
    with curtain(stage):
        populate(stage, world)
        trade(stage, world)
        attribute(stage, world)
        conclude(stage, world)
    return world


def populate(stage: Stage, world: World) -> None:
    """People, goods and notes."""
    with stage.step("accounts, addresses, staff") as done:
        world.town = people.settle(stage)
        done.append(len(world.town.all))
    with stage.step("follows") as done:
        done.append(people.follow(stage, world.town))
        recount.recount(at=stage.at)
        refresh(world.town)
    with stage.step("shops, applied for and approved") as done:
        done.append(market.open_shops(stage, world.town, world.market))
    with stage.step("categories, products, SKUs") as done:
        done.append(market.stock_shelves(stage, world.market))
    with stage.step("commission offers and open plans") as done:
        done += [market.offer(stage, world.market), promoting.plan(stage)]
        done.append(schemes.open_to_all(stage, world.town, world.market))
    with stage.step("goods-note applications") as done:
        done.append(content.permit(stage, world.town, world.content))
    with stage.step("pictures") as done:
        done.append(content.draw(stage, world.content))
    with stage.step("notes with pictures, cards, topics") as done:
        done.append(content.write(stage, world.town, world.market, world.content))
    with stage.step("live sessions") as done:
        done.append(content.go_live(stage, world.market, world.content))
    with stage.step("promoters and their links") as done:
        done.append(promoting.join(stage, world.town, world.promotion))
        done.append(promoting.share(stage, world.market, world.content, world.promotion))
        done.append(attributing.lock_customers(stage, world.market))
    with stage.step("agencies, their members, a tree that changes") as done:
        done.append(promoting.gather(stage, world.town, world.promotion))
    with stage.step("tiers, and plans for some of them") as done:
        done.append(schemes.to_some(stage, world.town, world.market, world.promotion))
    with stage.step("likes, collects, comments") as done:
        done.append(content.engage(stage, world.town, world.content))
    with stage.step("counters and ranks, by the product's recount") as done:
        done.append(sum(recount.recount(at=stage.at).values()))
        done.append(content.take_down(stage, world.town, world.content))
        analyze()


def trade(stage: Stage, world: World) -> None:
    """Two months of orders through the verbs."""
    with stage.step("stock, as much as will be sold and more") as done:
        world.stories = stories.plan(
            stage, world.town, world.market, world.content, world.promotion
        )
        demand = stories.demand(world.stories)
        done.append(market.fill(stage, world.market, demand))
    with stage.step("orders: placed, paid, shipped, received …") as done:
        theatre = Theatre(stage, world.town.addresses, "demo")
        cashier = Cashier(stage, world.town, _earners(world))
        theatre.play(world.stories, each_day=cashier.each_day)
        done.append(len(world.stories))
    with stage.step("payouts in every state") as done:
        cashier.today()
        done.append(cashier.done)
    with stage.step("orders made elsewhere, bounties, held cases") as done:
        done.append(partners.tell(stage, world.town, world.market))
        done.append(partners.reward(stage, world.town))
        done.append(partners.suspect(stage, world.town))


def attribute(stage: Stage, world: World) -> None:
    """What a link alone does not show: a coupon code that was named, disputes that were settled,
    sales under plans of every kind."""
    with stage.step("a customer who comes back, a coupon code, settled disputes") as done:
        done.append(attributing.come_back(stage, world.town, world.market))
        done.append(attributing.use_a_coupon(stage, world.town, world.market))
        done.append(attributing.settle_a_dispute(stage, world.town))
        done.append(attributing.sell_under_plans(stage, world.town, world.market))
        done.append(attributing.pass_on_a_chain(stage, world.town))


def _earners(world: World) -> list[Account]:
    """Who may have something to withdraw: promoters, the named first, and creators."""
    promoters = [promoter.account for promoter in world.promotion.promoters]
    return promoters[:3] + world.content.approved + promoters[3:]


def _state(stage: Stage, finance: Account) -> int:
    """Closes the months that are over, re-states what has changed in them, writes the statements;
    how many statements that were."""
    restating.close_due(at=stage.at)
    for period in SettlementPeriod.objects.exclude(closed_at=None).order_by("id"):
        restating.restate(period_id=period.pk, by=finance, reason="结算后的退款与改判", at=stage.at)
    while statements.state_due(at=stage.at):
        pass
    return Statement.objects.count()


def conclude(stage: Stage, world: World) -> None:
    """What the beat would do now: periods, statements, metrics, ranks, balances."""
    with stage.step("months closed, statements written and signed") as done:
        done.append(_state(stage, world.town.named("finance_b")))
    with stage.step("metrics, ranks, balances") as done:
        market.close_one(stage, world.town, world.market)
        while metrics.roll_up(at=stage.at):
            pass
        ranking.rank_notes(at=stage.at)
        done.append(ledger.fold())
        team.count_promoters(at=stage.at)
        compliance.report(at=stage.at)
        analyze()


def refresh(town: People) -> None:
    """The counters as the recount has set them."""
    counts = dict(Account.objects.values_list("pk", "follower_count"))
    for account in town.all:
        account.follower_count = counts[account.pk]
