"""The monthly filing 扣缴申报: what was withheld from the payments of a month, for the tax office.

The file holds names and identity numbers in clear: it is written anew at each download, lies
nowhere, and each download is an audit row.
"""

import csv
import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Sum

from backend.accounts.models import Account
from backend.core import audit, sealing
from backend.core.clock import business_day, day_edges
from backend.core.errors import Invalid, NotAllowed, NotFound, Refusal
from backend.core.sql import rows
from commissions.models import TaxFiling, TaxRemittance, TaxWithholding
from commissions.providers.bank_file import plain_yuan, safe

FILE = "commissions.file_tax"
PIECE = 64 * 1024
HEADER = (
    "payout", "name", "id_type", "id_number", "paid_on", "method", "income_yuan",
    "earlier_income_yuan", "earlier_tax_yuan", "months", "taxable_yuan", "rate_percent",
    "quick_deduction_yuan", "tax_yuan",
)  # fmt: skip


class AlreadyFiled(Refusal):
    """The month is declared; a filing is never edited."""

    code = "tax_month_filed"
    status = 409
    title = "This month is filed"


class MonthNotOver(Refusal):
    """The month goes on, or nothing was paid in it."""

    code = "tax_month_not_over"
    status = 409
    title = "There is nothing to file of this month yet"


class ReceiptMissing(Invalid):
    """The tax office's own number is what makes a filing one."""

    code = "tax_receipt_missing"
    title = "Name the tax office's receipt"


@dataclass(frozen=True, slots=True)
class Month:
    """A month's sums in fen: what its payouts had withheld, what the ledger says of them, what of
    it was remitted and what waits for a checker; `filed` its receipt, or nothing."""

    month: date
    payments: int
    income_fen: int
    tax_fen: int
    ledger_fen: int
    filed: str = ""
    remitted_fen: int = 0
    waiting_fen: int = 0

    @property
    def owed_fen(self) -> int:
        """What the ledger holds of the month and the tax office has not got."""
        return self.ledger_fen - self.remitted_fen

    @property
    def due_on(self) -> date:
        """The last day to pay: the 15th of the next month (个人所得税法 第十四条). Where it falls
        on a public holiday the law moves it on (税收征收管理法实施细则 第一百零九条), which is not
        known here."""
        return _next(self.month).replace(day=15)


def edges(month: date) -> tuple[datetime, datetime]:
    """The half-open month of the business zone, in UTC."""
    first = month.replace(day=1)
    return day_edges(first)[0], day_edges(_next(first))[0]


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


# The last two years; older ones are filed, or nobody will file them any more.
_MONTHS = """
SELECT date_trunc('month', p.finished_at AT TIME ZONE %(zone)s)::date AS month,
       count(*) AS payments, sum(w.income_fen)::bigint AS income_fen,
       sum(w.tax_fen)::bigint AS tax_fen, coalesce(sum(e.amount_fen), 0)::bigint AS ledger_fen
FROM commissions_taxwithholding w JOIN commissions_payout p ON p.id = w.payout_id
LEFT JOIN commissions_entry e ON e.journal_id = (7::bigint << 56) | p.id AND e.account_id = (
    SELECT id FROM commissions_ledgeraccount
    WHERE (owner_kind, owner_id, kind) = ('platform', 0, 'tax'))
WHERE p.status = 'paid' AND p.finished_at >= %(start)s::timestamptz
  AND p.finished_at < %(end)s::timestamptz
GROUP BY 1 ORDER BY 1 DESC
"""


def months(*, at: datetime) -> list[Month]:
    """The months of the last two years in which tax was withheld, the newest first."""
    this = _month_of(at)
    values = {
        "zone": settings.BUSINESS_ZONE,
        "start": edges(this.replace(year=this.year - 2))[0],
        "end": edges(this)[1],
    }
    return _told(rows(_MONTHS, values))


def month_of(month: date) -> Month | None:
    """A month's sums, of whatever year; None where nothing was paid in it."""
    start, end = edges(month)
    values = {"zone": settings.BUSINESS_ZONE, "start": start, "end": end}
    return next(iter(_told(rows(_MONTHS, values))), None)


def _told(found: list[dict[str, Any]]) -> list[Month]:
    """The months with their receipts and remittances; two queries."""
    those = [row["month"] for row in found]
    filed = dict(TaxFiling.objects.filter(month__in=those).values_list("month", "receipt"))
    told = TaxRemittance.objects.filter(month__in=those).exclude(status="rejected")
    remitted: dict[tuple[date, str], int] = {
        (month, status): fen
        for month, status, fen in told.values_list("month", "status").annotate(
            fen=Sum("amount_fen")
        )
    }
    return [
        Month(
            **row,
            filed=filed.get(row["month"], ""),
            remitted_fen=remitted.get((row["month"], "approved"), 0),
            waiting_fen=remitted.get((row["month"], "recorded"), 0),
        )
        for row in found
    ]


