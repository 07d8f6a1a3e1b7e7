"""Bank batches at the desk: build, download, read the bank's answer."""

from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget

from backend.accounts.models import Account
from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.staff import ReadOnly, ReadOnlyInline, StaffAdmin, fen
from commissions import payouts
from commissions.models import Payout, PayoutBatch

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
PROBLEMS_SHOWN = 20
ANSWER_MAX_BYTES = 4 * 2**20
BUILD = Question(
    title="Build a batch 生成批次",
    note="Every approved payout to a bank account goes into one batch and is on its way.",
    form=forms.Form,
    needs_code=True,
)
DOWNLOAD = "The file holds names and account numbers in clear. The download is recorded."


class AnswerFile(forms.Form):
    """The bank's answer."""

    file = forms.FileField(label="Answer file 回盘文件 (CSV)", widget=UnfoldAdminFileFieldWidget)

    def clean_file(self) -> Any:
        """The file, unless it is larger than an answer can be: it is read into memory.

        :raises ValidationError: it is.
        """
        file = self.cleaned_data["file"]
        if file.size > ANSWER_MAX_BYTES:
            raise forms.ValidationError(f"At most {ANSWER_MAX_BYTES // 2**20} MiB.")
        return file


ANSWER = Question(
    title="Read the bank's answer 读取回盘",
    note="Rows that do not fit are named and move nothing; the same file twice books nothing new.",
    form=AnswerFile,
    needs_code=True,
)


class PayoutInline(ReadOnlyInline):
    """Payouts of a batch."""

    model = Payout
    fk_name = "batch"
    fields = ["number", "account", "amount", "status", "reason"]
    readonly_fields = ["amount"]
    ordering = ["id"]
    per_page = 50

    @display(description="arrives 到账")
    def amount(self, row: Payout) -> str:
        """What the bank is asked to pay."""
        return fen(row.net_fen)

    def get_queryset(self, request: HttpRequest) -> Any:
        """The person comes along."""
        return super().get_queryset(request).select_related("account")


@admin.register(PayoutBatch)
class PayoutBatchAdmin(ReadOnly, StaffAdmin):
    """Bank batches."""

    list_display = ["number", "payouts_count", "total", "state", "built_at", "built_by"]
    list_filter = ["status"]
    list_select_related = ["built_by"]
    search_fields = ["=number"]
    date_hierarchy = "built_at"
    ordering = ["-id"]
    fields = [
        "number",
        "status",
        "payouts_count",
        "total",
        "built_at",
        "built_by",
        "answered_at",
    ]
    readonly_fields = ["total"]
    inlines = [PayoutInline]
    actions_list = ["build"]
    actions_detail = ["download_csv", "download_xlsx", "read_answer"]

    @display(description="total 总额", ordering="total_fen")
    def total(self, row: PayoutBatch) -> str:
        """What the bank is asked to pay in all."""
        return fen(row.total_fen)

    @display(
        description="status", ordering="status", label={"built": "warning", "answered": "success"}
    )
    def state(self, row: PayoutBatch) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    def has_desk_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Makers and checkers."""
        user = request.user
        return bool(
            user.has_perm("commissions.prepare_payout")
            or user.has_perm("commissions.approve_payout")
        )

    @action(description=BUILD.title, permissions=["desk"], url_path="build")
    def build(self, request: HttpRequest) -> HttpResponse:
        """Puts what is approved into a batch."""
        return ask(self, request, None, BUILD, partial(_build, request))

    @action(description="Download CSV", permissions=["desk"])
    def download_csv(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The file for the bank."""
        question = Question("Download CSV", DOWNLOAD, forms.Form, needs_code=True)
        return ask(self, request, object_id, question, partial(_download, request, "csv"))

    @action(description="Download XLSX", permissions=["desk"])
    def download_xlsx(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The file for the bank, as a spreadsheet."""
        question = Question("Download XLSX", DOWNLOAD, forms.Form, needs_code=True)
        return ask(self, request, object_id, question, partial(_download, request, "xlsx"))

    @action(description=ANSWER.title, permissions=["desk"])
    def read_answer(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Books what the bank says it has done."""
        return ask(self, request, object_id, ANSWER, partial(_read, request))


def _to_batch(batch: PayoutBatch) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:commissions_payoutbatch_change", args=[batch.pk]))


def _build(request: HttpRequest, _: None, form: forms.Form) -> HttpResponse:
    batch = payouts.build_batch(by=cast(Account, request.user), at=now())
    messages.success(
        request, f"{batch.number}: {batch.payouts_count} payouts, {fen(batch.total_fen)}."
    )
    return _to_batch(batch)


def _download(request: HttpRequest, kind: str, row: PayoutBatch, form: forms.Form) -> HttpResponse:
    by = cast(Account, request.user)
    content = payouts.batch_file(number=row.number, kind=kind, by=by, at=now())
    disposition = f'attachment; filename="{row.number}.{kind}"'
    return HttpResponse(
        content,
        content_type=CONTENT_TYPES[kind],
        headers={"Content-Disposition": disposition, "Cache-Control": "no-store"},
    )


def _read(request: HttpRequest, row: PayoutBatch, form: forms.Form) -> HttpResponse:
    content = form.cleaned_data["file"].read()
    reading = payouts.read_answer(
        number=row.number, content=content, by=cast(Account, request.user), at=now()
    )
    messages.success(
        request,
        f"{reading.paid} paid, {reading.failed} failed, {reading.again} known before, "
        f"{reading.waiting} still wait.",
    )
    for problem in reading.problems[:PROBLEMS_SHOWN]:
        messages.warning(request, f"Row {problem.row}, {problem.number}: {problem.why}.")
    if len(reading.problems) > PROBLEMS_SHOWN:
        left = len(reading.problems) - PROBLEMS_SHOWN
        messages.warning(request, f"… and {left} more rows that were not booked.")
    return _to_batch(row)
