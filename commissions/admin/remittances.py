"""Tax remittances at the desk: what is owed month by month; one records, somebody else agrees."""

from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from backend.accounts.models import Account
from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.deciding import DecidingAdmin, Decision
from backend.core.staff import fen
from commissions import ledger, remittances, tax
from commissions.admin.taxes import MonthForm
from commissions.models import TaxRemittance

Status = TaxRemittance.Status


def _said(row: TaxRemittance) -> str:
    """What one decides about: how much, of what month, under which receipt."""
    return f"{row}: {fen(row.amount_fen)}, paid on {row.paid_on}, receipt {row.receipt}"


APPROVE = Decision(
    title="Approve 复核缴款",
    done="approved, it is no longer owed",
    act=lambda row, by, _, at: remittances.approve(remittance_id=row.pk, by=by, at=at),
    needs_code=True,
    says=_said,
)
REJECT = Decision(
    title="Reject 驳回",
    done="rejected, the month is still owed",
    act=lambda row, by, why, at: remittances.reject(remittance_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
    says=_said,
)


class RemittanceForm(MonthForm):
    """A month, how and when the tax office was paid, and its receipt; no amount."""

    channel = forms.ChoiceField(
        label="Paid by 缴款方式",
        choices=TaxRemittance.Channel.choices,
        widget=UnfoldAdminSelectWidget,
    )
    paid_on = forms.DateField(
        label="Paid on 缴款日期", help_text="the day on the receipt", widget=UnfoldAdminDateWidget
    )
    receipt = forms.CharField(
        max_length=80, label="Receipt 完税凭证号", widget=UnfoldAdminTextInputWidget
    )


RECORD = Question(
    title="Record a remittance 登记缴款",
    note="The amount is what the ledger says was withheld in the month and is not remitted yet. "
    "Somebody else has to agree.",
    form=RemittanceForm,
    needs_code=True,
)


@admin.register(TaxRemittance)
class TaxRemittanceAdmin(DecidingAdmin):
    """What was paid to the tax office, below what is owed to it."""

    list_display = [
        "month", "kind", "amount", "paid_on", "receipt", "state", "recorded_by", "decided_by",
    ]  # fmt: skip
    list_filter = ["status", "kind"]
    list_select_related = ["recorded_by", "decided_by"]
    search_fields = ["receipt"]
    ordering = ["-month", "-id"]
    list_before_template = "commissions/tax_months.html"
    actions_list = ["record_one"]
    actions_detail = ["approve_one", "reject_one"]
    offered = {
        "approve_one": frozenset({Status.RECORDED}),
        "reject_one": frozenset({Status.RECORDED}),
    }

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, below the months of two years and what the account holds."""
        at = now()
        owed = {
            "tax_owed": fen(ledger.balance(remittances.OWED)),
            "tax_months": [_told(month, at) for month in tax.months_over(at=at)],
        }
        page: HttpResponse = super().changelist_view(request, {**(extra_context or {}), **owed})
        return page

    @display(description="amount 金额", ordering="amount_fen")
    def amount(self, row: TaxRemittance) -> str:
        """In yuan."""
        return fen(row.amount_fen)

    @display(
        description="status",
        ordering="status",
        label={"recorded": "warning", "approved": "success", "rejected": "default"},
    )
    def state(self, row: TaxRemittance) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    def has_record_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Makers."""
        return bool(request.user.has_perm(remittances.RECORD))

    def has_approve_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Checkers."""
        return bool(request.user.has_perm(remittances.APPROVE))

    def has_handle_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Makers and checkers alike."""
        return self.has_record_permission(request) or self.has_approve_permission(request)

    @action(description=RECORD.title, permissions=["record"], url_path="record")
    def record_one(self, request: HttpRequest) -> HttpResponse:
        """Records that a month was paid to the tax office."""
        return ask(self, request, None, RECORD, partial(_record, request))

    @action(description=APPROVE.title, permissions=["approve"])
    def approve_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Agrees to the remittance on the page."""
        return self.decide_one(request, object_id, APPROVE)

    @action(description=REJECT.title, permissions=["handle"])
    def reject_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Rejects the remittance on the page, with a reason."""
        return self.decide_one(request, object_id, REJECT)


def _told(month: tax.Month, at: Any) -> dict[str, Any]:
    """A month as the page shows it."""
    return {
        "month": month.month,
        "withheld": fen(month.ledger_fen),
        "remitted": fen(month.remitted_fen),
        "waiting": fen(month.waiting_fen) if month.waiting_fen else "",
        "owed": fen(month.owed_fen) if month.owed_fen else "",
        "due_on": month.due_on,
        "late": remittances.is_late(month, at=at),
        "filed": month.filed,
    }


def _record(request: HttpRequest, _: None, form: forms.Form) -> HttpResponse:
    given = form.cleaned_data
    made = remittances.record(
        month=given["month"],
        channel=given["channel"],
        paid_on=given["paid_on"],
        receipt=given["receipt"],
        by=cast(Account, request.user),
        at=now(),
    )
    return HttpResponseRedirect(reverse("admin:commissions_taxremittance_change", args=[made.pk]))
