"""Where every history begins: two shops, six SKUs, promoters under inviters, pages, links, staff.

Made once for many histories, inside the transaction that `ground` never commits.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.accounts.models import Account
from backend.core import ids
from commissions import agencies, coupons, links, memberships, offers, plans, promoters
from commissions.models import AgencyInvitation
from commissions.split import Shares
from notes.models import LiveProduct, LiveSession, NoteProduct
from seeds.factories import AccountFactory, AddressFactory, NoteFactory
from shops.models import Sku
from tests.commissions.money_out import CARD, OK, officer, payee
from tests.histories.arithmetic import PASSED, Plan
from tests.histories.oracle import Oracle
from tests.histories.things import Coupon, Good, Link, Page, Promoter, Store
from tests.shops.sales import shop_of, sku_in

START = datetime(2026, 11, 2, 4, tzinfo=UTC)
BEFORE = START - timedelta(days=60)
# Shares with a rest for the shop, so that three parts and ties are common; the classic 80 : 20.
PLANS = (Plan(5_000, 2_500, 5_000, 100), Plan(8_000, 2_000, 10_000, 0), Plan(3_333, 3_333, 7, 999))
# price, list price, product, pieces on hand
_SHELF = (
    (1_290, None, "coat", 1_000),
    (2_333, 2_990, "coat", 6),
    (999, 1_299, "scarf", 1_000),
    (4_570, None, "lamp", 1_000),
    (10, None, "lamp", 1_000),
    (5_050, 9_900, "chair", 5),
)
# product: (owner, fee of the shop, shipping, window, offered)
_PRODUCTS = {
    "coat": ("olga", 500, 0, 7, 2_000),
    "scarf": ("olga", 500, 800, 15, 1_250),
    "lamp": ("bert", 370, 600, 7, 3_333),
    "chair": ("bert", 370, 1_000, 30, None),
}
# name: who invited them
_PROMOTERS = {"ivy": None, "olga": None, "pat": "ivy", "pam": "olga", "fay": "ivy"}
BUYERS = ("bob", "pat", "ivy", "fay", "olga", "nina")
EARNERS = ("ivy", "pat", "pam", "fay", "olga", "nina")
PAYEES = {name: "bank_file" if name in ("olga", "nina") else "sandbox" for name in EARNERS}
# promoter, target: a product, a shop by its owner, or a page
_LINKS = (
    ("pat", "product", "coat"),
    ("pat", "shop", "bert"),
    ("ivy", "product", "coat"),
    ("pam", "shop", "olga"),
    ("olga", "product", "lamp"),
    ("olga", "shop", "olga"),
    ("fay", "note", "tips"),
)
# a shop by its owner, who was given its code, and as what
_COUPONS = (("bert", "pat", "promoter"), ("olga", "nina", "creator"))
# name: kind, author, products shown
_PAGES = {
    "tips": ("note", "nina", ("coat", "lamp")),
    "own": ("note", "olga", ("scarf", "lamp")),
    "show": ("live", "nina", ("chair", "coat")),
}


@dataclass
class World:
    """The rows, and the oracle's idea of them."""

    people: dict[str, Account]
    addresses: dict[str, int]
    skus: list[Sku]
    products: dict[str, int]
    codes: list[str]
    visitors: list[str]
    staff: dict[str, Account]
    promoter_ids: dict[str, int]
    coupons: list[str]
    pages: list[tuple[str, int]]

    def __post_init__(self) -> None:
        self.accounts = {account.pk: account for account in self.people.values()}
        self.owners = {self.products[name]: _PRODUCTS[name][0] for name in _PRODUCTS}


@dataclass
class Ideas:
    """The oracle's things, new for every history."""

    oracle: Oracle
    goods: list[Good]
    links: list[Link]
    pages: list[Page]
    promoters: dict[str, Promoter]
    coupons: list[Coupon]


def build() -> World:
    """Makes the rows."""
    names = {*BUYERS, *EARNERS, "bert"}
    people = {name: AccountFactory.create() for name in sorted(names)}
    promoter_ids = {}
    for name, inviter in _PROMOTERS.items():
        code = promoters.of(people[inviter]).invite_code if inviter else ""
        joined = promoters.join(account=people[name], invite_code=code, at=BEFORE)
        promoter_ids[name] = joined.pk
    # Nina's agency stands above Ivy's, whose member Pat is: Ivy is Pat's inviter, too.
    upper, lower = (
        agencies.found(account=people[name], name=name, share_bps=bps, at=BEFORE)
        for name, bps in zip(("nina", "ivy"), reversed(PASSED), strict=True)
    )
    take_in(upper.owner, lower.owner, as_agency=True, at=BEFORE)
    take_in(lower.owner, people["pat"], at=BEFORE)
    for version in PLANS[:1]:
        publish(plan=version, by=people["bert"], at=BEFORE)
    for name in EARNERS:
        payee(people[name], OK if PAYEES[name] == "sandbox" else CARD, PAYEES[name])
    products, skus = _goods(people)
    pages = _pages(people, products)
    return World(
        people=people,
        addresses={
            name: AddressFactory.create(account=people[name], is_default=False).pk
            for name in BUYERS
        },
        skus=skus,
        products=products,
        codes=[_link(people, who, kind, what, products, pages) for who, kind, what in _LINKS],
        visitors=[ids.code(22), ids.code(22)],
        staff={
            "maker": officer("prepare_payout"),
            "checker": officer("approve_payout"),
            "both": officer("prepare_payout", "approve_payout"),
            "proposer": officer("propose_override"),
            "judge": officer("approve_override"),
        },
        promoter_ids=promoter_ids,
        coupons=[_given(people, *given) for given in _COUPONS],
        pages=[pages[name] for name in _PAGES],
    )


