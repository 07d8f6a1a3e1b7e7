"""The yearly certificate 完税凭证明细 of a payee: what was paid and withheld, month by month."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings

from backend.accounts.models import Account
from backend.core import sealing
from backend.core.clock import business_day, day_edges
from backend.core.errors import NotFound
from backend.core.sql import rows
from commissions.models import TaxIdentity

# Bounded: a year has twelve months and two methods.
_MONTHS = """
SELECT date_trunc('month', p.finished_at AT TIME ZONE %(zone)s)::date AS month, t.method,
       count(*) AS payments, sum(w.income_fen)::bigint AS income_fen,
       sum(w.tax_fen)::bigint AS tax_fen, max(w.identity_id) AS identity_id,
       array_agg(DISTINCT t.source) AS sources
FROM commissions_taxwithholding w JOIN commissions_payout p ON p.id = w.payout_id
JOIN commissions_taxtable t ON t.id = w.table_id
WHERE w.account_id = %(account)s AND p.status = 'paid'
  AND p.finished_at >= %(start)s::timestamptz AND p.finished_at < %(end)s::timestamptz
GROUP BY 1, 2 ORDER BY 1, 2
"""
_YEARS = """
SELECT DISTINCT extract(year FROM p.finished_at AT TIME ZONE %s)::int AS year
FROM commissions_taxwithholding w JOIN commissions_payout p ON p.id = w.payout_id
WHERE w.account_id = %s AND p.status = 'paid' ORDER BY 1 DESC
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A payee's year. `final` once the year is over: the same bytes for ever. `digest` is the
    SHA-256 of everything else as sorted JSON."""

    number: str
    year: int
    final: bool
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


def certificate(*, account: Account, year: int, at: datetime) -> Certificate:
    """What the account was paid and what was withheld in a calendar year of the business zone.

    :raises NotFound: nothing was.
    """
    if not 2000 <= year <= 2999:
        raise NotFound()
    start, _ = day_edges(date(year, 1, 1))
    end, _ = day_edges(date(year + 1, 1, 1))
    values = {"zone": settings.BUSINESS_ZONE, "account": account.pk, "start": start, "end": end}
    found = rows(_MONTHS, values)
    if not found:
        raise NotFound()
    identity = TaxIdentity.objects.get(pk=found[-1]["identity_id"])
    name = sealing.unseal(identity.real_name_sealed)
    said: dict[str, Any] = {
        "number": f"T{year}-{account.pk}",
        "year": year,
        "final": business_day(at).year > year,
        "payee_name_masked": name[:1] + "*" * max(1, len(name) - 1),
        "payee_number_masked": identity.number_masked,
        "income_fen": sum(row["income_fen"] for row in found),
        "tax_fen": sum(row["tax_fen"] for row in found),
        "payments": sum(row["payments"] for row in found),
        "months": [
            {
                "month": f"{row['month']:%Y-%m}",
                "method": row["method"],
                "payments": row["payments"],
                "income_fen": row["income_fen"],
                "tax_fen": row["tax_fen"],
            }
            for row in found
        ],
        "sources": sorted({source for row in found for source in row["sources"]}),
    }
    plain = json.dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Certificate(**said, digest=hashlib.sha256(plain.encode()).hexdigest())
