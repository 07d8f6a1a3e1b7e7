"""Staff pages of attribution: customer locks and their history, coupon codes, disputes and the
overrides that settle them."""

from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.deciding import DecidingAdmin, Decision, Reasoned
from backend.core.staff import ReadOnly, ReadOnlyInline, StaffAdmin, in_words
from commissions import disputes, locks
from commissions.admin import drawing
from commissions.models import (
    AttributionDispute,
    AttributionOverride,
    CouponCode,
    LockChange,
    LockSetting,
)

Status = AttributionDispute.Status


class LockDefaults(forms.ModelForm):
    """The platform's setting from now on."""

    class Meta:
        model = LockSetting
        fields = list(locks.FIELDS)


@admin.register(LockSetting)
class LockSettingAdmin(StaffAdmin):
    """Who keeps customers for how long, since when: shops set their own by REST, staff the
    platform's default here. A change is a new row."""

    form = LockDefaults
    list_display = [
        "id", "shop", "mode", "click_product_days", "click_content_days", "click_live_days",
        "order_product_days", "order_content_days", "order_live_days", "protect_days", "since",
    ]  # fmt: skip
    list_filter = ["mode"]
    list_select_related = ["shop"]
    search_fields = ["shop__name"]
    ordering = ["-id"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows stay as they are."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows stay."""
        return False

    def save_model(
        self, request: HttpRequest, obj: LockSetting, form: forms.ModelForm, change: bool
    ) -> None:
        """Sets the platform's default through the verb."""
        fields = {name: form.cleaned_data[name] for name in locks.FIELDS}
        obj.pk = locks.change_default(by=request.user, at=now(), **fields).pk
        obj.refresh_from_db()


@admin.register(LockChange)
class LockChangeAdmin(ReadOnly, StaffAdmin):
    """What has bound whom, the newest first; a row's page says who holds the customer now."""

    list_display = ["at", "buyer", "shop", "promoter_account", "source", "cause", "days", "mode"]
    list_filter = ["source", "cause", "mode"]
    list_select_related = ["buyer", "shop", "promoter__account"]
    search_fields = ["=buyer__handle", "=promoter__account__handle", "=shop__id"]
    search_help_text = "a buyer's or promoter's handle, or a shop's id"
    ordering = ["-id"]
    paginator = InfinitePaginator
    fields = [
        "holder", "buyer", "shop", "promoter_account", "source", "cause", "cause_id", "days",
        "mode", "protect_days", "at",
    ]  # fmt: skip
    readonly_fields = ["holder"]

    @display(description="promoter")
    def promoter_account(self, row: LockChange) -> str:
        """To whom."""
        return str(row.promoter.account)

    @display(description="held now by 当前归属")
    def holder(self, row: LockChange) -> str:
        """Who holds this customer of this shop at this moment."""
        held = locks.holder(buyer_id=row.buyer_id, shop_id=row.shop_id, at=now())
        if held is None:
            return "nobody"
        return f"{held['handle']}, from {held['from_at']:%F %T} until {held['until_at']:%F %T}"


@admin.register(CouponCode)
class CouponCodeAdmin(ReadOnly, StaffAdmin):
    """The codes that shops have given out, to look at."""

    list_display = ["code", "shop", "holder", "discount_bps", "starts_at", "ends_at"]
    list_select_related = ["shop", "promoter__account", "creator"]
    search_fields = ["=code", "shop__name", "=promoter__account__handle", "=creator__handle"]
    ordering = ["-id"]

    @display(description="holder")
    def holder(self, row: CouponCode) -> str:
        """Whom a sale is owed to."""
        return str(row.promoter.account if row.promoter else row.creator)


class Proposal(Reasoned):
    """Whom the line is owed to."""

    role = forms.ChoiceField(
        choices=[("promoter", "promoter 推客"), ("creator", "creator 创作者"), ("", "nobody 无")],
        required=False,
        label="Owed to a 归属",
        widget=UnfoldAdminSelectWidget,
    )
    handle = forms.CharField(
        max_length=30, required=False, label="Handle 账号", widget=UnfoldAdminTextInputWidget
    )


PROPOSE = Question(
    title="Propose an override 提出改判",
    note="Somebody else has to approve it; then the money moves. An empty handle: owed to nobody.",
    form=Proposal,
)


def _said(row: AttributionDispute) -> str:
    """What one decides about."""
    would: Any = row.proposed_promoter and row.proposed_promoter.account
    return f"{row}: → {would or row.proposed_creator or 'nobody'}: {row.reason or row.claim}"


APPROVE = Decision(
    title="Approve the override 复核改判",
    done="settled, the money has moved",
    act=lambda row, by, _, at: disputes.approve(dispute_id=row.pk, by=by, at=at),
    needs_code=True,
    says=_said,
)
REJECT = Decision(
    title="Reject 驳回",
    done="rejected, nothing moves",
    act=lambda row, by, why, at: disputes.reject(dispute_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
    says=_said,
)


class OverrideInline(ReadOnlyInline):
    """What was decided."""

    model = AttributionOverride
    fk_name = "dispute"
    fields = ["number", "promoter", "inviter", "creator", "before", "settled", "at"]


@admin.register(AttributionDispute)
class AttributionDisputeAdmin(DecidingAdmin):
    """Disputes: a maker proposes whom a line is owed to, a checker approves, either rejects."""

    list_display = ["id", "commission", "opened_by", "side", "state", "opened_at", "proposed_by"]
    list_filter = ["status", "side"]
    list_select_related = [
        "commission", "opened_by", "proposed_by", "proposed_promoter__account", "proposed_creator"
    ]  # fmt: skip
    search_fields = ["=id", "=commission__order_line__order__number", "=opened_by__handle"]
    ordering = ["-id"]
    paginator = InfinitePaginator
    fields = [
        "explained", "status", "opened_by", "side", "claim", "told", "proposed_promoter",
        "proposed_creator", "proposed_by", "proposed_at", "reason", "decided_by", "decided_at",
    ]  # fmt: skip
    readonly_fields = ["explained", "told"]
    inlines = [OverrideInline]
    actions_detail = ["propose_one", "approve_one", "reject_one"]
    offered = {
        "propose_one": frozenset(AttributionDispute.UNDER_WAY),
        "approve_one": frozenset({Status.PROPOSED}),
        "reject_one": frozenset(AttributionDispute.UNDER_WAY),
    }

    @display(
        description="status",
        ordering="status",
        label={"open": "info", "proposed": "warning", "settled": "success", "rejected": "danger"},
    )
    def state(self, row: AttributionDispute) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    @display(description="the line 该笔归因")
    def explained(self, row: AttributionDispute) -> SafeString:
        """Every fen of the line: the original and what was decided since, drawn and in words."""
        return drawing.explained(row.commission_id)

    @display(description="evidence 证据")
    def told(self, row: AttributionDispute) -> SafeString:
        """One text a line."""
        return in_words("\n".join(row.evidence) or "-")

    def has_propose_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Makers."""
        return bool(request.user.has_perm(disputes.PROPOSE))

    def has_approve_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Checkers."""
        return bool(request.user.has_perm(disputes.APPROVE))

    def has_handle_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Makers and checkers alike."""
        return self.has_propose_permission(request) or self.has_approve_permission(request)

    @action(description=PROPOSE.title, permissions=["propose"])
    def propose_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Proposes whom the line is owed to, with a reason."""
        return ask(self, request, object_id, PROPOSE, partial(_propose, request))

    @action(description=APPROVE.title, permissions=["approve"])
    def approve_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Approves the proposal on the page: the override is written, the money moves."""
        return self.decide_one(request, object_id, APPROVE)

    @action(description=REJECT.title, permissions=["handle"])
    def reject_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Rejects the dispute on the page, with a reason."""
        return self.decide_one(request, object_id, REJECT)


def _propose(
    request: HttpRequest, row: AttributionDispute, form: forms.Form
) -> list[tuple[str, str]]:
    said = form.cleaned_data
    made = disputes.propose(
        dispute_id=row.pk,
        by=request.user,
        role=said["role"],
        handle=said["handle"] if said["role"] else "",
        reason=said["reason"],
        at=now(),
    )
    would = cast(Any, made.proposed_promoter and made.proposed_promoter.account)
    return [("Proposed 已提出", str(would or made.proposed_creator or "nobody"))]


@admin.register(AttributionOverride)
class AttributionOverrideAdmin(ReadOnly, StaffAdmin):
    """What two people have decided anew, to look at."""

    list_display = ["at", "commission", "number", "promoter", "creator", "settled", "approved_by"]
    list_select_related = ["commission", "promoter", "creator", "approved_by"]
    search_fields = ["=commission__id", "=commission__order_line__order__number"]
    ordering = ["-id"]
