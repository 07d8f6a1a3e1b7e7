"""What is withheld from a payout: computed when it is asked for, under the lock of the person's
balance, and written down once."""

from dataclasses import dataclass
from datetime import datetime

from backend.accounts.models import Account
from backend.core.clock import business_day, day_edges
from backend.core.errors import Refusal
from backend.core.sql import rows, run
from commissions.models import Payout, PayoutRule, TaxIdentity, TaxTable, TaxWithholding
from commissions.tax.identities import fingerprints_of, identity_of
from commissions.tax.tables import as_table, table_at
from commissions.withholding import Withheld, withheld

Method = PayoutRule.TaxMethod


class TaxIdentityMissing(Refusal):
    """Tax is withheld here, and nobody has said whose tax it is."""

    code = "tax_identity_missing"
    status = 409
    title = "Say who you are to the tax office first"


@dataclass(frozen=True, slots=True)
class Tax:
    """What is to be withheld, and what it was computed from."""

    identity: TaxIdentity | None
    table: TaxTable
    income_fen: int
    earlier_income_fen: int
    earlier_tax_fen: int
    months: int
    said: Withheld


# The year is the person's (累计预扣法: of one taxpayer), on whatever account they were paid: an
# identity may move to another one. A payout counts in the year in which it was paid, and one that
# is on its way in the present one. Other methods' payments are taxed already.
_YEAR = """
SELECT w.income_fen, w.tax_fen, coalesce(p.finished_at, p.requested_at) AS at
FROM commissions_taxwithholding w
JOIN commissions_taxtable t ON t.id = w.table_id AND t.method = %s
JOIN commissions_payout p ON p.id = w.payout_id
WHERE w.identity_id IN (SELECT i.id FROM commissions_taxidentity i
                        WHERE i.fingerprint = ANY(%s::varchar[]))
  AND ((p.status = 'paid' AND p.finished_at >= %s::timestamptz)
       OR p.status IN ('requested', 'prepared', 'checked', 'approved', 'sending', 'unknown'))
"""


def look(
    *, account: Account, amount_fen: int, method: str, at: datetime, keep: bool = False
) -> Tax | None:
    """What would be withheld from a payout of `amount_fen` now; None where the market withholds
    nothing. To be kept, it is looked up under the lock of the person's balance, and `keep` has
    everybody who would add to the same person's year wait until the transaction ends.
    """
    if method == Method.NONE:
        return None
    identity = identity_of(account)
    day = business_day(at)
    table = table_at(method, day)
    income, tax, months = 0, 0, 0
    if method == Method.CUMULATIVE:
        income, tax, months = _year(_fingerprints(identity, keep), method, at)
    said = withheld(
        as_table(table),
        income_fen=amount_fen,
        earlier_income_fen=income,
        earlier_tax_fen=tax,
        months=months,
    )
    return Tax(identity, table, amount_fen, income, tax, months, said)


def _fingerprints(identity: TaxIdentity | None, keep: bool) -> list[str]:
    """Under what the person's identities are found, locked where the sum is to be kept. Several
    while keys are renewed, and then in one order: two who know other keys share one of them."""
    if identity is None:
        return []
    prints = fingerprints_of(identity)
    for number in sorted(int(found[:15], 16) for found in prints if keep):
        run("SELECT pg_advisory_xact_lock(%s::bigint)", [number])
    return prints


def _year(prints: list[str], method: str, at: datetime) -> tuple[int, int, int]:
    """Income and tax of the year before this payment, and its months with payments, this month
    included."""
    today = business_day(at)
    start, _ = day_edges(today.replace(month=1, day=1))
    found = rows(_YEAR, [method, prints, start])
    months = {today.month}
    for row in found:
        day = business_day(row["at"])
        months.add(day.month if day.year == today.year else today.month)
    return (
        sum(row["income_fen"] for row in found),
        sum(row["tax_fen"] for row in found),
        len(months),
    )


def taxpayer_of(tax: Tax) -> TaxIdentity:
    """Whose tax it is.

    :raises TaxIdentityMissing: nobody has said.
    """
    if tax.identity is None:
        raise TaxIdentityMissing()
    return tax.identity


def fix(*, payout: Payout, tax: Tax, at: datetime) -> TaxWithholding:
    """Writes down what is withheld from this payout, in the transaction that makes it."""
    return TaxWithholding.objects.create(
        payout=payout,
        account_id=payout.account_id,
        identity=taxpayer_of(tax),
        table=tax.table,
        income_fen=tax.income_fen,
        earlier_income_fen=tax.earlier_income_fen,
        earlier_tax_fen=tax.earlier_tax_fen,
        months=tax.months,
        taxable_fen=tax.said.taxable_fen,
        rate_bps=tax.said.rate_bps,
        quick_fen=tax.said.quick_fen,
        tax_fen=payout.tax_fen,
        at=at,
    )
