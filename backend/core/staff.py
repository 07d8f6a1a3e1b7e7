"""The admin's common ground: one base class over the theme, so stock admin stays a fallback."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline

from backend.core import audit
from backend.core.errors import Refusal
from backend.core.money import yuan


class StaffAdmin(ModelAdmin):
    """Base of every admin page of ours."""

    list_per_page = 50
    show_full_result_count = False
    compressed_fields = True

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What was done to the row, by whom, with before and after: of rows that are watched to
        whoever may see the row, of others to whoever may see the audit trail.

        :raises PermissionDenied: neither holds.
        """
        row = self.get_object(request, unquote(object_id))
        if row is None:
            missing: HttpResponse = self._get_obj_does_not_exist_redirect(
                request, self.opts, object_id
            )
            return missing
        trail = request.user.has_perm("core.view_auditentry")
        if not self.has_view_or_change_permission(request, row) or not (
            trail or audit.is_watched(type(row))
        ):
            raise PermissionDenied
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "opts": self.opts,
            "title": "History 操作记录",
            "row": row,
            "back": back,
            "acts": audit.acts_on(row),
        }
        return TemplateResponse(request, "admin/acts.html", context)


class ReadOnly:
    """Mixed in where rows are facts: staff look, verbs write."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds rows by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody edits rows by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes rows by hand."""
        return False


class ReadOnlyInline(ReadOnly, TabularInline):
    """Rows of another table shown below a page."""

    extra = 0
    can_delete = False
    show_change_link = False


def attempt(request: HttpRequest, act: Callable[[], Any], done: str) -> bool:
    """Runs a verb for a staff action; its refusal becomes a message, never a 500.

    True where it was done.
    """
    try:
        act()
    except Refusal as refusal:
        messages.error(request, f"{refusal.title}: {refusal.detail}")
        return False
    messages.success(request, done)
    return True


def fen(amount: int | None) -> str:
    """¥ for people: 123456 → '¥1,234.56'."""
    return "—" if amount is None else f"¥{yuan(amount)}"


def in_words(words: str) -> SafeString:
    """Several lines of words as they stand, long ones wrapped: a trace is wider than a telephone.
    The theme has no class for it."""
    style = "white-space: pre-wrap; overflow-wrap: anywhere; margin: 0"
    return format_html('<pre style="{}">{}</pre>', style, words)
