"""Tax tables 税率表: dated rows with their sources. The statutory ones are written down the first
time one is needed; a later one is published when the law changes, by date, without a deployment.
One that was used never changes, by the database; one that has not begun may be withdrawn."""

from dataclasses import asdict
from datetime import date, datetime

from django.db import transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.clock import business_day
from backend.core.errors import Invalid, NotAllowed, NotFound, Refusal
from backend.core.money import BPS, MAX_FEN
from commissions.models import TaxTable, TaxWithholding
from commissions.withholding import STATUTORY, Bracket, Table, problem_of

PUBLISH = "commissions.publish_payoutrule"


class TableNotPossible(Invalid):
    """The brackets do not rise, jump, or lack their end; the day has come, or another table of the
    method begins on it."""

    code = "tax_table_not_possible"
    title = "This tax table is not possible"


class TableBegun(Refusal):
    """What was withheld by a table keeps it; only one whose day is to come may be withdrawn."""

    code = "tax_table_begun"
    status = 409
    title = "This tax table has begun"


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
    """A later table of a method, from a business day that has not come on.

    :raises NotAllowed: `by` lacks commissions.publish_payoutrule.
    :raises TableNotPossible: brackets or deductions that are none, no source, a day that has come,
        by which something was withheld already, or that is taken.
    """
    _may(by)
    if why := _problem(table, at):
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


def withdraw_table(*, table_id: int, reason: str, by: Account, at: datetime) -> None:
    """Takes back a table whose day is to come, so that another one may begin that day.

    :raises NotAllowed: `by` lacks commissions.publish_payoutrule.
    :raises Invalid: no reason given.
    :raises NotFound: no such table.
    :raises TableBegun: its day has come, or something was withheld by it.
    """
    _may(by)
    if not reason.strip():
        raise Invalid(fields={"reason": ["Say why."]})
    with transaction.atomic():
        row = _locked(table_id)
        used = TaxWithholding.objects.filter(table=row).exists()
        if used or row.effective_from <= business_day(at):
            raise TableBegun()
        audit.note(
            actor=by,
            action="tax_table.withdraw",
            target=row,
            at=at,
            reason=reason.strip()[:300],
            method=row.method,
            effective_from=str(row.effective_from),
        )
        row.delete()


def _locked(table_id: int) -> TaxTable:
    rows = TaxTable.objects.select_for_update(no_key=True, of=("self",))
    row = rows.filter(pk=table_id).first()
    if row is None:
        raise NotFound()
    return row


def _may(by: Account) -> None:
    if not by.has_perm(PUBLISH):
        raise NotAllowed(f"This needs {PUBLISH}.")


def _problem(table: Table, at: datetime) -> str:
    """Why a table cannot be published, or nothing."""
    amounts = (table.small_fen, table.small_deduction_fen, table.monthly_fen)
    if not all(0 <= fen <= MAX_FEN for fen in amounts) or not 0 <= table.expense_bps <= BPS:
        return "a deduction is not negative, and a share of expenses between 0 and 100 %"
    if not table.source.strip():
        return "name the source"
    used = TaxWithholding.objects.filter(table__method=table.method).order_by("-id").first()
    if table.effective_from <= max(business_day(at), business_day(used.at) if used else date.min):
        return "it must begin on a later day: what was withheld keeps its table"
    return problem_of(table.brackets)


_DEFAULTS = (
    "source", "small_fen", "small_deduction_fen", "expense_bps", "monthly_fen", "brackets",
)  # fmt: skip
