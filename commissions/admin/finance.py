"""The finance desk: payouts through four eyes, bank batches, payees, what was sent."""

from functools import partial
from typing import Any, cast

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display

from backend.accounts.models import Account
from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.deciding import DecidingAdmin, Decision, Reasoned
from backend.core.staff import ReadOnly, ReadOnlyInline, StaffAdmin, fen
from commissions import payees, payouts
from commissions.admin import batches, desk_page, ledger_pages
from commissions.models import PayeeAccount, Payout, PayoutAttempt, SandboxTransfer

__all__ = ["PayeeAccountAdmin", "PayoutAdmin", "batches", "desk_page", "ledger_pages"]

Status = Payout.Status


def _said(row: Payout) -> str:
    """What one decides about: how much, what is kept back, what arrives, to whom, where."""
    where = f"{row.payee.get_provider_display()} {row.payee.number_masked}"
    kept = f"{fen(row.amount_fen)} − fee {fen(row.fee_fen)} − tax {fen(row.tax_fen)}"
    held = f" HELD: {row.held_reason}" if row.held_at else ""
    return f"{row.number}: {kept} = {fen(row.net_fen)} → {row.account}, {where}{held}"


PREPARE = Decision(
    title="Prepare 初审通过",
    done="prepared, waits for a second pair of eyes",
    act=lambda row, by, _, at: payouts.prepare(number=row.number, by=by, at=at),
    says=_said,
)
APPROVE = Decision(
    title="Approve 复核通过",
    done="approved (over the limit of its rule a second checker must agree too)",
    act=lambda row, by, _, at: payouts.approve(number=row.number, by=by, at=at),
    needs_code=True,
    says=_said,
)
REJECT = Decision(
    title="Reject 驳回",
    done="rejected, the money is available again",
    act=lambda row, by, why, at: payouts.reject(number=row.number, by=by, reason=why, at=at),
    needs_reason=True,
    says=_said,
)
PAID = Decision(
    title="Resolve as paid 确认已到账",
    done="booked as paid",
    act=lambda row, by, why, at: payouts.resolve(
        number=row.number, by=by, paid=True, reason=why, at=at
    ),
    needs_reason=True,
    needs_code=True,
    says=_said,
)
NOT_PAID = Decision(
    title="Resolve as not paid 确认未到账",
    done="the money is available again",
    act=lambda row, by, why, at: payouts.resolve(
        number=row.number, by=by, paid=False, reason=why, at=at
    ),
    needs_reason=True,
    needs_code=True,
    says=_said,
)
HOLD = Decision(
    title="Hold 冻结",
    done="held until somebody releases it",
    act=lambda row, by, why, at: payouts.hold(number=row.number, by=by, reason=why, at=at),
    needs_reason=True,
    needs_code=True,
    says=_said,
)
RELEASE = Decision(
    title="Release 解除冻结",
    done="released, it goes on where it stood",
    act=lambda row, by, why, at: payouts.release(number=row.number, by=by, reason=why, at=at),
    needs_reason=True,
    needs_code=True,
    says=_said,
)
LABELS = {
    "requested": "info",
    "prepared": "info",
    "checked": "warning",
    "approved": "warning",
    "sending": "warning",
    "unknown": "danger",
    "paid": "success",
    "failed": "danger",
    "rejected": "default",
    "cancelled": "default",
}


class AttemptInline(ReadOnlyInline):
    """What was asked of the channel, and what it said."""

    model = PayoutAttempt
    fields = ["kind", "outcome", "answer", "started_at", "finished_at"]
    ordering = ["id"]


