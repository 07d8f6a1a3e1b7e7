"""Staff pages of promoters and the tree of who invited whom."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.deciding import DecidingAdmin, Decision
from backend.core.staff import ReadOnlyInline
from commissions import promoters, team
from commissions.admin.plans import TierActions, TierInline
from commissions.models import Promoter, SponsorEdge

MAY = ["decide"]
FREEZE = Decision(
    title="Freeze 冻结",
    done="frozen",
    act=lambda row, by, why, at: promoters.freeze(promoter_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
)
UNFREEZE = Decision(
    title="Unfreeze 解冻",
    done="active again",
    act=lambda row, by, why, at: promoters.unfreeze(promoter_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
)
LEAVE = Decision(
    title="Let leave 退出",
    done="left",
    act=lambda row, by, why, at: promoters.leave(account=row.account, by=by, reason=why, at=at),
    needs_reason=True,
)


class Place(forms.Form):
    """Where in the tree, since when, and why."""

    inviter = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        label="Promoter number of the inviter 邀请人 (empty: nobody)",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    from_at = forms.DateTimeField(
        required=False,
        label="From 生效时间, as 2026-11-22 08:00 (empty: now)",
        widget=UnfoldAdminTextInputWidget,
    )
    reason = forms.CharField(
        max_length=200, label="Reason 理由", widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class Instants(forms.Form):
    """Of the tree, and of what was known of it."""

    at = forms.DateTimeField(
        required=False,
        label="At 时点, as 2026-11-22 08:00 (empty: now)",
        widget=UnfoldAdminTextInputWidget,
    )
    known_at = forms.DateTimeField(
        required=False,
        label="As known at 知悉时点 (empty: now)",
        widget=UnfoldAdminTextInputWidget,
    )


MOVE = Question(
    title="Move in the tree 变更邀请人",
    note="From the given moment on. Orders placed before keep the inviter that was known then.",
    form=Place,
)
UPLINES = Question(
    title="Who stood above 查询上级",
    note="At an instant, as it was known at another: a later correction is then not known.",
    form=Instants,
)


class EdgeInline(ReadOnlyInline):
    """Who was this promoter's inviter, since when."""

    model = SponsorEdge
    fk_name = "promoter"
    fields = ["sponsor", "from_at", "recorded_at", "reason"]
    ordering = ["-from_at", "-id"]


@admin.register(Promoter)
class PromoterAdmin(TierActions, DecidingAdmin):
    """Promoters: freeze, unfreeze, let leave; tiers; move in the tree; ask who stood above."""

    list_display = ["id", "account", "sponsor_account", "state", "tier", "invite_code", "joined_at"]
    list_filter = ["status", "tier"]
    list_select_related = ["account", "sponsor__account"]
    search_fields = ["account__handle", "invite_code"]
    ordering = ["-id"]
    paginator = InfinitePaginator
    inlines = [EdgeInline, TierInline]
    actions = ["freeze_selected"]
    fields = ["account", "sponsor", "status", "tier", "invite_code", "joined_at", "sponsored_at"]
    actions_detail = [
        "freeze_one",
        "unfreeze_one",
        "leave_one",
        "move_one",
        "ask_uplines",
        *TierActions.names,
    ]
    offered = {
        "freeze_one": frozenset({Promoter.Status.ACTIVE}),
        "unfreeze_one": frozenset({Promoter.Status.FROZEN}),
        "leave_one": frozenset({Promoter.Status.ACTIVE, Promoter.Status.FROZEN}),
    }

    @display(
        description="status",
        ordering="status",
        label={"active": "success", "frozen": "danger", "left": "warning"},
    )
    def state(self, row: Promoter) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    @display(description="inviter")
    def sponsor_account(self, row: Promoter) -> str:
        """Who invited them."""
        return str(row.sponsor.account) if row.sponsor else "—"

    @action(description=FREEZE.title, permissions=MAY)
    def freeze_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Freezes the promoter on the page, with a reason."""
        return self.decide_one(request, object_id, FREEZE)

    @action(description=UNFREEZE.title, permissions=MAY)
    def unfreeze_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lets the frozen promoter on the page promote again."""
        return self.decide_one(request, object_id, UNFREEZE)

    @action(description=LEAVE.title, permissions=MAY)
    def leave_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lets the promoter on the page leave."""
        return self.decide_one(request, object_id, LEAVE)

    @action(description=FREEZE.title, permissions=MAY)
    def freeze_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Freezes the selected promoters for one reason."""
        return self.decide_many(request, rows, FREEZE, "freeze_selected")

    @action(description=MOVE.title, permissions=MAY)
    def move_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Puts the promoter on the page under another inviter, or under none."""
        return ask(self, request, object_id, MOVE, partial(_move, request))

    @action(description=UPLINES.title, permissions=["view"])
    def ask_uplines(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Who stood above the promoter on the page, at an instant, as it was known at another."""
        return ask(self, request, object_id, UPLINES, partial(_uplines, request))


def _move(request: HttpRequest, row: Promoter, form: Any) -> list[tuple[str, str]]:
    typed, at = form.cleaned_data, now()
    promoters.change_sponsor(
        promoter_id=row.pk,
        sponsor_id=typed["inviter"],
        by=request.user,
        reason=typed["reason"],
        from_at=typed["from_at"],
        at=at,
    )
    above = team.uplines(promoter_id=row.pk, at=at, known_at=at, by=request.user)
    return [("moved", "the tree as it is from now on"), *_lines(above)]


def _uplines(request: HttpRequest, row: Promoter, form: Any) -> list[tuple[str, str]]:
    typed, at = form.cleaned_data, now()
    asked = {"at": typed["at"] or at, "known_at": typed["known_at"] or at}
    return _lines(team.uplines(promoter_id=row.pk, by=request.user, **asked))


def _lines(above: list[dict[str, Any]]) -> list[tuple[str, str]]:
    said = [(f"level {row['level']}", f"{row['handle']} ({row['status']})") for row in above]
    return said or [("nobody", "stood above")]
