"""Categories, products, their options and prices, and the shops that sell them."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product as cross
from typing import Any, Final

from seeds.texts import distributions
from seeds.texts.bank import columns, fill, read, some

TITLE_LENGTH: Final = 60
DEAREST_FEN: Final = 199_900
STEM_COUNT: Final = 600
"""How many shops can be named before a stem comes a second time."""


@dataclass(frozen=True, slots=True)
class Root:
    """A top category; ``colour`` (#rrggbb) is the one its pictures are drawn in."""

    code: str
    name: str
    share: int
    colour: str


@dataclass(frozen=True, slots=True)
class Item:
    """One noun of a leaf with the words that fit before and after it, and facts of its own."""

    noun: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A bottom category and everything a product of it can be made of."""

    code: str
    root: str
    name: str
    median_fen: int
    heads: tuple[str, ...]
    items: tuple[Item, ...]
    axes: Mapping[str, tuple[str, ...]]
    attributes: Mapping[str, tuple[str, ...]]
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SkuText:
    """A sellable unit: options by axis, price and struck-through price in fen."""

    options: dict[str, str]
    price_fen: int
    list_price_fen: int | None


@dataclass(frozen=True, slots=True)
class ProductText:
    """A product as its shop would write it: ``noun`` is what a note calls it."""

    leaf: str
    noun: str
    title: str
    description: str
    attributes: dict[str, str]
    skus: tuple[SkuText, ...]


@cache
def roots() -> tuple[Root, ...]:
    """The top categories: fashion, home and beauty first."""
    return tuple(Root(**row) for row in read("goods")["root"])


@cache
def leaves() -> tuple[Leaf, ...]:
    """The 28 bottom categories, in the order of their roots."""
    return tuple(_leaf(row) for row in read("goods")["leaf"])


@cache
def leaves_by_code() -> dict[str, Leaf]:
    """The leaves by their ascii code."""
    return {leaf.code: leaf for leaf in leaves()}


@cache
def leaf_weights() -> dict[str, float]:
    """The share of each leaf: its root's share, divided evenly below the root."""
    siblings = [leaf.root for leaf in leaves()]
    shares = {root.code: root.share / siblings.count(root.code) for root in roots()}
    return {leaf.code: shares[leaf.root] for leaf in leaves()}


def pick_leaf(rng: random.Random) -> Leaf:
    """A leaf in the market's proportions."""
    return leaves_by_code()[distributions.pick(rng, leaf_weights())]


def product(rng: random.Random, leaf: Leaf) -> ProductText:
    """A whole product: title (at most 60 characters), description, attributes and 1-9 SKUs."""
    item = rng.choice(leaf.items)
    return ProductText(
        leaf=leaf.code,
        noun=item.noun,
        title=product_title(rng, leaf, item),
        description=product_description(rng, leaf, item),
        attributes={name: rng.choice(values) for name, values in leaf.attributes.items()},
        skus=skus(rng, leaf),
    )


def product_title(rng: random.Random, leaf: Leaf, item: Item) -> str:
    """A title such as 梨形身材高腰阔腿裤 垂感显瘦: who, how, what, and why."""
    how = "".join(some(rng, item.before, 1, 2))
    why = " ".join(some(rng, item.after, 1, 2))
    return f"{rng.choice(leaf.heads)}{how}{item.noun} {why}"[:TITLE_LENGTH]


def product_description(rng: random.Random, leaf: Leaf, item: Item) -> str:
    """Three to six lines: a greeting, facts that can be checked, a word about service."""
    shop = read("shops")
    facts = some(rng, leaf.facts, 2, 3)
    if item.facts:
        facts.insert(0, rng.choice(item.facts))
    greeting = fill(rng.choice(shop["greetings"]), {"item": item.noun})
    return "\n".join([greeting, *(f"· {fact}" for fact in facts), rng.choice(shop["services"])])


def skus(rng: random.Random, leaf: Leaf) -> tuple[SkuText, ...]:
    """1 to 9 sellable units with distinct options, about 3 on average, one price per last option.

    Clothes cost the same in every size; sets and sizes of other goods get dearer step by step.
    """
    price_fen = price(rng, leaf)
    discounted = rng.random() < 0.35
    per_step = 0.0 if _same_price(leaf) else rng.choice((0.0, 0.12, 0.2))
    chosen = _options(rng, leaf)
    steps = list(dict.fromkeys(tuple(options.values())[-1] for options in chosen))
    made = []
    for options in chosen:
        step = steps.index(tuple(options.values())[-1])
        fen = believable_fen(price_fen * (1 + per_step * step))
        struck = believable_fen(fen * 1.3) if discounted and fen < DEAREST_FEN else None
        made.append(SkuText(options=options, price_fen=fen, list_price_fen=struck))
    return tuple(made)


def price(rng: random.Random, leaf: Leaf) -> int:
    """A price in fen: log-normal (sigma 0.42) around the leaf's median, then believable."""
    return believable_fen(leaf.median_fen * math.exp(rng.gauss(0, 0.42)))


def believable_fen(fen: float) -> int:
    """The nearest price that a shop would print: …9.90 below 100 yuan, …9.00 above.

    Never below 9.90 yuan, never above 1,999 yuan.
    """
    yuan = max(9.0, min(DEAREST_FEN / 100, round((fen / 100 - 9) / 10) * 10 + 9))
    return round(yuan * 100) + (90 if yuan < 100 else 0)


def shop_stem(index: int) -> str:
    """The two-part word of a shop's name; different for every index below 600."""
    bank = read("shops")
    fronts, backs = bank["fronts"], bank["backs"]
    # 187 has no factor in common with the 600 pairs: every pair once, neighbours far apart.
    place = index * 187 % (len(fronts) * len(backs))
    return f"{fronts[place // len(backs)]}{backs[place % len(backs)]}"


def shop_name(rng: random.Random, index: int, owner_type: str, root: str) -> str:
    """A shop's name in the manner of its owner type; distinct for indices 0 to 599.

    :param owner_type: ``individual``, ``individual_business`` or ``enterprise``.
    :param root: code of the root category most of its goods are in.
    """
    ending = rng.choice(read("shops")["endings"][owner_type][root])
    return f"{shop_stem(index)}{ending}"


def shop_intro(rng: random.Random, owner_type: str, root: str) -> str:
    """One or two sentences that a shop says about itself."""
    bank = read("shops")
    return f"{rng.choice(bank['intros'][owner_type])}{rng.choice(bank['promises'][root])}"


def _leaf(row: dict[str, Any]) -> Leaf:
    return Leaf(
        code=row["code"],
        root=row["root"],
        name=row["name"],
        median_fen=row["yuan"] * 100,
        heads=tuple(row["heads"]),
        items=tuple(_item(text) for text in row["items"]),
        axes={axis: tuple(values) for axis, values in row["axes"].items()},
        attributes={name: tuple(values) for name, values in row["attributes"].items()},
        facts=tuple(row["facts"]),
    )


def _item(text: str) -> Item:
    noun, before, after, *facts = columns(text)
    return Item(noun, tuple(before.split()), tuple(after.split()), tuple(facts))


def _same_price(leaf: Leaf) -> bool:
    return leaf.root == "fashion" or "色号" in leaf.axes or "尺码" in leaf.axes


def _options(rng: random.Random, leaf: Leaf) -> list[dict[str, str]]:
    """Every combination of some values of each axis; sizes keep their order."""
    if len(leaf.axes) == 1:
        shapes: Mapping[tuple[int, ...], float] = {(1,): 15, (2,): 35, (3,): 30, (4,): 20}
    elif leaf.root == "fashion":
        shapes = {(1, 2): 22, (1, 3): 28, (2, 2): 26, (2, 3): 16, (3, 3): 8}
    else:
        shapes = {(1, 1): 18, (2, 1): 30, (1, 2): 24, (2, 2): 22, (3, 2): 6}
    shape: tuple[int, ...] = distributions.pick(rng, shapes)
    kept = []
    for values, count in zip(leaf.axes.values(), shape, strict=True):
        places = sorted(rng.sample(range(len(values)), min(count, len(values))))
        kept.append([values[place] for place in places])
    return [dict(zip(leaf.axes, combination, strict=True)) for combination in cross(*kept)]