@admin.register(Payout)
class PayoutAdmin(DecidingAdmin):
    """Payouts: prepare (maker), approve (somebody else), reject with a reason."""

    list_display = [
        "number",
        "account",
        "amount",
        "paid_to",
        "state",
        "requested_at",
        "held",
        "prepared_by",
        "approved_by",
    ]
    list_filter = ["status", ("held_at", admin.EmptyFieldListFilter), "payee__provider"]
    list_select_related = ["account", "payee", "prepared_by", "checked_by", "approved_by"]
    search_fields = ["=number", "account__handle", "account__display_name"]
    search_help_text = "a payout's number, or the person's handle or name"
    date_hierarchy = "requested_at"
    ordering = ["-id"]
    inlines = [AttemptInline]
    fieldsets = [
        (None, {"fields": ["number", "account", "payee", "status", "reason"]}),
        ("Money 金额", {"fields": ["amount", "fee", "tax", "net"]}),
        (
            "Four eyes 双人复核",
            {
                "fields": [
                    "prepared_by", "prepared_at", "needs_second", "checked_by", "checked_at",
                    "approved_by", "approved_at",
                ]
            },
        ),
        ("Hold 冻结", {"fields": ["held_at", "held_by", "held_reason"]}),
        ("Way 流转", {"fields": ["rule", "batch", "requested_at", "send_from", "finished_at"]}),
    ]  # fmt: skip
    readonly_fields = ["amount", "fee", "tax", "net"]
    actions_list = ["desk"]
    actions = ["prepare_selected", "approve_selected", "reject_selected"]
    actions_detail = [
        "prepare_one", "approve_one", "reject_one", "hold_one", "release_one", "paid_one",
        "not_paid_one",
    ]  # fmt: skip
    offered = {
        "prepare_one": frozenset({Status.REQUESTED}),
        "approve_one": frozenset({Status.PREPARED, Status.CHECKED}),
        "reject_one": frozenset(payouts.HOLDABLE),
        "hold_one": frozenset(payouts.HOLDABLE),
        "release_one": frozenset(payouts.HOLDABLE),
        "paid_one": frozenset({Status.SENDING, Status.UNKNOWN}),
        "not_paid_one": frozenset({Status.SENDING, Status.UNKNOWN}),
    }

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """A payout that is held is released, another one held; one that is approved is rejected
        only while it is held; what was sent to a channel is ended by a person once the channel
        has been asked."""
        row = self.get_object(request, str(object_id))
        idle = ["hold_one" if row is not None and row.held_at else "release_one"]
        if row is not None and row.status == Status.APPROVED and not row.held_at:
            idle += ["reject_one"]
        if row is not None and row.status == Status.SENDING and row.batch_id is None:
            idle += ["paid_one"]  # not_paid_one ends so too
        found = super().get_actions_detail(request, object_id)
        return [one for one in found if not one.action_name.endswith(tuple(idle))]

    @display(description="amount 金额", ordering="amount_fen")
    def amount(self, row: Payout) -> str:
        """What leaves the person's balance."""
        return fen(row.amount_fen)

    @display(description="fee 手续费")
    def fee(self, row: Payout) -> str:
        """What the platform keeps."""
        return fen(row.fee_fen)

    @display(description="tax 代扣税款")
    def tax(self, row: Payout) -> str:
        """What is withheld for the tax office."""
        return fen(row.tax_fen)

    @display(description="arrives 到账")
    def net(self, row: Payout) -> str:
        """What the channel is asked to pay."""
        return fen(row.net_fen)

    @display(description="held 冻结", boolean=True, ordering="held_at")
    def held(self, row: Payout) -> bool:
        """Whether it waits for its release."""
        return row.held_at is not None

    @display(description="paid to 收款账户")
    def paid_to(self, row: Payout) -> str:
        """The channel and the masked number."""
        return f"{row.payee.provider} {row.payee.number_masked}"

    @display(description="status", ordering="status", label=LABELS)
    def state(self, row: Payout) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    def has_prepare_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Makers."""
        return bool(request.user.has_perm("commissions.prepare_payout"))

    def has_approve_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Checkers."""
        return bool(request.user.has_perm("commissions.approve_payout"))

    def has_hold_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who hold and release."""
        return bool(request.user.has_perm("commissions.hold_payout"))

    def has_handle_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Makers and checkers alike."""
        return self.has_prepare_permission(request) or self.has_approve_permission(request)

    @action(description=PREPARE.title, permissions=["prepare"])
    def prepare_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Prepares the payout on the page."""
        return self.decide_one(request, object_id, PREPARE)

    @action(description=APPROVE.title, permissions=["approve"])
    def approve_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Approves the payout on the page."""
        return self.decide_one(request, object_id, APPROVE)

    @action(description=REJECT.title, permissions=["handle"])
    def reject_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Rejects the payout on the page, with a reason."""
        return self.decide_one(request, object_id, REJECT)

    @action(description=HOLD.title, permissions=["hold"])
    def hold_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Holds the payout on the page, with a reason."""
        return self.decide_one(request, object_id, HOLD)

    @action(description=RELEASE.title, permissions=["hold"])
    def release_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Releases the payout on the page, with a reason."""
        return self.decide_one(request, object_id, RELEASE)

    @action(description="Finance desk 财务台", permissions=["handle"], url_path="desk")
    def desk(self, request: HttpRequest) -> HttpResponse:
        """What needs somebody today, what the market stands for, whether the books agree."""
        return desk_page.show(self, request)

    @action(description=PAID.title, permissions=["approve"])
    def paid_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ends a payout that nobody answers for as paid, with the evidence as reason."""
        return self.decide_one(request, object_id, PAID)

    @action(description=NOT_PAID.title, permissions=["approve"])
    def not_paid_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ends a payout that nobody answers for as not paid, with the evidence as reason."""
        return self.decide_one(request, object_id, NOT_PAID)

    @action(description=PREPARE.title, permissions=["prepare"])
    def prepare_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Prepares the selected payouts, each by itself."""
        return self.decide_many(request, rows, PREPARE, "prepare_selected")

    @action(description=APPROVE.title, permissions=["approve"])
    def approve_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Approves the selected payouts, each by itself."""
        return self.decide_many(request, rows, APPROVE, "approve_selected")

    @action(description=REJECT.title, permissions=["handle"])
    def reject_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Rejects the selected payouts for one reason."""
        return self.decide_many(request, rows, REJECT, "reject_selected")


