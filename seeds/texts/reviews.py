"""What buyers and shops write after a sale: reviews, questions, reasons."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from seeds.texts.bank import columns, fill, read, some
from seeds.texts.distributions import REVIEW_SCORES, pick
from seeds.texts.goods import Leaf

RefundKind = Literal["before_shipping", "return_goods", "partial"]

LOGISTICS_SHARE: Final = 0.70
"""The share of low reviews (1 or 2) that are about delivery, not about the goods."""

LOW_SCORE: Final = 2
PLAIN_SCORE: Final = 3


@dataclass(frozen=True, slots=True)
class ReviewText:
    """A review's words and tags; ``about_logistics`` says what a low one complains about."""

    score: int
    text: str
    tags: tuple[str, ...]
    about_logistics: bool


@dataclass(frozen=True, slots=True)
class QuestionText:
    """A question about a product and answers that fit it, best first."""

    text: str
    answers: tuple[str, ...]


def score(rng: random.Random) -> int:
    """A review score: 5 in 62 %, 4 in 22 %, 3 in 9 %, 2 in 3 %, 1 in 4 % of the cases."""
    return pick(rng, REVIEW_SCORES)


def review(rng: random.Random, stars: int, leaf: Leaf, noun: str) -> ReviewText:
    """A review of ``stars`` (1 to 5) for a product of ``leaf`` called ``noun``."""
    tone = _tone(leaf)
    if stars > PLAIN_SCORE:
        return _happy(rng, stars, tone, noun)
    if stars == PLAIN_SCORE:
        return _lukewarm(rng, tone, noun)
    return _unhappy(rng, stars, tone, noun)


def follow_up(rng: random.Random, stars: int) -> str:
    """A later addition by the same buyer, in the mood of the score."""
    return _word(rng, "follow_ups_bad" if stars <= LOW_SCORE else "follow_ups_good")


def shop_reply(rng: random.Random, stars: int) -> str:
    """The shop's public answer to a review: thanks, or an apology up to three stars."""
    return _word(rng, "replies_bad" if stars <= PLAIN_SCORE else "replies_good")


def question(rng: random.Random, leaf: Leaf, noun: str) -> QuestionText:
    """A question before buying; one in five is about delivery, price or returns."""
    bank = _bank()["questions"]
    rows = bank["any"] if rng.random() < 0.2 else bank[_tone(leaf)]
    text, *answers = columns(fill(rng.choice(rows), {"item": noun}))
    return QuestionText(text=text, answers=tuple(answers))


def refund_reason(rng: random.Random, kind: RefundKind) -> str:
    """Why a buyer wants money back, in the words of the stage the order is at."""
    return _reason(rng, kind)


def refund_rejection(rng: random.Random) -> str:
    """Why a shop refuses a return."""
    return _reason(rng, "rejected")


def stock_reason(rng: random.Random, delta: int) -> str:
    """Why a shop changed its stock by hand by ``delta`` units (not 0)."""
    return _reason(rng, "stock_up" if delta > 0 else "stock_down")


def _happy(rng: random.Random, stars: int, tone: str, noun: str) -> ReviewText:
    bank = _bank()
    says: list[str] = some(rng, bank["good"][tone], 1, 3)
    if rng.random() < 0.4:
        says.append(_word(rng, "logistics_good"))
    if stars == PLAIN_SCORE + 1:
        says.append(f"少一星：{rng.choice(bank['plain'][tone])}")
    else:
        says.append(_word(rng, "good_ends"))
    return _made(rng, stars, says, noun, bank["tags"]["good"])


def _lukewarm(rng: random.Random, tone: str, noun: str) -> ReviewText:
    bank = _bank()
    says = [rng.choice(bank["plain"][tone])]
    if rng.random() < 0.5:
        says.append(rng.choice(bank["bad"][tone]))
    else:
        says.append(_word(rng, "logistics_good"))
    return _made(rng, PLAIN_SCORE, says, noun, bank["tags"]["plain"])


def _unhappy(rng: random.Random, stars: int, tone: str, noun: str) -> ReviewText:
    bank = _bank()
    if rng.random() < LOGISTICS_SHARE:
        says = [_word(rng, "logistics_bad"), _word(rng, "logistics_bad_more")]
        return _made(rng, stars, says, noun, bank["tags"]["logistics"], about_logistics=True)
    says = [rng.choice(bank["bad"][tone]), _word(rng, "bad_ends")]
    return _made(rng, stars, says, noun, bank["tags"]["bad"])


def _made(
    rng: random.Random,
    stars: int,
    says: Sequence[str],
    noun: str,
    tags: Sequence[str],
    *,
    about_logistics: bool = False,
) -> ReviewText:
    return ReviewText(
        score=stars,
        text=fill("".join(says), {"item": noun}),
        tags=tuple(some(rng, tags, 1, 2)),
        about_logistics=about_logistics,
    )


def _tone(leaf: Leaf) -> str:
    """Shoes do not have a waist: some leaves speak otherwise than their root."""
    tone: str = _bank()["tones"].get(leaf.code, leaf.root)
    return tone


def _bank() -> Mapping[str, Any]:
    return read("reviews")


def _word(rng: random.Random, name: str) -> str:
    rows: list[str] = _bank()["words"][name]
    return rng.choice(rows)


def _reason(rng: random.Random, name: str) -> str:
    rows: list[str] = _bank()["reasons"][name]
    return rng.choice(rows)
