"""The case of the source (K2): 3,000 promoters, one product at 30 %, 5,000,000 yuan of sales.

Everything with money in it goes through the product's verbs; only the people, their joining and
their links are written in bulk, as the verbs would write them (a test holds them equal).
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from backend.accounts.models import Account, Address
from backend.core import ids
from backend.core.clock import business_day, day_edges
from backend.core.errors import Invalid
from backend.core.money import largest_remainder, share_fen
from commissions import ledger, offers, plans, promoters
from commissions.links import CODE_LENGTH as LINK_CODE
from commissions.models import Promoter, PromotionLink, SponsorEdge
from commissions.promoters import CODE_LENGTH as INVITE_CODE
from seeds.scenarios import market, tuike_report
from seeds.scenarios.market import Good
from seeds.scenarios.people import NOBODYS_PASSWORD
from seeds.scenarios.promoting import Shared
from seeds.scenarios.stage import NotEmpty, Stage, analyze, curtain, may_begin, moment
from seeds.scenarios.stories import Line, Story
from seeds.scenarios.trading import Theatre
from seeds.scenarios.tuike_report import Result
from seeds.texts import distributions, goods, people
from shops import catalog, inventory, metrics, onboarding
from shops.models import Shop

PROMOTERS, SALES_FEN = 3_000, 500_000_000
PRICE_FEN, RATE_BPS = 25_000, 3_000
ORDERS_PER_PROMOTER, BUYERS_PER_PROMOTER = 1.5, 0.5
LAST_DAY, DAYS = 22, 18  # sold from 40 to 22 days ago: received, and past its window, by now
OFFICE, KEEPER, ORGANISER = "tuike_office", "tuike_keeper", "tuike_organiser"
LEAF = "home-fragrance"


@dataclass(slots=True)
class Case:
    """Who takes part, and what is sold."""

    office: Account
    keeper: Account
    organiser: Account
    sellers: list[Account] = field(default_factory=list)
    buyers: list[Account] = field(default_factory=list)
    addresses: dict[int, int] = field(default_factory=dict)
    shop: Shop | None = None
    good: Good | None = None
    shared: list[Shared] = field(default_factory=list)


def play(stage: Stage, *, count: int = PROMOTERS, sales_fen: int = SALES_FEN) -> Result:
    """Plays the case beside whatever is there: `count` promoters sell for `sales_fen` fen.

    :raises NotEmpty: it was played before.
    :raises Invalid: the sales are no multiple of the price, or too few for every promoter.
    :raises Interrupted, WorkerRunning, NotInProduction: as every scenario.
    """
    units, orders = sales_fen // PRICE_FEN, int(count * ORDERS_PER_PROMOTER)
    if count < 2 or sales_fen % PRICE_FEN or units < orders:
        raise Invalid(f"The sales are a multiple of {PRICE_FEN} fen, at least {orders} of them.")
    may_begin(stage)
    if Account.objects.filter(handle=OFFICE).exists():
        raise NotEmpty("The scenario was played before; it is played once.")
    with curtain(stage):
        with stage.step("accounts and addresses") as done:
            case = _people(stage, count)
            done.append(len(case.sellers) + len(case.buyers) + 3)
        with stage.step("one shop, one product at 30 %") as done:
            _shop(stage, case, units)
            done.append(1)
        with stage.step("promoters joined, each with a link") as done:
            done.append(_promoters(stage, case))
        with stage.step("orders: touched, placed, paid, shipped …") as done:
            stories = _stories(stage, case, orders, units)
            done.append(len(stories))
            Theatre(stage, case.addresses, "tuike").play(stories)
        with stage.step("metrics, balances") as done:
            while metrics.roll_up(at=stage.at):
                pass
            done.append(ledger.fold())
            analyze()
        with stage.step("the books' audit") as done:
            assert case.shop
            result = tuike_report.read(
                stage, shop_id=case.shop.pk, sellers=count, organiser=case.organiser
            )
            done.append(result.rules)
    _must_be_exact(result, sales_fen)
    tuike_report.tell(stage, result)
    assert not result.findings, "the books are not clean"
    return result


def usual_sales_fen(count: int) -> int:
    """The source's sales for this many promoters: 5,000,000 yuan for 3,000, in whole units."""
    return SALES_FEN * count // PROMOTERS // PRICE_FEN * PRICE_FEN


def _must_be_exact(result: Result, sales_fen: int) -> None:
    """To the fen, or the scenario fails loudly."""
    commission = share_fen(sales_fen, RATE_BPS)
    assert result.sales_fen == sales_fen, f"sold {result.sales_fen} fen"
    assert result.commission_fen == commission, f"commission {result.commission_fen} fen"
    assert result.settled_fen == commission, f"settled {result.settled_fen} fen"
    assert result.balances_fen == commission, f"balances of {result.balances_fen} fen"


def _people(stage: Stage, count: int) -> Case:
    rng = stage.rng("people")
    cities = [people.city(rng) for _ in range(count)]
    named = [(OFFICE, "推客案例 运营"), (KEEPER, "山茶香氛主理人"), (ORGANISER, "山茶推客团长")]
    rows = [_account(rng, handle, name, "310000") for handle, name in named]
    rows += [
        _account(rng, f"tuike_{number:05d}", people.display_name(rng, "female"), city.code)
        for number, city in enumerate(cities, start=1)
    ]
    rows += [
        _account(rng, f"tkbuyer_{number:05d}", people.display_name(rng, "female"), "310000")
        for number in range(1, max(10, int(count * BUYERS_PER_PROMOTER)) + 1)
    ]
    made = Account.objects.bulk_create(rows, batch_size=2_000)
    office, keeper, organiser, *others = made
    case = Case(office, keeper, organiser, sellers=others[:count], buyers=others[count:])
    home = people.cities()[0]
    addresses = []
    for buyer in case.buyers:
        to = people.delivery(rng, home)
        addresses.append(
            Address(
                account=buyer, receiver=to.receiver, phone=to.phone,
                region_code=to.district_code, detail=f"{to.region} {to.detail}", is_default=True,
            )
        )  # fmt: skip
    kept = Address.objects.bulk_create(addresses, batch_size=2_000)
    case.addresses = {address.account_id: address.pk for address in kept}
    return case


