"""Reconciliation at the desk: reports, their exceptions, the signature under them."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import Case, QuerySet, When
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from unfold.decorators import action, display

from backend.accounts.models import Account
from backend.core.clock import now
from backend.core.deciding import DecidingAdmin, Decision
from backend.core.staff import ReadOnly, ReadOnlyInline, StaffAdmin, fen
from commissions import payouts
from commissions.models import (
    PayoutNotice,
    Reconciliation,
    ReconciliationLine,
    SandboxScript,
)

Status = Reconciliation.Status
_LABELS = {
    "agreed": "success",
    "waiting": "warning",
    "to_ask": "default",
    "missing": "danger",
    "unknown": "danger",
    "amount": "danger",
    "result": "danger",
    "twice": "danger",
    "unclear": "warning",
}


def _said(row: Reconciliation) -> str:
    """What one signs: both sums, and how many lines do not agree."""
    return (
        f"{row}: {row.ours_count} with us, {fen(row.ours_fen)}; {row.theirs_count} with them, "
        f"{fen(row.theirs_fen)}; {row.exceptions} exceptions"
    )


SIGN = Decision(
    title="Sign off 签核",
    done="signed off",
    act=lambda row, by, _, at: payouts.sign(report_id=row.pk, by=by, reason="", at=at),
    needs_code=True,
    says=_said,
)
EXPLAIN = Decision(
    title="Sign off with exceptions 说明差异并签核",
    done="signed off",
    act=lambda row, by, why, at: payouts.sign(report_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
    needs_code=True,
    says=_said,
)
AGAIN = Decision(
    title="Ask again 重新对账",
    done="a new revision is being asked",
    act=lambda row, by, _, at: payouts.ask_again(report_id=row.pk, by=by, at=at),
)


class LineInline(ReadOnlyInline):
    """The lines of a report, what does not agree first."""

    model = ReconciliationLine
    fields = ["row", "number", "finding", "ours", "our_amount", "theirs", "their_amount", "note"]
    readonly_fields = ["our_amount", "their_amount"]
    per_page = 50

    @display(description="with us 我方")
    def our_amount(self, row: ReconciliationLine) -> str:
        """In yuan."""
        return fen(row.ours_fen)

    @display(description="with them 对方")
    def their_amount(self, row: ReconciliationLine) -> str:
        """In yuan."""
        return fen(row.theirs_fen)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Exceptions first."""
        agreed = When(finding=ReconciliationLine.Finding.AGREED, then=1)
        return super().get_queryset(request).order_by(Case(agreed, default=0), "id")


@admin.register(Reconciliation)
class ReconciliationAdmin(DecidingAdmin):
    """Reconciliation reports."""

    list_display = [
        "what", "built_at", "read_by", "ours", "theirs", "exceptions", "state", "signed_by",
        "signed_at",
    ]  # fmt: skip
    list_filter = ["status", "provider"]
    list_select_related = ["batch", "read_by", "signed_by"]
    search_fields = ["=batch__number"]
    ordering = ["-id"]
    fields = [
        "provider", "batch", "day", "revision", "status", "ours", "theirs", "exceptions",
        "built_at", "read_by", "signed_by", "signed_at", "reason",
    ]  # fmt: skip
    readonly_fields = ["ours", "theirs"]
    inlines = [LineInline]
    actions_detail = ["sign_one", "explain_one", "ask_again_one", "export"]
    offered = {
        "sign_one": frozenset({Status.OPEN}),
        "explain_one": frozenset({Status.OPEN}),
        "ask_again_one": frozenset({Status.OPEN, Status.SIGNED}),
    }

    @display(description="report 对账单", ordering="id")
    def what(self, row: Reconciliation) -> str:
        """Channel, batch or day, revision."""
        return str(row)

    @display(description="paid with us 我方")
    def ours(self, row: Reconciliation) -> str:
        """How many, how much."""
        return f"{row.ours_count}: {fen(row.ours_fen)}"

    @display(description="paid with them 对方")
    def theirs(self, row: Reconciliation) -> str:
        """How many, how much."""
        return f"{row.theirs_count}: {fen(row.theirs_fen)}"

    @display(
        description="status",
        ordering="status",
        label={"asking": "default", "open": "warning", "signed": "success"},
    )
    def state(self, row: Reconciliation) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    def has_sign_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may sign."""
        return bool(request.user.has_perm(payouts.SIGN))

    @action(description=SIGN.title, permissions=["sign"])
    def sign_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Signs a report without exceptions."""
        return self.decide_one(request, object_id, SIGN)

    @action(description=EXPLAIN.title, permissions=["sign"])
    def explain_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Signs a report, saying what is done about its exceptions."""
        return self.decide_one(request, object_id, EXPLAIN)

    @action(description=AGAIN.title, permissions=["sign"])
    def ask_again_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks the channel about the day once more, in a new revision."""
        return self.decide_one(request, object_id, AGAIN)

    @action(description="Export CSV", permissions=["sign"])
    def export(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """The lines as CSV, streamed.

        :raises Http404: no such report.
        """
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        lines = payouts.export_csv(report_id=row.pk, by=cast(Account, request.user), at=now())
        return StreamingHttpResponse(
            lines,
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="reconciliation-{row.pk}.csv"',
                "Cache-Control": "no-store",
            },
        )


@admin.register(ReconciliationLine)
class ReconciliationLineAdmin(ReadOnly, StaffAdmin):
    """Exceptions 差异: every line of every report whose two sides do not agree."""

    list_display = ["number", "state", "of", "ours", "our_amount", "theirs", "their_amount", "note"]
    list_filter = ["finding", "report__status", "report__provider"]
    list_select_related = ["report", "report__batch"]
    search_fields = ["=number"]
    ordering = ["-id"]
    fields = ["report", "row", "number", "finding", "ours", "our_amount", "theirs", "their_amount",
              "note"]  # fmt: skip
    readonly_fields = ["our_amount", "their_amount"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReconciliationLine]:
        """What does not agree."""
        agreed = ReconciliationLine.Finding.AGREED
        found: QuerySet[ReconciliationLine] = super().get_queryset(request).exclude(finding=agreed)
        return found

    @display(description="report 对账单", ordering="report")
    def of(self, row: ReconciliationLine) -> str:
        """Whose line it is."""
        return str(row.report)

    @display(description="finding", ordering="finding", label=_LABELS)
    def state(self, row: ReconciliationLine) -> Any:
        """The finding as a coloured label."""
        return row.finding, row.get_finding_display()

    @display(description="with us 我方", ordering="ours_fen")
    def our_amount(self, row: ReconciliationLine) -> str:
        """In yuan."""
        return fen(row.ours_fen)

    @display(description="with them 对方", ordering="theirs_fen")
    def their_amount(self, row: ReconciliationLine) -> str:
        """In yuan."""
        return fen(row.theirs_fen)


@admin.register(PayoutNotice)
class PayoutNoticeAdmin(ReadOnly, StaffAdmin):
    """What channels have told us."""

    list_display = ["provider", "notice_id", "number", "received_at"]
    list_filter = ["provider"]
    search_fields = ["=number", "=notice_id"]
    ordering = ["-id"]
    fields = ["provider", "notice_id", "number", "payout", "received_at"]


@admin.register(SandboxScript)
class SandboxScriptAdmin(ReadOnly, StaffAdmin):
    """What the sandbox was told to do with its next calls."""

    list_display = ["id", "mode", "used_by", "used_at"]
    ordering = ["-id"]
    fields = ["mode", "used_by", "used_at"]
