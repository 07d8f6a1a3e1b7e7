"""Shops by the product's own verbs; categories, products and SKUs in bulk; offers, stock."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction
from stdnum.cn import uscc

from backend.accounts.models import Account
from commissions import offers
from seeds.scenarios.people import People
from seeds.scenarios.personas import SHOPKEEPERS
from seeds.scenarios.stage import Stage, between
from seeds.texts import distributions, goods
from seeds.texts.goods import Leaf, ProductText
from seeds.texts.reviews import stock_reason
from shops import onboarding
from shops.models import Category, Product, Shop, Sku, StockMovement

SHOPS, PRODUCTS = 40, 240
OPEN_APPLICATIONS = 3
OFFERED = 0.60
_AREAS = ("310115", "110105", "440106", "330106", "510107")


@dataclass(frozen=True, slots=True)
class Good:
    """A product with its SKUs, what it is called in a note, and its owner."""

    product: Product
    skus: list[Sku]
    leaf: Leaf
    noun: str
    owner: Account
    on_sale: bool


@dataclass(slots=True)
class Market:
    """The shops with their owners, everything they sell, and what is offered to promoters."""

    shops: list[Shop] = field(default_factory=list)
    goods: list[Good] = field(default_factory=list)
    offered: set[int] = field(default_factory=set)
    planned: list[Good] = field(default_factory=list)
    # What a plan pays for at a step of the precedence, and who sells it.
    steps: dict[str, tuple[Account, Good]] = field(default_factory=dict)
    suspended: int = 0

    @property
    def sellable(self) -> list[Good]:
        """What can be bought today."""
        return [good for good in self.goods if good.on_sale and self.is_open(good)]

    def is_open(self, good: Good) -> bool:
        """Whether the good's shop is open."""
        return good.product.shop_id != self.suspended


def plant_categories() -> dict[str, Category]:
    """The complete tree, two levels; categories that exist already stay as they are."""
    known = {category.code: category for category in Category.objects.all()}
    for position, root in enumerate(goods.roots()):
        if root.code not in known:
            known[root.code] = Category.objects.create(
                code=root.code, name=root.name, position=position
            )
    for position, leaf in enumerate(goods.leaves()):
        if leaf.code not in known:
            known[leaf.code] = Category.objects.create(
                code=leaf.code, name=leaf.name, parent=known[leaf.root], position=position
            )
    return known


def licence(rng: random.Random) -> str:
    """A unified social credit code whose check digit is right; no such company exists."""
    body = f"91{rng.choice(_AREAS)}MA1{rng.randrange(16**6):06X}".translate(
        str.maketrans("IOSVZ", "12345")
    )
    body = body[:17].ljust(17, "0")
    return body + str(uscc.calc_check_digit(body))


def open_shops(stage: Stage, town: People, market: Market) -> int:
    """Applications handed in, approved, rejected and left open, all through the verbs."""
    rng = stage.rng("shops")
    wanted = stage.many(SHOPS, least=len(SHOPKEEPERS) + 5)
    owners = [town.named(handle) for handle in SHOPKEEPERS]
    owners += _owners(rng, town, wanted - len(owners))
    types = distributions.deck(rng, wanted, distributions.OWNER_TYPES)
    admin = town.named("admin")
    with transaction.atomic():
        for index, (owner, owner_type) in enumerate(zip(owners, types, strict=True)):
            market.shops.append(_open(stage, rng, owner, index, owner_type, admin))
        return wanted + _undecided(stage, rng, town, wanted, owners)


