"""The yearly certificate 完税凭证明细 of a payee: what was paid and withheld, month by month."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.conf import settings

from backend.accounts.models import Account
from backend.core import sealing
from backend.core.clock import business_day, day_edges
from backend.core.errors import NotFound
from backend.core.sql import rows
from commissions.models import TaxIdentity

# Bounded: a year has twelve months and two methods, and an account one person, seldom more.
_MONTHS = """
SELECT date_trunc('month', p.finished_at AT TIME ZONE %(zone)s)::date AS month, t.method,
       count(*) AS payments, sum(w.income_fen)::bigint AS income_fen,
       sum(w.tax_fen)::bigint AS tax_fen, w.identity_id, array_agg(DISTINCT t.source) AS sources,
       min(p.finished_at) AS first_at, max(p.finished_at) AS last_at
FROM commissions_taxwithholding w JOIN commissions_payout p ON p.id = w.payout_id
JOIN commissions_taxtable t ON t.id = w.table_id
WHERE w.account_id = %(account)s AND p.status = 'paid'
  AND p.finished_at >= %(start)s::timestamptz AND p.finished_at < %(end)s::timestamptz
GROUP BY t.method, w.identity_id, 1
"""
_YEARS = """
SELECT DISTINCT extract(year FROM p.finished_at AT TIME ZONE %s)::int AS year
FROM commissions_taxwithholding w JOIN commissions_payout p ON p.id = w.payout_id
WHERE w.account_id = %s AND p.status = 'paid' ORDER BY 1 DESC
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A payee's year, of one person: an account whose identity was changed in the year has several
    (`taxpayers`), and this is number `taxpayer` of them. `final` once the year is over: the same
    bytes for ever. `digest` is the SHA-256 of everything else as sorted JSON."""

    number: str
    year: int
    final: bool
    taxpayer: int
    taxpayers: int
    payee_name_masked: str
    payee_number_masked: str
    income_fen: int
    tax_fen: int
    payments: int
    months: list[dict[str, Any]]
    sources: list[str]
    digest: str


def years_of(*, account: Account) -> list[int]:
    """The years in which tax was withheld from the account's payouts, the newest first."""
    return [row["year"] for row in rows(_YEARS, [settings.BUSINESS_ZONE, account.pk])]


def certificate(
    *, account: Account, year: int, at: datetime, taxpayer: int | None = None
) -> Certificate:
    """What the account was paid in one person's name, and what was withheld of it, in a calendar
    year of the business zone. The persons are numbered as they were first paid; without a number
    it is who was paid last.

    :raises NotFound: nothing was, or not so many persons.
    """
    if not 2000 <= year <= 2999:
        raise NotFound()
    start, _ = day_edges(date(year, 1, 1))
    end, _ = day_edges(date(year + 1, 1, 1))
    values = {"zone": settings.BUSINESS_ZONE, "account": account.pk, "start": start, "end": end}
    people = _people(rows(_MONTHS, values))
    if not 1 <= (taxpayer or 1) <= len(people):
        raise NotFound()
    last = max(range(len(people)), key=lambda place: people[place].last)
    place = last if taxpayer is None else taxpayer - 1
    found = people[place]
    name = sealing.unseal(found.identity.real_name_sealed)
    said: dict[str, Any] = {
        "number": f"T{year}-{account.pk}" + (f"-{place + 1}" if place else ""),
        "year": year,
        "final": business_day(at).year > year,
        "taxpayer": place + 1,
        "taxpayers": len(people),
        "payee_name_masked": name[:1] + "*" * max(1, len(name) - 1),
        "payee_number_masked": found.identity.number_masked,
        **{total: sum(month[total] for month in found.months.values()) for total in SUMS},
        "months": [found.months[key] for key in sorted(found.months)],
        "sources": sorted(found.sources),
    }
    plain = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Certificate(**said, digest=hashlib.sha256(plain.encode()).hexdigest())


SUMS = ("payments", "income_fen", "tax_fen")


@dataclass(slots=True)
class _Person:
    """One identity number's part of an account's year; `last` is when it was last paid under
    `identity`."""

    identity: TaxIdentity
    last: tuple[datetime, int]
    months: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)


def _people(found: list[dict[str, Any]]) -> list[_Person]:
    """The months by person, in the order in which they were first paid. A person is their number:
    a corrected name is another row of the same one, and a row's fingerprint is of its key."""
    identities = TaxIdentity.objects.in_bulk({row["identity_id"] for row in found})
    people: dict[str, _Person] = {}
    for row in sorted(found, key=lambda row: (row["first_at"], row["identity_id"])):
        identity = identities[row["identity_id"]]
        last = (row["last_at"], identity.pk)
        person = people.setdefault(sealing.unseal(identity.number_sealed), _Person(identity, last))
        if last > person.last:
            person.identity, person.last = identity, last
        month = person.months.setdefault(
            (f"{row['month']:%Y-%m}", row["method"]),
            {"month": f"{row['month']:%Y-%m}", "method": row["method"], **dict.fromkeys(SUMS, 0)},
        )
        for total in SUMS:
            month[total] += row[total]
        person.sources.update(row["sources"])
    return list(people.values())
