"""Staff pages of the kernel: the audit trail, the outbox, signs of life."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from backend.core import events
from backend.core.clock import now
from backend.core.models import AuditEntry, Event, Heartbeat
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
