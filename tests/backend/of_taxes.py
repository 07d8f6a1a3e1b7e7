"""What staff do about taxes, as acts that need a fresh code: who, where, with what, and whether it
was done."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from django.urls import reverse

from backend.accounts.models import Account
from commissions import payouts, remittances, tax
from commissions.models.tax import TaxFiling, TaxIdentity, TaxRemittance, TaxTable
from commissions.withholding import STATUTORY
from tests.commissions.money_out import AT, earner, officer
from tests.commissions.ruled import rule, taxpayer
from tests.desk import acts

Act = tuple[Account, str, dict[str, Any], Callable[[], bool]]


def page_of(model: str, verb: str, *row: int) -> str:
    """The address of an act."""
    return reverse(f"admin:{model}_{verb}", args=row)


def _taxed() -> None:
    account, at = earner(1_000_000), datetime(2026, 10, 5, tzinfo=UTC)
    taxpayer(account)
    rule(at, tax_method="labour")
    payout = payouts.request(account=account, amount_fen=500_000, at=at)
    payouts.prepare(number=payout.number, by=officer("prepare_payout"), at=at)
    payouts.approve(number=payout.number, by=officer("approve_payout"), at=at)
    payouts.send_payouts(at=at)


def export(kind: str) -> Act:
    _taxed()
    return (
        officer("file_tax", "view_taxfiling"),
        page_of("commissions_taxfiling", "export"),
        {"month": "2026-10", "kind": kind},
        lambda: "tax.export" in acts(),
    )


def file() -> Act:
    _taxed()
    return (
        officer("file_tax", "view_taxfiling"),
        page_of("commissions_taxfiling", "file_month"),
        {"month": "2026-10", "receipt": "R-1"},
        TaxFiling.objects.exists,
    )


REMITTED = {"month": "2026-10", "channel": "counter", "paid_on": "2026-11-10", "receipt": "R-2"}


def remit() -> Act:
    _taxed()
    by = officer("record_remittance", "view_taxremittance")
    path = page_of("commissions_taxremittance", "record_one")
    return by, path, REMITTED, TaxRemittance.objects.exists


def approve_remittance() -> Act:
    _taxed()
    row = remittances.record(
        month=date(2026, 10, 1), channel="counter", paid_on=date(2026, 11, 10), receipt="R-2",
        by=officer("record_remittance"), at=AT,
    )  # fmt: skip
    return (
        officer("approve_remittance", "view_taxremittance"),
        page_of("commissions_taxremittance", "approve_one", row.pk),
        {},
        lambda: TaxRemittance.objects.get().status == "approved",
    )


def identity(verb: str) -> Act:
    taxpayer(earner())
    return (
        officer("unmask_taxidentity", "view_taxidentity"),
        page_of("commissions_taxidentity", verb, TaxIdentity.objects.get().pk),
        {"reason": "the office asks"},
        lambda: f"tax_identity.{verb}" in acts(),
    )


TABLE = {
    "method": "labour", "effective_from": "2999-01-01", "source": "an announcement",
    "expenses": "20", "brackets": "20000 20 0\n- 30 2000",
}  # fmt: skip


def publish_table() -> Act:
    by = officer("publish_payoutrule", "view_taxtable")
    tables = TaxTable.objects.filter(effective_from="2999-01-01")
    return by, page_of("commissions_taxtable", "publish"), TABLE, tables.exists


def withdraw_table() -> Act:
    by = officer("publish_payoutrule", "view_taxtable")
    later = replace(STATUTORY[0], effective_from=date(2999, 1, 1))
    row = tax.publish_table(table=later, by=by, at=AT)
    rows = TaxTable.objects.filter(pk=row.pk)
    path = page_of("commissions_taxtable", "withdraw", row.pk)
    return by, path, {"reason": "a wrong day"}, lambda: not rows.exists()
