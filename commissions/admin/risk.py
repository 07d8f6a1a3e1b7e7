"""Risk at the desk: cases are released or the commission is ended; sources are banned."""

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
from backend.core.staff import fen
from commissions import risks
from commissions.models import BannedSource, RiskCase

MAY = ["decide"]
Status = RiskCase.Status


def _said(row: RiskCase) -> str:
    """What one decides about."""
    order = row.commission
    return f"{row.get_rule_display()}: {fen(order.budget_fen)} of {order}, {row.evidence}"


RELEASE = Decision(
    title="Release 放行",
    done="released; this rule holds it no more",
    act=lambda row, by, why, at: risks.release(case_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
    says=_said,
)
INVALIDATE = Decision(
    title="Invalidate 作废",
    done="the commission is taken back",
    act=lambda row, by, why, at: risks.invalidate(case_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
    needs_code=True,
    says=_said,
)
LIFT = Decision(
    title="Lift 解除封禁",
    done="lifted",
    act=lambda row, by, why, at: risks.lift(ban_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
)


@admin.register(RiskCase)
class RiskCaseAdmin(DecidingAdmin):
    """Cases: what a rule found, about which commission; released or invalidated with a reason."""

    list_display = ["id", "rule", "commission", "held", "state", "opened_at", "decided_by"]
    list_filter = ["status", "rule"]
    list_select_related = ["commission", "decided_by"]
    search_fields = ["=commission__id"]
    search_help_text = "a commission order's id"
    ordering = ["-id"]
    actions = ["release_selected"]
    actions_detail = ["release_one", "invalidate_one"]
    offered = {
        "release_one": frozenset({Status.OPEN}),
        "invalidate_one": frozenset({Status.OPEN}),
    }

    @display(description="budget 佣金")
    def held(self, row: RiskCase) -> str:
        """The commission that waits."""
        return fen(row.commission.budget_fen)

    @display(
        description="status",
        ordering="status",
        label={"open": "warning", "released": "success", "invalidated": "danger"},
    )
    def state(self, row: RiskCase) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    @action(description=RELEASE.title, permissions=MAY)
    def release_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Releases the case on the page, with a reason."""
        return self.decide_one(request, object_id, RELEASE)

    @action(description=INVALIDATE.title, permissions=MAY)
    def invalidate_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ends the commission of the case on the page, with a reason."""
        return self.decide_one(request, object_id, INVALIDATE)

    @action(description=RELEASE.title, permissions=MAY)
    def release_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Releases the selected cases for one reason."""
        return self.decide_many(request, rows, RELEASE, "release_selected")


class BanForm(forms.Form):
    """What is banned, and why."""

    kind = forms.ChoiceField(choices=BannedSource.Kind.choices, widget=UnfoldAdminSelectWidget)
    source_id = forms.IntegerField(
        min_value=1, max_value=2**63 - 1, label="id", widget=UnfoldAdminIntegerFieldWidget
    )
    reason = forms.CharField(
        max_length=300, label="Reason 理由", widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


BAN = Question(
    title="Ban a source 封禁来源",
    note="What is accrued by it is held from the next scan on, until somebody decides each case.",
    form=BanForm,
)


@admin.register(BannedSource)
class BannedSourceAdmin(DecidingAdmin):
    """Bans: made with a reason, ended by lifting them."""

    list_display = ["id", "kind", "source_id", "reason", "banned_by", "banned_at", "lifted_at"]
    list_filter = ["kind"]
    list_select_related = ["banned_by"]
    search_fields = ["=source_id"]
    ordering = ["-id"]
    actions_list = ["ban"]
    actions_detail = ["lift_one"]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Lifting is offered while it stands."""
        row = self.get_object(request, str(object_id))
        allowed: list[Any] = super(DecidingAdmin, self).get_actions_detail(request, object_id)
        return allowed if row is not None and row.lifted_at is None else []

    @action(description=BAN.title, permissions=MAY, url_path="ban")
    def ban(self, request: HttpRequest) -> HttpResponse:
        """Bans a link, note, live room, coupon code or promoter."""
        return ask(self, request, None, BAN, partial(_ban, request))

    @action(description=LIFT.title, permissions=MAY)
    def lift_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lifts the ban on the page, with a reason."""
        return self.decide_one(request, object_id, LIFT)


def _ban(request: HttpRequest, _: None, form: forms.Form) -> HttpResponse:
    made = risks.ban(**form.cleaned_data, by=cast(Account, request.user), at=now())
    return HttpResponseRedirect(reverse("admin:commissions_bannedsource_change", args=[made.pk]))