def _owners(rng: random.Random, town: People, count: int) -> list[Account]:
    """A third of the owners has not one follower, the others are anybody."""
    crowd = town.crowd
    silent = crowd[-(len(crowd) * 15 // 100) :]
    nobodies = rng.sample(silent, min(len(silent), count // 3))
    known = crowd[: len(crowd) - len(silent)]
    return nobodies + rng.sample(known[5:], count - len(nobodies))


def _application(
    stage: Stage, rng: random.Random, owner: Account, index: int, owner_type: str, days: float
) -> int:
    """A submitted application's id."""
    root = distributions.pick(rng, distributions.ROOT_SHARES)
    name = goods.shop_name(rng, index, owner_type, root)
    if owner.handle in SHOPKEEPERS:
        owner_type, name, root = SHOPKEEPERS[owner.handle]
    bare = owner_type == "individual"
    application = onboarding.apply(
        account=owner,
        shop_name=name,
        owner_type=owner_type,
        intro=goods.shop_intro(rng, owner_type, root),
        licence_number="" if bare else licence(rng),
        at=stage.ago(days=days),
    )
    onboarding.submit(
        account=owner, application_id=application.pk, at=stage.ago(days=days, hours=-2)
    )
    return application.pk


def _open(
    stage: Stage, rng: random.Random, owner: Account, index: int, owner_type: str, admin: Account
) -> Shop:
    days = rng.uniform(66, 69.5)
    application_id = _application(stage, rng, owner, index, owner_type, days)
    return onboarding.approve(
        application_id=application_id, by=admin, at=stage.ago(days=days - 0.8)
    )


def _undecided(
    stage: Stage, rng: random.Random, town: People, wanted: int, owners: Sequence[Account]
) -> int:
    """Three applications that wait and one that was rejected."""
    taken = {owner.pk for owner in owners}
    free = [account for account in town.crowd[20:] if account.pk not in taken]
    for place, owner in enumerate(free[:OPEN_APPLICATIONS]):
        _application(stage, rng, owner, wanted + place, "individual_business", 1.5 - place * 0.4)
    rejected = _application(
        stage, rng, town.named("rejected"), wanted + 9, "individual_business", 6
    )
    onboarding.reject(
        application_id=rejected,
        by=town.named("admin"),
        reason="营业执照照片模糊，请重新上传清晰的原件",
        at=stage.ago(days=5),
    )
    return OPEN_APPLICATIONS + 1


def close_one(stage: Stage, town: People, market: Market) -> None:
    """Suspends the shop of the persona `suspended`, after it has sold for weeks."""
    shop = next(shop for shop in market.shops if shop.account == town.named("suspended"))
    onboarding.suspend(
        shop_id=shop.pk,
        by=town.named("admin"),
        reason="多次投诉发货超时，停业整改七天",
        at=stage.ago(days=2),
    )
    market.suspended = shop.pk


def stock_shelves(stage: Stage, market: Market) -> int:
    """Products and SKUs, without stock: that comes with `fill`, when the demand is known."""
    rng = stage.rng("products")
    categories = plant_categories()
    products, texts = [], []
    for place in range(stage.many(PRODUCTS, least=len(market.shops) * 2)):
        shop = market.shops[place % len(market.shops)]
        leaf = goods.pick_leaf(rng)
        text = goods.product(rng, leaf)
        texts.append(text)
        products.append(_product(stage, rng, shop, categories[leaf.code], text, place))
    Product.objects.bulk_create(products)
    skus = Sku.objects.bulk_create(
        Sku(
            product=product,
            code=f"S{product.pk}-{number}",
            options=sku.options,
            price_fen=sku.price_fen,
            list_price_fen=sku.list_price_fen,
        )
        for product, text in zip(products, texts, strict=True)
        for number, sku in enumerate(text.skus, start=1)
    )
    market.goods = _shelved(products, texts, skus)
    return len(products) + len(skus)


def _product(
    stage: Stage, rng: random.Random, shop: Shop, category: Category, text: ProductText, place: int
) -> Product:
    created = max(shop.opened_at, stage.ago(days=64)) + timedelta(hours=rng.randrange(1, 40))
    # One in twenty is not on sale; the first of every shop always is.
    odd = place >= 3 * 14 and rng.random() < 0.05
    status = rng.choice(["draft", "off_shelf"]) if odd else "on_sale"
    return Product(
        shop=shop,
        category=category,
        title=text.title,
        description=text.description,
        attributes=text.attributes,
        return_window_days=rng.choices([7, 15, 30], [88, 8, 4])[0],
        shipping_fee_fen=rng.choices([0, 600, 1_000], [80, 12, 8])[0],
        status=status,
        created_at=created,
        published_at=None if status == "draft" else created + timedelta(hours=1),
    )


def _shelved(
    products: Sequence[Product], texts: Sequence[ProductText], skus: Sequence[Sku]
) -> list[Good]:
    by_product: dict[int, list[Sku]] = {}
    for sku in skus:
        by_product.setdefault(sku.product_id, []).append(sku)
    leaves = goods.leaves_by_code()
    return [
        Good(
            product=product,
            skus=by_product[product.pk],
            leaf=leaves[text.leaf],
            noun=text.noun,
            owner=product.shop.account,
            on_sale=product.status == "on_sale",
        )
        for product, text in zip(products, texts, strict=True)
    ]


def offer(stage: Stage, market: Market) -> int:
    """Commission offers on 60 % of what is on sale, 5 to 30 %, by the verb."""
    rng = stage.rng("offers")
    on_sale = [good for good in market.goods if good.on_sale]
    chosen = rng.sample(on_sale, round(len(on_sale) * OFFERED))
    with transaction.atomic():
        for good in chosen:
            offers.set_offer(
                account=good.owner,
                product_id=good.product.pk,
                rate_bps=distributions.commission_rate_bps(rng),
                at=stage.ago(days=61, hours=rng.randrange(20)),
            )
            market.offered.add(good.product.pk)
    return len(chosen)


def fill(stage: Stage, market: Market, demand: Mapping[int, int]) -> int:
    """Stock as the shops entered it: what will be sold and what will be left, every unit with
    its movement. 6 % of the SKUs end up sold out."""
    rng = stage.rng("stock")
    filled, movements = [], []
    for good in market.goods:
        for sku in good.skus:
            units = demand.get(sku.pk, 0) + distributions.stock(rng)
            if not units:
                continue
            sku.on_hand = units
            filled.append(sku)
            movements.append(
                StockMovement(
                    sku=sku,
                    kind=StockMovement.Kind.ADJUST,
                    delta_on_hand=units,
                    by=good.owner,
                    reason=stock_reason(rng, units),
                    at=between(rng, stage.ago(days=62), stage.ago(days=61)),
                )
            )
    Sku.objects.bulk_update(filled, ["on_hand"], batch_size=1_000)
    StockMovement.objects.bulk_create(movements)
    return len(movements)