def months_to_file(*, at: datetime) -> list[Month]:
    """Months that are over and not filed."""
    return [month for month in months_over(at=at) if not month.filed]


def months_over(*, at: datetime) -> list[Month]:
    """Months of the last two years that are over."""
    return [month for month in months(at=at) if month.month < _month_of(at)]


def _month_of(at: datetime) -> date:
    return business_day(at).replace(day=1)


def _may(by: Account) -> None:
    if not by.has_perm(FILE):
        raise NotAllowed(f"This needs {FILE}.")


def file_month(*, month: date, receipt: str, by: Account, at: datetime) -> TaxFiling:
    """Writes down that a month was declared, with its sums and the tax office's receipt.

    :raises NotAllowed: `by` lacks commissions.file_tax.
    :raises ReceiptMissing: no receipt.
    :raises MonthNotOver: the month is not over, or nothing was paid in it.
    :raises AlreadyFiled: it was declared before.
    """
    _may(by)
    if not receipt.strip():
        raise ReceiptMissing(fields={"receipt": ["Name it."]})
    first = month.replace(day=1)
    begins_at, ends_at = edges(first)
    with transaction.atomic():
        found = month_of(first)
        if ends_at > at or found is None:
            raise MonthNotOver()
        sums = {name: getattr(found, name) for name in ("payments", "income_fen", "tax_fen")}
        try:
            with transaction.atomic():
                filing = TaxFiling.objects.create(
                    month=first,
                    begins_at=begins_at,
                    ends_at=ends_at,
                    receipt=receipt.strip()[:80],
                    filed_by=by,
                    filed_at=at,
                    **sums,
                )
        except IntegrityError as error:
            raise AlreadyFiled() from error
        audit.note(actor=by, action="tax.file", target=filing, at=at, reason=filing.receipt, **sums)
    return filing


# ---------------------------------------------------------------- the file
def export(*, month: date, kind: str, by: Account, at: datetime) -> Iterator[bytes]:
    """The month's payments as a file for the tax office, `kind` csv or xlsx, piece by piece: a
    row a payment, a last row TOTAL. Names and numbers stand in clear.

    :raises NotAllowed: `by` lacks commissions.file_tax.
    :raises NotFound: no such kind of file.
    """
    _may(by)
    write: Callable[[Iterator[list[str]]], Iterator[bytes]] | None
    write = {"csv": _csv, "xlsx": _xlsx}.get(kind)
    if write is None:
        raise NotFound()
    first = month.replace(day=1)
    with transaction.atomic():
        audit.note(
            actor=by, action="tax.export", target=by, at=at, month=f"{first:%Y-%m}", kind=kind
        )
    return write(_lines(first))


def _lines(month: date) -> Iterator[list[str]]:
    start, end = edges(month)
    found = (
        TaxWithholding.objects.filter(
            payout__status="paid", payout__finished_at__gte=start, payout__finished_at__lt=end
        )
        .select_related("payout", "identity", "table")
        .order_by("id")
    )
    count = income = tax = 0
    yield list(HEADER)
    for row in found.iterator(chunk_size=500):
        count, income, tax = count + 1, income + row.income_fen, tax + row.tax_fen
        yield _line(row)
    totals = [""] * len(HEADER)
    totals[0], totals[1] = "TOTAL", str(count)
    totals[6], totals[-1] = plain_yuan(income), plain_yuan(tax)
    yield totals


def _line(row: TaxWithholding) -> list[str]:
    paid = row.payout.finished_at
    assert paid is not None, "paid payouts have their instant"
    return [
        row.payout.number,
        safe(sealing.unseal(row.identity.real_name_sealed)),
        "居民身份证",
        safe(sealing.unseal(row.identity.number_sealed)),
        f"{business_day(paid):%Y-%m-%d}",
        row.table.method,
        plain_yuan(row.income_fen),
        plain_yuan(row.earlier_income_fen),
        plain_yuan(row.earlier_tax_fen),
        str(row.months),
        plain_yuan(row.taxable_fen),
        plain_yuan(row.rate_bps),
        plain_yuan(row.quick_fen),
        plain_yuan(row.tax_fen),
    ]


def _csv(lines: Iterator[list[str]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    yield b"\xef\xbb\xbf"
    for line in lines:
        writer.writerow(line)
        if buffer.tell() > PIECE:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    said = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return said


def _xlsx(lines: Iterator[list[str]]) -> Iterator[bytes]:
    """Every cell a string, row by row through a file of the machine's own: not in memory."""
    import xlsxwriter  # 40 ms of every start, for a file now and then

    options: dict[str, Any] = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
    }  # fmt: skip
    with tempfile.TemporaryFile() as file:
        with xlsxwriter.Workbook(file, options) as book:
            sheet = book.add_worksheet("tax")
            sheet.set_column(0, len(HEADER), 20)
            for index, line in enumerate(lines):
                for column, cell in enumerate(line):
                    sheet.write_string(index, column, cell)
        file.seek(0)
        yield from iter(partial(file.read, PIECE), b"")
