"""The chain at the desk: sealed journals, the download for auditors, archives. To look at."""

from datetime import datetime, time
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from backend.core.asking import Question, ask
from backend.core.clock import business_zone, now
from backend.core.staff import ReadOnly, StaffAdmin
from commissions import chain
from commissions.models import BooksArchive, SealedJournal

# The browser's own calendar: nothing else to load.
DAY = UnfoldAdminTextInputWidget(attrs={"type": "date"})


class PartOfBooks(forms.Form):
    """Which part of the chain; all of it where nothing is said."""

    first = forms.IntegerField(
        min_value=1, required=False, label="From number 起", widget=UnfoldAdminIntegerFieldWidget
    )
    last = forms.IntegerField(
        min_value=1, required=False, label="To number 止", widget=UnfoldAdminIntegerFieldWidget
    )
    since = forms.DateField(required=False, label="From day 起始日", widget=DAY)
    until = forms.DateField(required=False, label="Before day 截止日（不含）", widget=DAY)
    packed = forms.BooleanField(
        required=False, label="Packed (gzip) 压缩", widget=UnfoldBooleanWidget
    )


EXPORT = Question(
    title="Download the books 导出账本",
    note="Every sealed journal of this part, with links and balances, as lines of JSON that "
    "docs/check_ledger.py checks without us. It names accounts by number, nobody by name. The "
    "download is recorded.",
    form=PartOfBooks,
    needs_code=True,
)


@admin.register(SealedJournal)
class SealedJournalAdmin(ReadOnly, StaffAdmin):
    """The chain, the newest link first."""

    list_display = ["n", "journal_id", "hexadecimal"]
    search_fields = ["=n", "=journal_id"]
    search_help_text = "a number of the chain, or a journal's id"
    ordering = ["-n"]
    fields = ["n", "journal_id", "hexadecimal"]
    readonly_fields = ["hexadecimal"]
    paginator = InfinitePaginator
    actions_list = ["export"]

    @display(description="link 链值")
    def hexadecimal(self, row: SealedJournal) -> str:
        """The link as exports write it."""
        return bytes(row.link).hex()

    def has_export_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Auditors."""
        return bool(request.user.has_perm("commissions.export_books"))

    @action(description=EXPORT.title, permissions=["export"], url_path="export")
    def export(self, request: HttpRequest) -> HttpResponse:
        """Asks for a part of the chain, and streams it."""
        return ask(self, request, None, EXPORT, partial(_stream, request))


def _stream(request: HttpRequest, _: None, form: forms.Form) -> StreamingHttpResponse:
    given = form.cleaned_data
    zone = business_zone()
    edges = {
        name: datetime.combine(given[name], time(), tzinfo=zone)
        for name in ("since", "until")
        if given[name]
    }
    part, pieces = chain.download(
        by=request.user, at=now(), first=given["first"], last=given["last"], **edges
    )
    name = f"books-{part.first}-{part.last}.jsonl" + (".gz" if given["packed"] else "")
    return StreamingHttpResponse(
        chain.packed(pieces) if given["packed"] else pieces,
        content_type="application/gzip" if given["packed"] else "application/jsonl",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


@admin.register(BooksArchive)
class BooksArchiveAdmin(ReadOnly, StaffAdmin):
    """Archive files and where they are fastened to the chain."""

    list_display = ["file_name", "first", "last", "before", "accounts", "made_at", "made_by"]
    list_select_related = ["made_by"]
    ordering = ["-last"]