def _account(rng: random.Random, handle: str, name: str, city: str) -> Account:
    return Account(
        handle=handle,
        display_name=name,
        city_code=city,
        gender="f",
        phone=people.phone(rng),
        password=NOBODYS_PASSWORD,
    )


def _shop(stage: Stage, case: Case, units: int) -> None:
    """Applied for, approved, stocked, offered: by the verbs."""
    rng, opened = stage.rng("shop"), stage.ago(days=60)
    market.plant_categories()
    applied = onboarding.apply(
        account=case.keeper, shop_name="山茶香氛推客旗舰店", owner_type="enterprise",
        intro="只做一支香，请推客朋友一起卖", licence_number=market.licence(rng), at=opened,
    )  # fmt: skip
    onboarding.submit(account=case.keeper, application_id=applied.pk, at=opened)
    shop = onboarding.approve(application_id=applied.pk, by=case.office, at=opened)
    product = catalog.create_product(
        account=case.keeper, shop_id=shop.pk, at=opened, category=LEAF,
        title="山茶与雪松 无火香薰 200ml 礼盒", description="一支可以放三个月的香。",
    )  # fmt: skip
    sku = catalog.add_sku(
        account=case.keeper, product_id=product.pk, code="SC-200",
        options={"规格": "200ml 礼盒"}, price_fen=PRICE_FEN,
    )  # fmt: skip
    product = catalog.publish(account=case.keeper, product_id=product.pk, at=opened)
    inventory.adjust(
        account=case.keeper, sku_id=sku.pk, delta=units + 500, reason="首批入库", at=opened
    )
    offers.set_offer(account=case.keeper, product_id=product.pk, rate_bps=RATE_BPS, at=opened)
    plans.ensure_default(at=opened)
    leaf = goods.leaves_by_code()[LEAF]
    case.shop = shop
    case.good = Good(product, [sku], leaf, "无火香薰", case.keeper, on_sale=True)


def _promoters(stage: Stage, case: Case) -> int:
    """The organiser joins by the verb and invites everybody: two levels, the root counted."""
    assert case.good
    root = promoters.join(account=case.organiser, at=stage.ago(days=59))
    rng, low = stage.rng("promoters"), stage.ago(days=58)
    times = sorted(low + timedelta(seconds=rng.randrange(14 * 86_400)) for _ in case.sellers)
    with transaction.atomic():
        joined = join_all(case.sellers, root, times)
        kept = link_all(joined, "product", case.good.product.pk, stage.ago(days=42))
    case.shared = [
        Shared(link, seller, (case.good,)) for link, seller in zip(kept, case.sellers, strict=True)
    ]
    return len(kept)


def join_all(
    accounts: Sequence[Account], sponsor: Promoter, times: Sequence[datetime]
) -> list[Promoter]:
    """What `promoters.join` would write for each of these with the sponsor's invite code."""
    made = Promoter.objects.bulk_create(
        [
            Promoter(
                account=account, sponsor=sponsor, invite_code=ids.code(INVITE_CODE), joined_at=at
            )
            for account, at in zip(accounts, times, strict=True)
        ],
        batch_size=2_000,
    )
    SponsorEdge.objects.bulk_create(
        [
            SponsorEdge(
                promoter=promoter,
                sponsor=sponsor,
                from_at=promoter.joined_at,
                recorded_at=promoter.joined_at,
                reason="joined",
            )
            for promoter in made
        ],
        batch_size=2_000,
    )
    return made


def link_all(
    joined: Sequence[Promoter], target_kind: str, target_id: int, at: datetime
) -> list[PromotionLink]:
    """What `links.create` would write for each of these promoters."""
    return PromotionLink.objects.bulk_create(
        [
            PromotionLink(
                promoter=promoter,
                target_kind=target_kind,
                target_id=target_id,
                code=ids.code(LINK_CODE),
                created_at=at,
            )
            for promoter in joined
        ],
        batch_size=2_000,
    )


def _stories(stage: Stage, case: Case, orders: int, units: int) -> list[Story]:
    """Every promoter sells at least once, the best many times; the units add up exactly."""
    assert case.good
    rng, good = stage.rng("stories"), case.good
    weights = [round(1_000 * rng.lognormvariate(0, 0.7)) + 1 for _ in range(orders)]
    qty = [1 + more for more in largest_remainder(units - orders, weights)]
    fame = distributions.zipf_weights(len(case.shared))
    sharers = case.shared + rng.choices(case.shared, fame, k=orders - len(case.shared))
    rng.shuffle(sharers)
    last = business_day(stage.at)
    stories = []
    for place, (shared, count) in enumerate(zip(sharers, qty, strict=True)):
        start, _ = day_edges(last - timedelta(days=LAST_DAY + place % DAYS))
        stories.append(
            Story(
                buyer=rng.choice(case.buyers),
                placed_at=moment(rng, start),
                lines=[Line(good, good.skus[0], count)],
                shared=shared,
                # One buyer in ten confirms; the others' parcels are received by time.
                fate="received" if place % 10 == 0 else "silent",
            )
        )
    return stories
