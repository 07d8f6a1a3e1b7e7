"""Tax at the desk: whose tax it is, what was withheld, what is filed."""

from datetime import date
from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from backend.accounts.models import Account
from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.deciding import Asking, Decision, Reasoned
from backend.core.staff import ReadOnly, StaffAdmin, fen
from commissions import tax
from commissions.admin.batches import CONTENT_TYPES
from commissions.models import TaxFiling, TaxIdentity, TaxRemittance, TaxWithholding

CLEAR = Question(
    title="Show in clear 查看明文",
    note="Name and identity number will be shown on this page once. The look is recorded.",
    form=Reasoned,
    needs_code=True,
)
RETIRE = Decision(
    title="Take out of use 停用",
    done="taken out of use: its owner may give it again",
    act=lambda row, by, why, at: tax.retire(identity_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
    needs_code=True,
)


class MonthForm(forms.Form):
    """A month as 2026-11."""

    month = forms.RegexField(
        r"^2[0-9]{3}-(0[1-9]|1[0-2])$",
        label="Month 月份 (2026-11)",
        widget=UnfoldAdminTextInputWidget,
    )

    def clean_month(self) -> date:
        """Its first day."""
        year, month = self.cleaned_data["month"].split("-")
        return date(int(year), int(month), 1)


class ExportForm(MonthForm):
    """A month and a kind of file."""

    kind = forms.ChoiceField(
        choices=[("csv", "CSV"), ("xlsx", "XLSX")], label="File", widget=UnfoldAdminSelectWidget
    )


class FilingForm(MonthForm):
    """A month and the tax office's receipt."""

    receipt = forms.CharField(
        max_length=80, label="Receipt 申报回执号", widget=UnfoldAdminTextInputWidget
    )


EXPORT = Question(
    title="Export a month 导出申报表",
    note="The file holds names and identity numbers in clear. The download is recorded.",
    form=ExportForm,
    needs_code=True,
)
FILE = Question(
    title="A month is filed 登记已申报",
    note="Writes down the month's sums and the tax office's receipt, once and for good.",
    form=FilingForm,
    needs_code=True,
)


@admin.register(TaxIdentity)
class TaxIdentityAdmin(ReadOnly, Asking):
    """Who payees are to the tax office, masked."""

    list_display = ["number_masked", "account", "is_active", "created_at"]
    list_filter = ["is_active"]
    list_select_related = ["account"]
    search_fields = ["account__handle", "account__display_name"]
    ordering = ["-id"]
    fields = ["account", "number_masked", "is_active", "created_at"]
    actions_detail = ["unmask", "retire"]

    def has_unmask_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who may see taxpayers in clear."""
        return bool(request.user.has_perm(tax.UNMASK))

    @action(description=CLEAR.title, permissions=["unmask"])
    def unmask(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shows name and number after a reason was given; the look is an audit row."""
        return ask(self, request, object_id, CLEAR, partial(_clear, request))

    @action(description=RETIRE.title, permissions=["unmask"])
    def retire(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Takes an identity that somebody else had used out of use."""
        return self.decide_one(request, object_id, RETIRE)


def _clear(request: HttpRequest, row: TaxIdentity, form: Any) -> list[tuple[str, str]]:
    clear = tax.unmask(
        identity_id=row.pk,
        by=cast(Account, request.user),
        reason=form.cleaned_data["reason"],
        at=now(),
    )
    return [("Name 姓名", clear.real_name), ("Number 身份证号", clear.number)]


@admin.register(TaxWithholding)
class TaxWithholdingAdmin(ReadOnly, StaffAdmin):
    """What was withheld from each payout, and the numbers it follows from."""

    list_display = ["payout", "account", "table", "income", "months", "taxable", "withheld", "at"]
    list_filter = ["table__method"]
    list_select_related = ["payout", "account", "table"]
    search_fields = ["=payout__number", "account__handle"]
    date_hierarchy = "at"
    ordering = ["-id"]

    @display(description="income 收入", ordering="income_fen")
    def income(self, row: TaxWithholding) -> str:
        """In yuan."""
        return fen(row.income_fen)

    @display(description="taxable 应纳税所得额")
    def taxable(self, row: TaxWithholding) -> str:
        """In yuan."""
        return fen(row.taxable_fen)

    @display(description="withheld 代扣", ordering="tax_fen")
    def withheld(self, row: TaxWithholding) -> str:
        """In yuan."""
        return fen(row.tax_fen)


@admin.register(TaxFiling)
class TaxFilingAdmin(ReadOnly, StaffAdmin):
    """Months that were declared; the files for the tax office."""

    list_display = [
        "month", "payments", "income", "withheld", "remitted", "receipt", "filed_by", "filed_at",
    ]  # fmt: skip
    list_select_related = ["filed_by"]
    ordering = ["-month"]
    readonly_fields = ["remitted"]
    actions_list = ["export", "file_month"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[TaxFiling]:
        """Says in the same query what of each month was remitted."""
        paid = (
            TaxRemittance.objects.filter(month=OuterRef("month"), status="approved")
            .order_by()
            .values("month")
            .annotate(fen=Sum("amount_fen"))
            .values("fen")
        )
        found = cast(QuerySet[TaxFiling], super().get_queryset(request))
        return found.annotate(remitted_fen=Coalesce(Subquery(paid), 0))

    @display(description="remitted 已缴", ordering="remitted_fen")
    def remitted(self, row: Any) -> str:
        """In yuan, and whether that is all of it."""
        return fen(row.remitted_fen) + ("" if row.remitted_fen >= row.tax_fen else " 未缴清")

    @display(description="income 收入", ordering="income_fen")
    def income(self, row: TaxFiling) -> str:
        """In yuan."""
        return fen(row.income_fen)

    @display(description="withheld 代扣", ordering="tax_fen")
    def withheld(self, row: TaxFiling) -> str:
        """In yuan."""
        return fen(row.tax_fen)

    def has_file_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who file."""
        return bool(request.user.has_perm(tax.FILE))

    @action(description=EXPORT.title, permissions=["file"], url_path="export")
    def export(self, request: HttpRequest) -> HttpResponse:
        """The month's payments as a file for the tax office."""
        return ask(self, request, None, EXPORT, partial(_export, request))

    @action(description=FILE.title, permissions=["file"], url_path="file")
    def file_month(self, request: HttpRequest) -> HttpResponse:
        """Writes down that a month was declared."""
        return ask(self, request, None, FILE, partial(_file, request))


def _export(request: HttpRequest, _: None, form: forms.Form) -> HttpResponse:
    month, kind = form.cleaned_data["month"], form.cleaned_data["kind"]
    pieces = tax.export(month=month, kind=kind, by=cast(Account, request.user), at=now())
    name = f'attachment; filename="tax-{month:%Y-%m}.{kind}"'
    headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
    answer = StreamingHttpResponse(pieces, content_type=CONTENT_TYPES[kind], headers=headers)
    return cast(HttpResponse, answer)


def _file(request: HttpRequest, _: None, form: forms.Form) -> HttpResponse:
    given = form.cleaned_data
    row = tax.file_month(
        month=given["month"], receipt=given["receipt"], by=cast(Account, request.user), at=now()
    )
    return HttpResponseRedirect(reverse("admin:commissions_taxfiling_change", args=[row.pk]))
