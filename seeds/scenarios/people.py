"""Accounts, who follows whom, addresses and the staff's groups."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from backend.accounts import second_factor
from backend.accounts.models import Account, Address
from commissions.roles import set_up_roles
from seeds.scenarios.personas import PASSWORD, PERSONAS, STAFF, Persona, secret_of
from seeds.scenarios.stage import Stage, between, copy_rows
from seeds.texts import distributions, people

# Nobody can have 1,180 followers in a town of 400: the others only read.
LEAST_ACCOUNTS = 1_240
ACTIVE = 400
SCALE = 0.68
NOBODYS_PASSWORD = "!seeded"  # noqa: S105 - "!" marks a password that opens nothing
GENDER = {"female": "f", "male": "m", "undisclosed": ""}


@dataclass(slots=True)
class People:
    """Everybody: `active` buy, write and sell, most followed first and the personas among them;
    `all` has the readers too."""

    personas: dict[str, Account] = field(default_factory=dict)
    active: list[Account] = field(default_factory=list)
    all: list[Account] = field(default_factory=list)
    addresses: dict[int, int] = field(default_factory=dict)

    def named(self, handle: str) -> Account:
        """A persona's account."""
        return self.personas[handle]

    @property
    def crowd(self) -> list[Account]:
        """The active people without the personas and the staff."""
        named = {account.pk for account in self.personas.values()}
        return [account for account in self.active if account.pk not in named]


def settle(stage: Stage) -> People:
    """Writes the accounts; personas sign in with PASSWORD, nobody else can."""
    rng = stage.rng("people")
    active = stage.many(ACTIVE, least=60)
    total = max(LEAST_ACCOUNTS, active)
    born = stage.ago(days=400)
    password = make_password(PASSWORD)
    named = [_persona(rng, persona, password, stage) for persona in PERSONAS]
    others = [_somebody(rng, index, stage) for index in range(total - len(named))]
    made = Account.objects.bulk_create(named + others)
    _join_dates(rng, made, born, stage.ago(days=70))
    town = People(
        personas={account.handle: account for account in made[: len(named)]},
        active=made[:active],
        all=made,
    )
    town.addresses = _addresses(rng, town.active)
    _staff(town)
    return town


def _persona(rng: random.Random, persona: Persona, password: str, stage: Stage) -> Account:
    staff = persona.handle in STAFF
    return Account(
        handle=persona.handle,
        display_name=persona.name,
        bio=persona.bio,
        city_code=persona.city_code,
        birth_year=people.birth_year(rng, stage.at.year),
        gender="" if staff else "f",
        password=password,
        phone=people.phone(rng),
        verification="brand" if persona.handle == "brand" else "none",
        real_name_verified_at=stage.ago(days=90),
        is_staff=staff,
        is_superuser=persona.handle == "admin",
    )


def _somebody(rng: random.Random, index: int, stage: Stage) -> Account:
    where = people.city(rng)
    sex = people.gender(rng)
    return Account(
        handle=people.handle(index),
        display_name=people.display_name(rng, sex),
        bio=people.bio(rng, where),
        city_code=where.code,
        birth_year=people.birth_year(rng, stage.at.year),
        gender=GENDER[sex],
        password=NOBODYS_PASSWORD,
        phone=people.phone(rng),
        real_name_verified_at=stage.ago(days=80) if rng.random() < 0.6 else None,
    )


def _join_dates(
    rng: random.Random, accounts: Sequence[Account], low: datetime, high: datetime
) -> None:
    """`joined_at` is set by the database row's making, so it is put right afterwards."""
    for account in accounts:
        account.joined_at = between(rng, low, high)
    Account.objects.bulk_update(accounts, ["joined_at"], batch_size=2_000)


def _addresses(rng: random.Random, accounts: Sequence[Account]) -> dict[int, int]:
    cities = {city.code: city for city in people.cities()}
    made = []
    for account in accounts:
        to = people.delivery(rng, cities[account.city_code], "female")
        made.append(
            Address(
                account=account,
                receiver=to.receiver,
                phone=to.phone,
                region_code=to.district_code,
                detail=f"{to.region} {to.detail}"[:200],
                is_default=True,
            )
        )
    return {row.account_id: row.pk for row in Address.objects.bulk_create(made)}


def _staff(town: People) -> None:
    """Two groups that together, and never alone, can send money (K6); everybody of the staff has
    a second factor whose codes `manage.py staff_code` tells."""
    set_up_roles()
    for handle in STAFF:
        second_factor.give_known(account=town.named(handle), secret=secret_of(handle))
    for handle, group in (("finance_a", "payout_maker"), ("finance_b", "payout_approver")):
        town.named(handle).groups.add(Group.objects.get(name=group))


def follow(stage: Stage, town: People) -> int:
    """Who follows whom: a Zipf curve over the active, exact numbers for the personas."""
    rng = stage.rng("follows")
    wanted = _follower_counts(town)
    rows = []
    places = range(len(town.all) - 1)
    low, high = stage.ago(days=300), stage.ago(days=65)
    for place, account in enumerate(town.active):
        for pick in rng.sample(places, wanted[place]):
            follower = town.all[pick if pick < place else pick + 1]
            rows.append((follower.pk, account.pk, between(rng, low, high)))
    rows += _reading(rng, town, rows, low, high)
    rows.sort(key=lambda row: row[2])
    return copy_rows("notes_follow", ("follower_id", "followee_id", "at"), rows)


def _follower_counts(town: People) -> list[int]:
    """Followers of each active account; the personas stand first in `active`."""
    exact = {persona.handle: persona.followers for persona in PERSONAS}
    crowd = len(town.active) - len(exact)
    curve = [int(count * SCALE) for count in distributions.follower_counts()[:crowd]]
    silent = crowd * 15 // 100
    curve[crowd - silent :] = [0] * silent
    named = [exact[account.handle] for account in town.active[: len(exact)]]
    return [0 if count is None else count for count in named] + curve


def _reading(
    rng: random.Random, town: People, rows: list[tuple[int, int, datetime]],
    low: datetime, high: datetime,
) -> list[tuple[int, int, datetime]]:  # fmt: skip
    """Every persona follows a dozen of the most followed, so that nobody's feed is empty."""
    known = {(follower, followee) for follower, followee, _ in rows}
    stars = town.crowd[:40]
    added = []
    for persona in town.personas.values():
        for star in rng.sample(stars, 12):
            if (persona.pk, star.pk) not in known:
                added.append((persona.pk, star.pk, between(rng, low, high)))
    return added
