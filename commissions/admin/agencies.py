"""Staff pages of agencies: what they take, who belongs to them; suspended and reopened. And the
findings about the trees of promoters."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from backend.core.deciding import DecidingAdmin, Decision
from backend.core.staff import ReadOnly, ReadOnlyInline, StaffAdmin
from commissions import agencies
from commissions.models import (
    Agency,
    AgencyEdge,
    AgencyInvitation,
    AgencyShare,
    ComplianceFinding,
)

MAY = ["decide"]
SUSPEND = Decision(
    title="Suspend 停用",
    done="suspended; members keep what they sell from now on",
    act=lambda row, by, why, at: agencies.suspend(agency_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
)
REOPEN = Decision(
    title="Reopen 恢复",
    done="active again",
    act=lambda row, by, why, at: agencies.reopen(agency_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
)


class ShareInline(ReadOnlyInline):
    """What the agency takes, since when."""

    model = AgencyShare
    fields = ["number", "share_bps", "from_at", "recorded_at"]
    ordering = ["-number"]


class AgencyEdgeInline(ReadOnlyInline):
    """Who joined and left, the last first."""

    model = AgencyEdge
    fk_name = "agency"
    fields = ["member", "kind", "from_at", "recorded_at", "reason"]
    readonly_fields = ["member"]
    ordering = ["-id"]
    per_page = 50

    @display(description="member 成员")
    def member(self, row: AgencyEdge) -> str:
        """The promoter, or the agency below."""
        return str(row.promoter.account if row.promoter else row.child)

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the members' names."""
        return super().get_queryset(request).select_related("promoter__account", "child")


@admin.register(Agency)
class AgencyAdmin(DecidingAdmin):
    """Agencies: suspend, reopen."""

    list_display = ["id", "name", "owner", "state", "created_at"]
    list_filter = ["status"]
    list_select_related = ["owner"]
    search_fields = ["name", "owner__handle"]
    ordering = ["-id"]
    paginator = InfinitePaginator
    inlines = [ShareInline, AgencyEdgeInline]
    actions_detail = ["suspend_one", "reopen_one"]
    offered = {
        "suspend_one": frozenset({Agency.Status.ACTIVE}),
        "reopen_one": frozenset({Agency.Status.SUSPENDED}),
    }

    @display(
        description="status", ordering="status", label={"active": "success", "suspended": "danger"}
    )
    def state(self, row: Agency) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    @action(description=SUSPEND.title, permissions=MAY)
    def suspend_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Suspends the agency on the page, with a reason."""
        return self.decide_one(request, object_id, SUSPEND)

    @action(description=REOPEN.title, permissions=MAY)
    def reopen_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Reopens the agency on the page, with a reason."""
        return self.decide_one(request, object_id, REOPEN)


@admin.register(AgencyInvitation)
class AgencyInvitationAdmin(ReadOnly, StaffAdmin):
    """Invitations, to look at."""

    list_display = ["id", "agency", "promoter", "child", "status", "invited_at", "answered_at"]
    list_filter = ["status"]
    list_select_related = ["agency", "promoter", "child"]
    search_fields = ["agency__name", "promoter__account__handle"]
    ordering = ["-id"]
    paginator = InfinitePaginator


@admin.register(ComplianceFinding)
class ComplianceFindingAdmin(ReadOnly, StaffAdmin):
    """Trees of promoters that reached 30 people or 3 levels, with the root, day by day."""

    list_display = ["day", "root_account", "people", "levels", "how", "recorded_at"]
    list_filter = ["reached", "day"]
    list_select_related = ["root__account"]
    search_fields = ["root__account__handle"]
    ordering = ["-day", "-people", "-id"]
    paginator = InfinitePaginator

    @display(description="root 源头")
    def root_account(self, row: ComplianceFinding) -> str:
        """Who stands at the top."""
        return f"{row.root.account} (promoter {row.root_id})"

    @display(
        description="reached",
        ordering="reached",
        label={"both": "danger", "people": "warning", "levels": "warning"},
    )
    def how(self, row: ComplianceFinding) -> Any:
        """What the law counts, as a coloured label."""
        return row.reached, row.get_reached_display()
