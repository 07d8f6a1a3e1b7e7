"""Staff pages of the kernel: the audit trail, the outbox, signs of life."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from backend.core import audit, events
from backend.core.clock import now
from backend.core.models import AuditEntry, Event, Heartbeat, RowChange
from backend.core.staff import ReadOnly, StaffAdmin, attempt


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly, StaffAdmin):
    """Who did what to which row, to look at."""

    list_display = ["at", "actor", "action", "target_kind", "target_id", "reason"]
    list_select_related = ["actor"]
    search_fields = ["=action", "=target_id", "actor__handle"]
    search_help_text = "an action such as payout.approve, a target's id, or an actor's handle"
    ordering = ["-id"]
    paginator = InfinitePaginator
    readonly_fields = ["changes"]

    @display(description="row changes 数据变更")
    def changes(self, entry: AuditEntry) -> SafeString:
        """What the act changed, row by row."""
        if entry.act is None:  # older than row changes
            return format_html_join("", "", ())
        found = RowChange.objects.filter(act=entry.act).order_by("id")[: audit.SHOWN]
        return format_html_join(
            "", "<p><b>{} {}</b><br>{}</p>", ((c.table_name, c.row_id, said(c)) for c in found)
        )


def said(change: RowChange) -> SafeString:
    """A change in words: field: before → after."""
    return format_html_join(
        "; ",
        "{}: {} → {}",
        (
            (name, "—" if was is None else was, "—" if became is None else became)
            for name, was, became in audit.fields_of(change)
        ),
    )


@admin.register(RowChange)
class RowChangeAdmin(ReadOnly, StaffAdmin):
    """Rows that were changed, with before and after, and by whom."""

    list_display = ["at", "table_name", "row_id", "operation", "who", "why", "changed"]
    list_filter = ["operation", "table_name"]
    search_fields = ["=row_id"]
    search_help_text = "a row's id, or @ and the handle of whoever did it"
    ordering = ["-id"]
    paginator = InfinitePaginator
    fields = ["at", "table_name", "row_id", "operation", "who", "why", "changed", "database_user"]
    readonly_fields = ["who", "why", "changed"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RowChange]:
        """Who did it and what for come along."""
        of_act = AuditEntry.objects.filter(act=OuterRef("act")).order_by("id")
        return (
            super()
            .get_queryset(request)
            .annotate(
                handle=Subquery(of_act.values("actor__handle")[:1]),
                action=Subquery(of_act.values("action")[:1]),
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RowChange], search_term: str
    ) -> tuple[QuerySet[RowChange], bool]:
        """By row; by person where the term begins with @."""
        if search_term.startswith("@"):
            by = Q(actor__handle=search_term[1:])
            return queryset.filter(act__in=AuditEntry.objects.filter(by).values("act")), False
        found: tuple[QuerySet[RowChange], bool] = super().get_search_results(
            request, queryset, search_term
        )
        return found

    @display(description="by 操作人")
    def who(self, row: Any) -> str:
        """The actor; where there is none, a job or a hand at the database."""
        return str(row.handle) if row.handle else f"({row.database_user})"

    @display(description="act 操作")
    def why(self, row: Any) -> str:
        """The act's name."""
        return row.action or "—"

    @display(description="before → after 前后值")
    def changed(self, row: RowChange) -> SafeString:
        """The fields that differ."""
        return said(row)


@admin.register(Event)
class EventAdmin(ReadOnly, StaffAdmin):
    """The outbox. A parked event failed eight times: mend the cause, then replay it."""

    list_display = ["id", "kind", "subject_id", "shown_state", "attempts", "error", "recorded_at"]
    list_filter = ["state"]
    search_fields = ["=kind", "=subject_id"]
    ordering = ["-id"]
    paginator = InfinitePaginator
    actions = ["replay"]

    @display(
        description="state",
        ordering="state",
        label={"pending": "info", "delivered": "success", "parked": "danger"},
    )
    def shown_state(self, row: Event) -> Any:
        """The state as a coloured label."""
        return row.state, row.get_state_display()

    def has_replay_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Django's change permission of events, for this action alone."""
        return bool(request.user.has_perm("core.change_event"))

    @action(description="Replay parked events 重新投递", permissions=["replay"])
    def replay(self, request: HttpRequest, rows: Any) -> None:
        """Puts the selected parked events back in line."""
        chosen = list(rows.values_list("pk", flat=True)[:1000])
        attempt(
            request,
            lambda: events.replay(event_ids=chosen, by=request.user, at=now()),
            "The parked ones among them are in line again.",
        )


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnly, StaffAdmin):
    """When each background job last finished."""

    list_display = ["job", "at", "note"]
    ordering = ["job"]