@admin.register(PayeeAccount)
class PayeeAccountAdmin(ReadOnly, StaffAdmin):
    """Where people are paid, masked. Seeing one in clear takes a right, a reason and leaves a
    trace."""

    list_display = ["number_masked", "account", "provider", "is_active", "shared", "created_at"]
    list_filter = ["provider", "is_active"]
    list_select_related = ["account"]
    search_fields = ["account__handle", "account__display_name", "number_masked"]
    ordering = ["-id"]
    fields = ["account", "provider", "number_masked", "is_active", "shared", "created_at"]
    readonly_fields = ["shared"]
    actions_detail = ["unmask"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PayeeAccount]:
        """Counts the other people with the same account in the same query."""
        same = (
            PayeeAccount.objects.filter(fingerprint=OuterRef("fingerprint"))
            .exclude(account=OuterRef("account"))
            .order_by()
            .values("fingerprint")
            .annotate(people=Count("account", distinct=True))
            .values("people")
        )
        found = cast(QuerySet[PayeeAccount], super().get_queryset(request))
        return found.annotate(people=Coalesce(Subquery(same), 0))

    @display(description="shared with 同号人数", ordering="people")
    def shared(self, row: Any) -> int:
        """How many other people are paid to the same account."""
        return int(row.people)

    def has_unmask_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who may see payees in clear."""
        return bool(request.user.has_perm(payees.UNMASK))

    @action(description="Show in clear 查看明文", permissions=["unmask"])
    def unmask(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shows name and number after a reason was given; the look is an audit row."""
        question = Question(
            title="Show in clear 查看明文",
            note="Name and number will be shown on this page once. The look is recorded.",
            form=Reasoned,
            needs_code=True,
        )
        answer = ask(self, request, object_id, question, partial(_clear, request))
        return answer


def _clear(request: HttpRequest, row: PayeeAccount, form: Any) -> list[tuple[str, str]]:
    by = cast(Account, request.user)
    reason = form.cleaned_data["reason"]
    clear = payees.unmask(payee_id=row.pk, by=by, reason=reason, at=now())
    return [("Holder 户名", clear.holder_name), ("Number 账号", clear.number)]


@admin.register(PayoutAttempt)
class PayoutAttemptAdmin(ReadOnly, StaffAdmin):
    """Every call of a channel, to look at."""

    list_display = ["payout", "kind", "result", "started_at", "finished_at"]
    list_filter = ["kind", "outcome"]
    list_select_related = ["payout"]
    search_fields = ["=payout__number"]
    ordering = ["-id"]

    @display(
        description="outcome",
        ordering="outcome",
        label={"paid": "success", "failed": "danger", "unknown": "danger", "pending": "warning"},
    )
    def result(self, row: PayoutAttempt) -> Any:
        """The outcome as a coloured label."""
        return row.outcome, row.get_outcome_display()


@admin.register(SandboxTransfer)
class SandboxTransferAdmin(ReadOnly, StaffAdmin):
    """The sandbox channel's own books."""

    list_display = ["number", "amount", "number_masked", "state", "calls", "at"]
    list_filter = ["state"]
    search_fields = ["=number"]
    ordering = ["-id"]

    @display(description="amount 金额", ordering="amount_fen")
    def amount(self, row: SandboxTransfer) -> str:
        """What the sandbox has paid."""
        return fen(row.amount_fen)
