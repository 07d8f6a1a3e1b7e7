"""Staff pages of notes: take down and restore, comments, permissions to show others' goods."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from backend.core.deciding import DecidingAdmin, Decision
from backend.core.staff import ReadOnly, ReadOnlyInline, StaffAdmin
from notes import cards, engagement, publishing
from notes.models import (
    Comment,
    GoodsNoteApplication,
    LiveProduct,
    LiveSession,
    MediaFile,
    Note,
    NoteMedia,
    NoteProduct,
    Topic,
)

TAKE_DOWN = Decision(
    title="Take down 下架",
    done="taken down",
    act=lambda row, by, why, at: publishing.take_down(note_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
)
RESTORE = Decision(
    title="Restore 恢复",
    done="published again",
    act=lambda row, by, _, at: publishing.restore(note_id=row.pk, by=by, at=at),
)
APPROVE = Decision(
    title="Approve 通过",
    done="may show others' goods",
    act=lambda row, by, _, at: cards.approve_goods_notes(application_id=row.pk, by=by, at=at),
)
REJECT = Decision(
    title="Reject 驳回",
    done="rejected",
    act=lambda row, by, why, at: cards.reject_goods_notes(
        application_id=row.pk, by=by, reason=why, at=at
    ),
    needs_reason=True,
)
REVOKE = Decision(
    title="Revoke 收回",
    done="revoked",
    act=lambda row, by, why, at: cards.revoke_goods_notes(
        application_id=row.pk, by=by, reason=why, at=at
    ),
    needs_reason=True,
)
HIDE = Decision(
    title="Hide 隐藏",
    done="hidden",
    act=lambda row, by, why, at: engagement.hide_comment(
        comment_id=row.pk, by=by, reason=why, at=at
    ),
    needs_reason=True,
)
SHOW = Decision(
    title="Show 显示",
    done="visible again",
    act=lambda row, by, _, at: engagement.show_comment(comment_id=row.pk, by=by, at=at),
)
MAY = ["decide"]


class NoteMediaInline(ReadOnlyInline):
    """Files of a note."""

    model = NoteMedia
    fields = ["position", "file", "cover_crop", "labels"]

    def get_queryset(self, request: HttpRequest) -> Any:
        """With their files, in one statement."""
        return super().get_queryset(request).select_related("file")


class NoteProductInline(ReadOnlyInline):
    """Product cards of a note."""

    model = NoteProduct
    fields = ["position", "product", "origin"]

    def get_queryset(self, request: HttpRequest) -> Any:
        """With their products, in one statement."""
        return super().get_queryset(request).select_related("product")


@admin.register(Note)
class NoteAdmin(DecidingAdmin):
    """Notes: take down with a reason that the author reads, restore."""

    list_display = ["id", "title", "author", "kind", "state", "like_count", "published_at"]
    list_display_links = ["id", "title"]
    list_filter = ["status", "kind"]
    list_select_related = ["author"]
    search_fields = ["=id", "title", "author__handle"]
    ordering = ["-id"]
    paginator = InfinitePaginator
    inlines = [NoteMediaInline, NoteProductInline]
    actions = ["take_down_selected", "restore_selected"]
    actions_detail = ["take_down_one", "restore_one"]
    offered = {
        "take_down_one": frozenset({Note.Status.PUBLISHED}),
        "restore_one": frozenset({Note.Status.TAKEN_DOWN}),
    }

    @display(
        description="status",
        ordering="status",
        label={"published": "success", "taken_down": "danger", "withdrawn": "warning"},
    )
    def state(self, row: Note) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    @action(description=TAKE_DOWN.title, permissions=MAY)
    def take_down_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Takes the note on the page down, with a reason."""
        return self.decide_one(request, object_id, TAKE_DOWN)

    @action(description=RESTORE.title, permissions=MAY)
    def restore_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Shows the taken-down note on the page again."""
        return self.decide_one(request, object_id, RESTORE)

    @action(description=TAKE_DOWN.title, permissions=MAY)
    def take_down_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Takes the selected notes down for one reason."""
        return self.decide_many(request, rows, TAKE_DOWN, "take_down_selected")

    @action(description=RESTORE.title, permissions=MAY)
    def restore_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Shows the selected notes again."""
        return self.decide_many(request, rows, RESTORE, "restore_selected")


@admin.register(GoodsNoteApplication)
class GoodsNoteApplicationAdmin(DecidingAdmin):
    """Who wants to show others' goods: approve, reject or revoke with a reason."""

    list_display = [
        "account",
        "follower_count_at_apply",
        "state",
        "submitted_at",
        "decided_at",
        "decided_by",
    ]
    list_filter = ["status"]
    list_select_related = ["account", "decided_by"]
    search_fields = ["account__handle"]
    ordering = ["-id"]
    actions = ["approve_selected", "reject_selected"]
    actions_detail = ["approve_one", "reject_one", "revoke_one"]
    offered = {
        "approve_one": frozenset({GoodsNoteApplication.Status.SUBMITTED}),
        "reject_one": frozenset({GoodsNoteApplication.Status.SUBMITTED}),
        "revoke_one": frozenset({GoodsNoteApplication.Status.APPROVED}),
    }

    @display(
        description="status",
        ordering="status",
        label={"submitted": "info", "approved": "success", "rejected": "danger"},
    )
    def state(self, row: GoodsNoteApplication) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    @action(description=APPROVE.title, permissions=MAY)
    def approve_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Approves the application on the page."""
        return self.decide_one(request, object_id, APPROVE)

    @action(description=REJECT.title, permissions=MAY)
    def reject_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Rejects the application on the page, with a reason."""
        return self.decide_one(request, object_id, REJECT)

    @action(description=REVOKE.title, permissions=MAY)
    def revoke_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Takes the permission on the page back, with a reason."""
        return self.decide_one(request, object_id, REVOKE)

    @action(description=APPROVE.title, permissions=MAY)
    def approve_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Approves the selected applications, each by itself."""
        return self.decide_many(request, rows, APPROVE, "approve_selected")

    @action(description=REJECT.title, permissions=MAY)
    def reject_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Rejects the selected applications for one reason."""
        return self.decide_many(request, rows, REJECT, "reject_selected")


@admin.register(Comment)
class CommentAdmin(DecidingAdmin):
    """Comments: hide with a reason, show again."""

    list_display = ["text", "author", "note_id", "state", "at"]
    list_filter = ["status"]
    list_select_related = ["author"]
    search_fields = ["text", "author__handle", "=note_id"]
    ordering = ["-id"]
    paginator = InfinitePaginator
    actions = ["hide_selected", "show_selected"]

    @display(
        description="status",
        ordering="status",
        label={"visible": "success", "hidden": "danger"},
    )
    def state(self, row: Comment) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    @action(description=HIDE.title, permissions=MAY)
    def hide_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Hides the selected comments with their answers, for one reason."""
        return self.decide_many(request, rows, HIDE, "hide_selected")

    @action(description=SHOW.title, permissions=MAY)
    def show_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Shows the selected comments again."""
        return self.decide_many(request, rows, SHOW, "show_selected")


@admin.register(Topic)
class TopicAdmin(ReadOnly, StaffAdmin):
    """Topics, to look at: notes bring them into being."""

    list_display = ["name", "note_count"]
    search_fields = ["name"]
    ordering = ["-note_count", "-id"]


@admin.register(MediaFile)
class MediaFileAdmin(ReadOnly, StaffAdmin):
    """Uploaded files, to look at."""

    list_display = ["id", "kind", "owner", "width", "height", "size_bytes", "created_at"]
    list_filter = ["kind"]
    list_select_related = ["owner"]
    search_fields = ["owner__handle"]
    ordering = ["-id"]
    paginator = InfinitePaginator


class LiveProductInline(ReadOnlyInline):
    """The showcase of a session."""

    model = LiveProduct
    fields = ["position", "product", "origin", "pinned_at"]

    def get_queryset(self, request: HttpRequest) -> Any:
        """With their products, in one statement."""
        return super().get_queryset(request).select_related("product")


@admin.register(LiveSession)
class LiveSessionAdmin(ReadOnly, StaffAdmin):
    """Live sessions, to look at."""

    list_display = ["title", "host", "status", "starts_at", "started_at", "ended_at"]
    list_filter = ["status"]
    list_select_related = ["host"]
    search_fields = ["title", "host__handle"]
    ordering = ["-id"]
    inlines = [LiveProductInline]