def _given(people: dict[str, Account], owner: str, holder: str, role: str) -> str:
    """The code that a shop has given to somebody."""
    shop, handle = people[owner].shop, people[holder].handle
    made = coupons.give(account=people[owner], shop_id=shop.pk, holder=handle, role=role, at=BEFORE)
    return made.code


def take_in(
    owner: Account, member: Account, *, as_agency: bool = False, at: datetime
) -> AgencyInvitation:
    """Somebody becomes a member of an agency."""
    asked, _ = memberships.invite(account=owner, handle=member.handle, as_agency=as_agency, at=at)
    takes = agencies.share_at(asked.agency, at)
    return memberships.accept(account=member, invitation_id=asked.pk, share_bps=takes, at=at)


def publish(*, plan: Plan, by: Account, at: datetime) -> None:
    """A plan's numbers become the default from `at` on."""
    shares = Shares(plan.promoter, plan.inviter, plan.creator, plan.charity)
    draft = plans.draft(name="history", shares=shares, starts_at=at, at=at)
    plans.publish(version_id=draft.pk, by=by, at=at)


def _goods(people: dict[str, Account]) -> tuple[dict[str, int], list[Sku]]:
    shops: dict[str, Any] = {}
    skus: dict[str, list[Sku]] = {}
    products: dict[str, int] = {}
    for price, list_price, name, on_hand in _SHELF:
        owner, fee, shipping, window, rate = _PRODUCTS[name]
        if owner not in shops:
            shops[owner] = shop_of(people[owner], fee_bps=fee, licence_number="91310000")
        if name not in products:
            sku = sku_in(
                shops[owner],
                price,
                on_hand,
                shipping_fee_fen=shipping,
                return_window_days=window,
            )
            products[name] = sku.product_id
            if rate is not None:
                offers.set_offer(
                    account=people[owner], product_id=sku.product_id, rate_bps=rate, at=BEFORE
                )
        else:
            sku = Sku.objects.create(
                product_id=products[name], code=f"{price}", price_fen=price, on_hand=on_hand
            )
        Sku.objects.filter(pk=sku.pk).update(list_price_fen=list_price)
        skus.setdefault(name, []).append(sku)
    return products, [sku for of_one in skus.values() for sku in of_one]


def _pages(people: dict[str, Account], products: dict[str, int]) -> dict[str, tuple[str, int]]:
    pages = {}
    for name, (kind, author, shown) in _PAGES.items():
        if kind == "note":
            note = NoteFactory.create(author=people[author])
            for product in shown:
                NoteProduct.objects.create(note=note, product_id=products[product], origin="own")
            pages[name] = ("note", note.pk)
        else:
            live = LiveSession.objects.create(
                host=people[author], title=name, starts_at=BEFORE, status="ended"
            )
            for product in shown:
                LiveProduct.objects.create(session=live, product_id=products[product])
            pages[name] = ("live", live.pk)
    return pages


def _link(
    people: dict[str, Account],
    who: str,
    kind: str,
    what: str,
    products: dict[str, int],
    pages: dict[str, tuple[str, int]],
) -> str:
    if kind == "shop":
        target = people[what].shop.pk
    else:
        target = products[what] if kind == "product" else pages[what][1]
    link, _ = links.create(account=people[who], target_kind=kind, target_id=target, at=BEFORE)
    return link.code


def ideas(world: World) -> Ideas:
    """The oracle's market as it is before anything happens."""
    stores = {
        owner: Store(world.people[owner].shop.pk, world.people[owner].pk, fee)
        for owner, fee, *_ in _PRODUCTS.values()
    }
    goods = []
    for sku, (price, _, name, on_hand) in zip(world.skus, _SHELF, strict=True):
        owner, _, shipping, window, _ = _PRODUCTS[name]
        product = world.products[name]
        goods.append(Good(sku.pk, stores[owner], product, price, shipping, window, on_hand))
    who: dict[str, Promoter] = {}
    for name, inviter in _PROMOTERS.items():
        who[name] = Promoter(world.people[name].pk, who[inviter] if inviter else None)
    who["pat"].belongs.append((BEFORE, (world.people["ivy"].pk, world.people["nina"].pk)))
    pages = [
        Page(kind, number, world.people[author].pk, frozenset(world.products[p] for p in shown))
        for (kind, number), (_, author, shown) in zip(world.pages, _PAGES.values(), strict=True)
    ]
    of_name = dict(zip(_PAGES, pages, strict=True))
    found = []
    for promoter, kind, what in _LINKS:
        if kind == "product":
            covers = {world.products[what]}
        elif kind == "shop":
            covers = {world.products[p] for p, (owner, *_) in _PRODUCTS.items() if owner == what}
        else:
            covers = set(of_name[what].covers)
        found.append(Link(who[promoter], frozenset(covers)))
    rates = {world.products[name]: rate or 0 for name, (*_, rate) in _PRODUCTS.items()}
    oracle = Oracle([(BEFORE, PLANS[0])], rates)
    given = [
        Coupon(
            code,
            stores[owner],
            who[holder] if role == "promoter" else None,
            world.people[holder].pk if role == "creator" else None,
        )
        for code, (owner, holder, role) in zip(world.coupons, _COUPONS, strict=True)
    ]
    return Ideas(oracle, goods, found, pages, who, given)
