"""The admin's common ground: one base class over the theme, so stock admin stays a fallback."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline

from backend.core.errors import Refusal
from backend.core.money import yuan


class StaffAdmin(ModelAdmin):
    """Base of every admin page of ours."""

    list_per_page = 50
    show_full_result_count = False
    compressed_fields = True


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
