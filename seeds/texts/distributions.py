"""The shapes of the demo market: how many, how often, how skewed. Pure functions.

The numbers are those of the demo-data plan; percentages are whole and add up to 100, so that
``quotas`` can turn them into exact counts.
"""

import datetime as dt
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

ROOT_SHARES: Final[Mapping[str, int]] = {
    "fashion": 40,
    "home": 25,
    "beauty": 25,
    "food": 4,
    "sport": 3,
    "baby": 3,
}
"""Per cent of the products (and notes) under each root category."""

ORDER_STATES: Final[Mapping[str, int]] = {
    "unpaid_or_cancelled": 3,
    "to_ship": 6,
    "under_way": 9,
    "received_or_completed": 76,
    "refunded": 6,
}
"""Per cent of orders by where they stand; half of ``refunded`` is partial."""

ORDER_SOURCES: Final[Mapping[str, int]] = {
    "note": 42,
    "live": 18,
    "referral": 25,
    "search_or_shop": 15,
}
"""Per cent of order lines by what led the buyer there."""

REVIEW_SCORES: Final[Mapping[int, int]] = {5: 62, 4: 22, 3: 9, 2: 3, 1: 4}
"""Per cent of reviews by score."""

OWNER_TYPES: Final[Mapping[str, int]] = {
    "individual": 60,
    "individual_business": 60,
    "enterprise": 40,
}
"""Shops by owner type, out of 160."""

NOTE_KINDS: Final[Mapping[str, int]] = {"image": 68, "video": 32}
"""Per cent of notes by kind."""

CARD_ORIGINS: Final[Mapping[str, int]] = {"none": 65, "own": 22, "others": 13}
"""Per cent of notes by whose product card they carry."""

LINES_PER_ORDER: Final[Mapping[int, int]] = {1: 84, 2: 12, 3: 3, 4: 1}
"""Per cent of orders by number of lines; 1.21 lines an order, 6,200 for 5,100."""

WEEKEND_FACTOR: Final = 1.25
FESTIVAL_FACTOR: Final = 3.5
GROWTH: Final = 0.60
SATURDAY: Final = 5


def follower_counts(accounts: int = 2000) -> list[int]:
    """Followers per account, most followed first: f(r) = 1800 * (16 / (r + 15)) ** 1.3.

    A Zipf-Mandelbrot curve whose last 15 % are accounts that nobody follows. Never more than the
    other accounts there are.
    """
    followed = accounts - accounts * 15 // 100
    curve = (int(1800 * (16 / (rank + 15)) ** 1.3) for rank in range(1, followed + 1))
    return [min(count, accounts - 1) for count in curve] + [0] * (accounts - followed)


def follow_pairs(rng: random.Random, counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(follower, followee) positions that give account i exactly ``counts[i]`` followers.

    No pair twice and nobody follows themselves.
    """
    others = len(counts) - 1
    for followee, count in enumerate(counts):
        for place in rng.sample(range(others), count):
            yield (place if place < followee else place + 1), followee


def engagement(rng: random.Random, cap: int = 900) -> int:
    """Likes, collects or comments of a note: log-normal(1.6, 1.4), median 4, at most ``cap``."""
    return min(cap, int(rng.lognormvariate(1.6, 1.4)))


def spread(rng: random.Random, total: int, notes: int, cap: int = 900) -> list[int]:
    """``total`` acts over ``notes`` in the shape of ``engagement``; sums exactly to ``total``.

    :raises ValueError: more acts than ``notes * cap`` places.
    """
    if total > notes * cap:
        raise ValueError("more acts than places")
    drawn = [float(engagement(rng, cap)) for _ in range(notes)]
    counts = [min(cap, count) for count in _largest_remainder(total, drawn)]
    while short := total - sum(counts):
        room = [place for place, count in enumerate(counts) if count < cap]
        for place in rng.sample(room, min(short, len(room))):
            counts[place] += 1
    return counts


def zipf_weights(items: int, exponent: float = 1.0, shift: float = 3.0) -> list[float]:
    """Weights of a Zipf-Mandelbrot rank curve, largest first: who writes, what sells."""
    return [1 / (rank + shift) ** exponent for rank in range(1, items + 1)]


def orders_per_day(
    last_day: dt.date, total: int = 5100, days: int = 60, festival_day: int = 41
) -> list[int]:
    """Orders of each of ``days`` days ending with ``last_day``, oldest first; sums to ``total``.

    Straight growth of 60 % from the first to the last day, weekends x 1.25, and one live-festival
    day (position ``festival_day``, counted from 0) x 3.5.
    """
    first = last_day - dt.timedelta(days=days - 1)
    weights = [1 + GROWTH * day / max(1, days - 1) for day in range(days)]
    for day in range(days):
        if (first + dt.timedelta(days=day)).weekday() >= SATURDAY:
            weights[day] *= WEEKEND_FACTOR
    weights[festival_day] *= FESTIVAL_FACTOR
    return _largest_remainder(total, weights)


def seconds_of_day(rng: random.Random) -> int:
    """A believable moment of a Shanghai day, in seconds after midnight: noon and late evening."""
    hour = rng.choices(range(24), _HOURS)[0]
    return hour * 3600 + rng.randrange(3600)


def commission_rate_bps(rng: random.Random) -> int:
    """A commission offer's rate in bps: 500 to 3000 in steps of 50, median 1500."""
    return min(3000, max(500, round(rng.gauss(1500, 500) / 50) * 50))


def stock(rng: random.Random) -> int:
    """Units on hand of one SKU: 6 % sold out, otherwise 1 to 300, mostly under a hundred."""
    if rng.random() < 0.06:
        return 0
    return 1 + int(299 * rng.random() ** 1.7)


def pick(rng: random.Random, weights: Mapping[T, float]) -> T:
    """One key, as often as its weight says."""
    return rng.choices(list(weights), list(weights.values()))[0]


def quotas(total: int, weights: Mapping[T, float]) -> dict[T, int]:
    """``total`` shared out by weight in whole numbers (largest remainder); sums exactly."""
    shares = _largest_remainder(total, list(weights.values()))
    return dict(zip(weights, shares, strict=True))


def deck(rng: random.Random, total: int, weights: Mapping[T, float]) -> list[T]:
    """``total`` keys in exact shares, shuffled: percentages that hold on every seed."""
    cards = [key for key, count in quotas(total, weights).items() for _ in range(count)]
    rng.shuffle(cards)
    return cards


def _largest_remainder(total: int, weights: Sequence[float]) -> list[int]:
    scale = total / math.fsum(weights)
    shares = [int(weight * scale) for weight in weights]
    by_remainder = sorted(
        range(len(weights)), key=lambda place: (shares[place] - weights[place] * scale, place)
    )
    for place in by_remainder[: total - sum(shares)]:
        shares[place] += 1
    return shares


_HOURS: Final = (3, 1, 1, 1, 1, 1, 2, 4, 6, 6, 7, 8, 10, 8, 6, 6, 6, 6, 7, 9, 12, 14, 13, 8)
"""Relative traffic by hour, 0 to 23."""
