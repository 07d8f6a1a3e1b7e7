"""Staff pages of promoting and earning: links, touches, offers, commissions, settlement runs.
Facts are shown, decisions call the verbs."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from backend.core.deciding import DecidingAdmin, Decision
from backend.core.staff import ReadOnly, ReadOnlyInline, StaffAdmin, fen, in_words
from commissions import settlement
from commissions.admin import drawing
from commissions.models import (
    CommissionOffer,
    CommissionOrder,
    CommissionReversal,
    CommissionSplit,
    PromotionLink,
    SettlementPosting,
    SettlementRun,
    Touch,
)

MAY = ["decide"]
HOLD = Decision(
    title="Hold 暂缓",
    done="held",
    act=lambda row, by, why, at: settlement.hold(commission_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
)
RELEASE = Decision(
    title="Release 放行",
    done="released",
    act=lambda row, by, why, at: settlement.release(commission_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
)


class Fact(ReadOnly, StaffAdmin):
    """Rows that verbs write; a table of facts grows without end, and counting it would too."""

    paginator = InfinitePaginator
    ordering = ["-id"]


@admin.register(PromotionLink)
class PromotionLinkAdmin(Fact):
    """Links, to look at."""

    list_display = ["code", "promoter_account", "target_kind", "target_id", "channel", "created_at"]
    list_filter = ["target_kind"]
    list_select_related = ["promoter__account"]
    search_fields = ["code", "promoter__account__handle"]

    @display(description="promoter")
    def promoter_account(self, row: PromotionLink) -> str:
        """Whose link it is."""
        return str(row.promoter.account)


@admin.register(Touch)
class TouchAdmin(Fact):
    """Touches, to look at."""

    list_display = ["at", "kind", "link", "content_id", "account", "click_id"]
    list_filter = ["kind"]
    list_select_related = ["link", "account"]
    search_fields = ["=click_id", "=link__code", "=account__handle"]


@admin.register(CommissionOffer)
class CommissionOfferAdmin(Fact):
    """What shops offered, when."""

    list_display = ["product", "rate_bps", "is_active", "starts_at", "ends_at"]
    list_filter = ["is_active"]
    list_select_related = ["product"]
    search_fields = ["product__title", "=product__id"]


class SplitInline(ReadOnlyInline):
    """Who gets what."""

    model = CommissionSplit
    fields = ["role", "payee", "share_bps", "amount", "reversed_amount"]
    readonly_fields = ["amount", "reversed_amount"]

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the payees' names."""
        return super().get_queryset(request).select_related("payee").order_by("id")

    @display(description="amount")
    def amount(self, row: CommissionSplit) -> str:
        """In yuan."""
        return fen(row.amount_fen)

    @display(description="reversed")
    def reversed_amount(self, row: CommissionSplit) -> str:
        """In yuan."""
        return fen(row.reversed_fen)


class ReversalInline(ReadOnlyInline):
    """What refunds took back."""

    model = CommissionReversal
    fields = ["at", "refunded_fen", "amount_fen", "settled"]


@admin.register(CommissionOrder)
class CommissionOrderAdmin(DecidingAdmin):
    """Commission orders: explained; held and released with a reason."""

    list_display = ["id", "shop", "state", "held_reason", "base", "budget", "fee", "matures_at"]
    list_filter = ["status"]
    list_select_related = ["shop"]
    search_fields = ["=id", "=order_line__order__number", "=splits__payee__handle"]
    ordering = ["-id"]
    paginator = InfinitePaginator
    fields = ["explained", "status", "reason", "held_reason", "accrued_at", "matures_at", "version"]
    readonly_fields = ["explained"]
    inlines = [SplitInline, ReversalInline]
    actions = ["hold_selected", "release_selected"]
    actions_detail = ["hold_one", "release_one"]
    offered = {
        name: frozenset({CommissionOrder.Status.ESTIMATED, CommissionOrder.Status.CONFIRMED})
        for name in ("hold_one", "release_one")
    }

    @display(
        description="status",
        ordering="status",
        label={"estimated": "info", "confirmed": "warning", "settled": "success"},
    )
    def state(self, row: CommissionOrder) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    @display(description="base", ordering="base_fen")
    def base(self, row: CommissionOrder) -> str:
        """What was paid for the line, in yuan."""
        return fen(row.base_fen)

    @display(description="budget", ordering="budget_fen")
    def budget(self, row: CommissionOrder) -> str:
        """The commission, in yuan."""
        return fen(row.budget_fen)

    @display(description="fee", ordering="fee_fen")
    def fee(self, row: CommissionOrder) -> str:
        """The platform fee, in yuan."""
        return fen(row.fee_fen)

    @display(description="explanation")
    def explained(self, row: CommissionOrder) -> SafeString:
        """Every fen of it: line → touch → plan → split → journals, and the same in words."""
        return drawing.explained(row.pk)

    @action(description=HOLD.title, permissions=MAY)
    def hold_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Holds the commission order on the page, with a reason."""
        return self.decide_one(request, object_id, HOLD)

    @action(description=RELEASE.title, permissions=MAY)
    def release_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Releases the commission order on the page, with a reason."""
        return self.decide_one(request, object_id, RELEASE)

    @action(description=HOLD.title, permissions=MAY)
    def hold_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Holds the selected commission orders for one reason."""
        return self.decide_many(request, rows, HOLD, "hold_selected")

    @action(description=RELEASE.title, permissions=MAY)
    def release_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Releases the selected commission orders for one reason."""
        return self.decide_many(request, rows, RELEASE, "release_selected")


@admin.register(SettlementRun)
class SettlementRunAdmin(Fact):
    """Settlement runs, with their first postings."""

    list_display = ["id", "period", "late", "as_of", "orders", "total", "started_at"]
    list_filter = ["late"]
    list_select_related = ["period"]
    search_fields = ["=period__label"]
    search_help_text = "a period, such as 2026-11"
    fields = ["period", "late", "as_of", "started_at", "orders", "total", "largest"]
    readonly_fields = ["total", "largest"]

    @display(description="settled", ordering="amount_fen")
    def total(self, row: SettlementRun) -> str:
        """In yuan."""
        return fen(row.amount_fen)

    @display(description="largest postings")
    def largest(self, row: SettlementRun) -> SafeString:
        """The fifty largest postings: a run may have thousands of payees."""
        found = SettlementPosting.objects.filter(run=row).select_related("payee")
        lines = [
            f"{posting.payee or posting.payee_kind}: {fen(posting.amount_fen)}"
            for posting in found.order_by("-amount_fen")[:50]
        ]
        return in_words("\n".join(lines))
