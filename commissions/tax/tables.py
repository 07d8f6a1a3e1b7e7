"""Tax tables 税率表: dated rows with their sources. The statutory ones are written down the first
time one is needed; a later one is published when the law changes, by date, without a deployment."""

from dataclasses import asdict
from datetime import date, datetime

from django.db import transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import Invalid, NotAllowed
from commissions.models import TaxTable
from commissions.withholding import STATUTORY, Bracket, Table, problem_of

PUBLISH = "commissions.publish_payoutrule"


class TableNotPossible(Invalid):
    """The brackets do not rise, jump, or lack their end; or another table begins that day."""

    code = "tax_table_not_possible"
    title = "This tax table is not possible"


def table_at(method: str, day: date) -> TaxTable:
    """The table of a method that holds on a day: the latest that has begun.

    A day before the first table is computed by the first one.
    """
    rows = TaxTable.objects.filter(method=method)
    row = rows.filter(effective_from__lte=day).order_by("-effective_from").first()
    if row is None:
        _write_statutory()
        row = rows.filter(effective_from__lte=day).order_by("-effective_from").first()
    found = row or rows.order_by("effective_from").first()
    assert found is not None, f"no table of {method}"
    return found


def _write_statutory() -> None:
    """Those that are there already are left alone."""
    TaxTable.objects.bulk_create([_row(table) for table in STATUTORY], ignore_conflicts=True)


def _row(table: Table) -> TaxTable:
    fields = asdict(table)
    fields["brackets"] = list(fields["brackets"])
    return TaxTable(**fields)


def as_table(row: TaxTable) -> Table:
    """A row as what the arithmetic takes."""
    return Table(
        method=row.method,
        effective_from=row.effective_from,
        source=row.source,
        brackets=tuple(Bracket(**bracket) for bracket in row.brackets),
        expense_bps=row.expense_bps,
        small_fen=row.small_fen,
        small_deduction_fen=row.small_deduction_fen,
        monthly_fen=row.monthly_fen,
    )


def publish_table(*, table: Table, by: Account, at: datetime) -> TaxTable:
    """A later table of a method, from a day that has not come on.

    :raises NotAllowed: `by` lacks commissions.publish_payoutrule.
    :raises TableNotPossible: brackets that are none, no source, a day that has come or is taken.
    """
    if not by.has_perm(PUBLISH):
        raise NotAllowed(f"This needs {PUBLISH}.")
    why = problem_of(table.brackets) or ("" if table.source.strip() else "name the source")
    if table.effective_from <= at.date():
        why = why or "it must begin on a later day: what was withheld keeps its table"
    if why:
        raise TableNotPossible(why)
    with transaction.atomic():
        _write_statutory()
        row, fresh = TaxTable.objects.get_or_create(
            method=table.method,
            effective_from=table.effective_from,
            defaults={name: getattr(_row(table), name) for name in _DEFAULTS},
        )
        if not fresh:
            raise TableNotPossible("another table begins that day")
        audit.note(
            actor=by,
            action="tax_table.publish",
            target=row,
            at=at,
            reason=row.source,
            method=row.method,
            effective_from=str(row.effective_from),
        )
    return row


_DEFAULTS = (
    "source", "small_fen", "small_deduction_fen", "expense_bps", "monthly_fen", "brackets",
)  # fmt: skip
