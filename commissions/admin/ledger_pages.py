"""The books at the desk: accounts with their balances, journals with their entries. To look at."""

from typing import Any

from django.contrib import admin
from django.db.models import BigIntegerField, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Cast, Coalesce
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from backend.core.staff import ReadOnly, StaffAdmin, fen
from commissions.models import BalanceDelta, Entry, Journal, LedgerAccount

PAGE = 50


def _rows(entries: QuerySet[Entry]) -> list[dict[str, Any]]:
    """Entries with the names of their journals and accounts; three queries in all."""
    found = list(entries)
    journals = Journal.objects.in_bulk({entry.journal_id for entry in found})
    accounts = LedgerAccount.objects.in_bulk({entry.account_id for entry in found})
    return [
        {
            "entry": entry,
            "journal": journals.get(entry.journal_id),
            "account": accounts.get(entry.account_id),
            "amount": fen(entry.amount_fen),
        }
        for entry in found
    ]


class BookPage(ReadOnly, StaffAdmin):
    """A page with entries below it."""

    change_form_after_template = "commissions/entries.html"

    def entries_of(self, object_id: int) -> QuerySet[Entry]:
        """The entries of a row of this page, in the order in which they are shown."""
        raise NotImplementedError

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page, with one page of its entries and the way to the next."""
        entries: list[dict[str, Any]] = []
        if object_id.isascii() and object_id.isdigit() and len(object_id) < 19:
            wanted = self.entries_of(int(object_id))
            before = request.GET.get("before", "")
            if before.isascii() and before.isdigit() and len(before) < 19:
                wanted = wanted.filter(journal_id__lt=int(before))
            entries = _rows(wanted[: PAGE + 1])
        older = entries[PAGE - 1]["entry"].journal_id if len(entries) > PAGE else None
        context = {**(extra_context or {}), "entries": entries[:PAGE], "older": older}
        return super().change_view(request, object_id, form_url, context)


@admin.register(LedgerAccount)
class LedgerAccountAdmin(BookPage):
    """Accounts of the books with their balances."""

    list_display = ["__str__", "owner_kind", "owner_id", "kind", "amount"]
    list_filter = ["owner_kind", "kind"]
    search_fields = ["=owner_id"]
    search_help_text = "an owner's id"
    ordering = ["-id"]
    paginator = InfinitePaginator
    fields = ["owner_kind", "owner_id", "kind", "amount"]
    readonly_fields = ["amount"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerAccount]:
        """The stored balance and the deltas not yet folded come along."""
        deltas = (
            BalanceDelta.objects.filter(account_id=OuterRef("pk"))
            .order_by()
            .values("account_id")
            .annotate(fen=Cast(Sum("amount_fen"), BigIntegerField()))
            .values("fen")
        )
        return (
            super()
            .get_queryset(request)
            .annotate(fen=Coalesce(F("balance__balance_fen"), 0) + Coalesce(Subquery(deltas), 0))
        )

    @display(description="balance 余额")
    def amount(self, row: Any) -> str:
        """What the platform owes the owner; below zero: the owner owes."""
        return fen(row.fen)

    def entries_of(self, object_id: int) -> QuerySet[Entry]:
        """By journal, the newest cause of the highest kind first: the order of the key."""
        return Entry.objects.filter(account_id=object_id).order_by("-journal_id")


@admin.register(Journal)
class JournalAdmin(BookPage):
    """Journals with their entries."""

    list_display = ["id", "kind", "subject_id", "at"]
    list_filter = ["kind"]
    search_fields = ["=subject_id", "=id"]
    search_help_text = "a journal's id, or the id of what caused it"
    ordering = ["-id"]
    paginator = InfinitePaginator

    def entries_of(self, object_id: int) -> QuerySet[Entry]:
        """All legs; a journal has a handful."""
        return Entry.objects.filter(journal_id=object_id).order_by("-journal_id", "account_id")
