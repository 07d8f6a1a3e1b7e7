"""Write-offs at the desk: one asks, somebody else agrees."""

from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from backend.accounts.models import Account
from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.deciding import DecidingAdmin, Decision
from backend.core.money import MAX_FEN
from backend.core.staff import fen
from commissions import writeoffs
from commissions.models import WriteOff

Status = WriteOff.Status


def _said(row: WriteOff) -> str:
    """What one decides about: how much, of whom, why."""
    return f"{row}: up to {fen(row.amount_fen)} of {row.account}, {row.note}"


APPROVE = Decision(
    title="Approve 同意核销",
    done="written off",
    act=lambda row, by, _, at: writeoffs.approve(write_off_id=row.pk, by=by, at=at),
    needs_code=True,
    says=_said,
)
REJECT = Decision(
    title="Reject 驳回",
    done="rejected, the debt stands",
    act=lambda row, by, why, at: writeoffs.reject(write_off_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
    says=_said,
)


class WriteOffForm(forms.Form):
    """Whose debt, how much of it at most, and why."""

    account_id = forms.IntegerField(
        min_value=1,
        max_value=2**63 - 1,
        label="Account's id 账号",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    amount_fen = forms.IntegerField(
        min_value=1,
        max_value=MAX_FEN,
        required=False,
        label="At most, in fen 最多（分）",
        help_text="empty: all that is owed",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    reason = forms.ChoiceField(choices=WriteOff.Reason.choices, widget=UnfoldAdminSelectWidget)
    note = forms.CharField(
        max_length=300, label="Note 说明", widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


ASK = Question(
    title="Ask for a write-off 提请核销",
    note="Somebody else has to agree. What is still owed then is borne by the platform.",
    form=WriteOffForm,
    needs_code=True,
)


@admin.register(WriteOff)
class WriteOffAdmin(DecidingAdmin):
    """Write-offs: asked for by a maker, agreed to by a checker, never by who is forgiven."""

    list_display = [
        "id", "account", "amount", "written", "reason", "state", "requested_by", "decided_by",
    ]  # fmt: skip
    list_filter = ["status", "reason"]
    list_select_related = ["account", "requested_by", "decided_by"]
    search_fields = ["account__handle", "account__display_name"]
    ordering = ["-id"]
    actions_list = ["request_one"]
    actions_detail = ["approve_one", "reject_one"]
    offered = {
        "approve_one": frozenset({Status.REQUESTED}),
        "reject_one": frozenset({Status.REQUESTED}),
    }

    @display(description="at most 最多", ordering="amount_fen")
    def amount(self, row: WriteOff) -> str:
        """In yuan."""
        return fen(row.amount_fen)

    @display(description="written off 已核销", ordering="written_fen")
    def written(self, row: WriteOff) -> str:
        """In yuan."""
        return fen(row.written_fen)

    @display(
        description="status",
        ordering="status",
        label={"requested": "warning", "approved": "success", "rejected": "default"},
    )
    def state(self, row: WriteOff) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    def has_ask_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Makers."""
        return bool(request.user.has_perm(writeoffs.REQUEST))

    def has_approve_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Checkers."""
        return bool(request.user.has_perm(writeoffs.APPROVE))

    def has_handle_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Makers and checkers alike."""
        return self.has_ask_permission(request) or self.has_approve_permission(request)

    @action(description=ASK.title, permissions=["ask"], url_path="ask")
    def request_one(self, request: HttpRequest) -> HttpResponse:
        """Asks for a debt to be written off."""
        return ask(self, request, None, ASK, partial(_request, request))

    @action(description=APPROVE.title, permissions=["approve"])
    def approve_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Agrees to the write-off on the page."""
        return self.decide_one(request, object_id, APPROVE)

    @action(description=REJECT.title, permissions=["handle"])
    def reject_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Rejects the write-off on the page, with a reason."""
        return self.decide_one(request, object_id, REJECT)


def _request(request: HttpRequest, _: None, form: forms.Form) -> HttpResponse:
    made = writeoffs.request(**form.cleaned_data, by=cast(Account, request.user), at=now())
    return HttpResponseRedirect(reverse("admin:commissions_writeoff_change", args=[made.pk]))
