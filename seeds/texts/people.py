"""Who lives in the demo market: names, bios, cities, ages and delivery addresses."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import gcd
from typing import Final, Literal

from seeds.texts.bank import fill, read
from seeds.texts.distributions import pick

Gender = Literal["female", "male", "undisclosed"]

NAME_LENGTH: Final = 20
BIO_LENGTH: Final = 100

GENDERS: Final[Mapping[Gender, float]] = {"female": 75, "male": 22, "undisclosed": 3}
"""Per cent of accounts by gender."""

AGE_BANDS: Final[Mapping[tuple[int, int], float]] = {
    (16, 19): 13,
    (20, 25): 28,
    (26, 31): 26,
    (32, 40): 16,
    (41, 50): 11,
    (51, 62): 6,
}
"""Per cent of accounts by age in years, both ends included; 20 to 40 hold 70 %."""


@dataclass(frozen=True, slots=True)
class City:
    """A city with its GB/T 2260 code, its share of the accounts, districts and places to be."""

    code: str
    name: str
    full: str
    province: str
    province_name: str
    weight: int
    districts: tuple[tuple[str, str], ...]
    spots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a parcel goes: region codes are GB/T 2260, the street is on no map."""

    receiver: str
    phone: str
    province_code: str
    city_code: str
    district_code: str
    region: str
    detail: str
    note: str


@cache
def cities() -> tuple[City, ...]:
    """The 20 cities, heaviest first: Shanghai, Beijing, Guangzhou, Shenzhen, Hangzhou, Chengdu."""
    rows = [dict(row) for row in read("people")["city"]]
    for row in rows:
        row["districts"] = tuple(tuple(text.split(" ", 1)) for text in row["districts"])
        row["spots"] = tuple(row["spots"])
    return tuple(City(**row) for row in rows)


@cache
def _city_weights() -> dict[City, float]:
    return {place: place.weight for place in cities()}


def city(rng: random.Random) -> City:
    """A city, as often as its weight says."""
    return pick(rng, _city_weights())


def place(rng: random.Random, where: City) -> str:
    """A place tag of a note, e.g. 上海·苏州河边."""
    return f"{where.name}·{rng.choice(where.spots)}"


def gender(rng: random.Random) -> Gender:
    """75 % women, 22 % men, 3 % who do not say."""
    return pick(rng, GENDERS)


def birth_year(rng: random.Random, this_year: int) -> int:
    """A year of birth: 16 to 62 years old, 70 % between 20 and 40."""
    youngest, oldest = pick(rng, AGE_BANDS)
    return this_year - rng.randint(youngest, oldest)


def real_name(rng: random.Random, sex: Gender) -> str:
    """A natural Chinese name; common surnames come more often. Repeats are natural."""
    bank = read("people")
    surnames: str = bank["surnames"]
    weights = [1 / (rank + 4) for rank in range(len(surnames))]
    given = bank["men"] if sex == "male" else bank["women"]
    return f"{rng.choices(surnames, weights)[0]}{rng.choice(given)}"


def display_name(rng: random.Random, sex: Gender) -> str:
    """What an account is called: seven in ten a nickname, the others a plain name; <= 20 long."""
    if rng.random() < 0.3:
        return real_name(rng, sex)
    bank = read("people")
    templates = bank["nicknames"]
    if sex == "male":
        templates = bank["nicknames_of_men"] if rng.random() < 0.6 else templates
    slots = {
        "fruit": rng.choice(bank["fruits"]),
        "food": rng.choice(bank["foods"]),
        "creature": rng.choice(bank["creatures"]),
        "mood": rng.choice(bank["moods"]),
        "syllable": rng.choice(bank["syllables"]),
        "place": rng.choice(bank["places"]),
        "surname": rng.choice(bank["surnames"]),
    }
    return fill(rng.choice(templates), slots)[:NAME_LENGTH]


def handle(index: int) -> str:
    """The handle of account ``index`` (0, 1, 2 …): lower-case ascii, 3 to 24 long, never twice.

    No generator is taken: uniqueness comes from the index alone, so two scenarios that number
    their accounts apart can never collide.
    """
    bank = read("people")
    firsts, seconds = bank["handle_firsts"], bank["handle_seconds"]
    pairs = len(firsts) * len(seconds)
    step = next(number for number in range(211, 211 + pairs) if gcd(number, pairs) == 1)
    first, second = divmod(index * step % pairs, len(seconds))
    # The underscore keeps li+ye and liy+e apart; the round makes the rest different.
    turn = index // pairs
    return f"{firsts[first]}_{seconds[second]}{turn * 7 + 6 if turn else ''}"


def bio(rng: random.Random, where: City) -> str:
    """One line about oneself, at most 100 characters; one account in five leaves it empty."""
    if rng.random() < 0.2:
        return ""
    slots = {
        "city": where.name,
        "years": rng.choice("二三四五六七"),
        "height": str(rng.randint(152, 170)),
    }
    return fill(rng.choice(read("people")["bios"]), slots)[:BIO_LENGTH]


def phone(rng: random.Random) -> str:
    """Eleven digits in the form of a mobile number; the four zeros inside mark it as fiction."""
    return f"{rng.choice(('130', '139', '158', '176', '188', '199'))}0000{rng.randrange(10000):04d}"


def delivery(rng: random.Random, where: City, sex: Gender = "female") -> Delivery:
    """A receiver with a complete, well-formed, clearly fictional address in ``where``."""
    bank = read("people")
    district_code, district = rng.choice(where.districts)
    upper = "" if where.province_name == where.full else where.province_name
    street = f"{rng.choice(bank['streets'])} {rng.randint(1, 399)} 号"
    door = f"{rng.randint(1, 28)} 幢 {rng.randint(1, 18)}0{rng.randint(1, 4)} 室"
    return Delivery(
        receiver=real_name(rng, sex),
        phone=phone(rng),
        province_code=where.province,
        city_code=where.code,
        district_code=district_code,
        region=f"{upper}{where.full}{district}",
        detail=f"{street} {rng.choice(bank['estates'])} {door}",
        note=rng.choice(bank["delivery_notes"]),
    )
