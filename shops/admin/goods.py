"""Staff pages of shops and goods: applications, shops, products, categories, stock."""

from typing import Any, cast

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator

from backend.accounts.models import Account
from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.deciding import DecidingAdmin, Decision, Reasoned
from backend.core.staff import ReadOnly, ReadOnlyInline, StaffAdmin, fen
from shops import catalog, onboarding
from shops.models import (
    Category,
    Product,
    QualificationDocument,
    Shop,
    ShopApplication,
    Sku,
    StockMovement,
)

APPROVE = Decision(
    title="Approve 通过",
    done="approved, the shop is open",
    act=lambda row, by, _, at: onboarding.approve(application_id=row.pk, by=by, at=at),
)
REJECT = Decision(
    title="Reject 驳回",
    done="rejected",
    act=lambda row, by, why, at: onboarding.reject(application_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
)
SUSPEND = Decision(
    title="Suspend 停业",
    done="suspended",
    act=lambda row, by, why, at: onboarding.suspend(shop_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
)
REOPEN = Decision(
    title="Reopen 恢复营业",
    done="open again",
    act=lambda row, by, _, at: onboarding.reopen(shop_id=row.pk, by=by, at=at),
)
BAN = Decision(
    title="Ban 封禁",
    done="banned",
    act=lambda row, by, why, at: catalog.ban(product_id=row.pk, by=by, reason=why, at=at),
    needs_reason=True,
)
UNBAN = Decision(
    title="Unban 解封",
    done="off the shelf, its shop may publish it",
    act=lambda row, by, _, at: catalog.unban(product_id=row.pk, by=by, at=at),
)
MAY = ["decide"]
CLEAR = Question(
    title="Show identity cards in clear 查看证件号",
    note="Numbers of identity cards are shown this once. The look and its reason are recorded.",
    form=Reasoned,
    needs_code=True,
)


class DocumentInline(ReadOnlyInline):
    """Documents of an application."""

    model = QualificationDocument
    fields = ["kind", "number", "valid_until", "status"]


@admin.register(ShopApplication)
class ShopApplicationAdmin(DecidingAdmin):
    """Who wants a shop: approve, or reject with a reason."""

    list_display = ["shop_name", "account", "owner_type", "state", "submitted_at", "decided_by"]
    list_filter = ["status", "owner_type"]
    list_select_related = ["account", "decided_by"]
    search_fields = ["shop_name", "account__handle", "licence_number"]
    ordering = ["-id"]
    inlines = [DocumentInline]
    actions = ["approve_selected", "reject_selected"]
    actions_detail = ["approve_one", "reject_one", "unmask"]
    offered = {
        "approve_one": frozenset({ShopApplication.Status.SUBMITTED}),
        "reject_one": frozenset({ShopApplication.Status.SUBMITTED}),
    }

    @display(
        description="status",
        ordering="status",
        label={"submitted": "info", "approved": "success", "rejected": "danger"},
    )
    def state(self, row: ShopApplication) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    def has_unmask_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A right of its own, in no group."""
        return bool(request.user.has_perm(onboarding.UNMASK))

    @action(description=CLEAR.title, permissions=["unmask"])
    def unmask(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The personal numbers of the application on the page."""

        def look(row: ShopApplication, form: Reasoned) -> list[tuple[str, str]]:
            by, reason = cast(Account, request.user), form.cleaned_data["reason"]
            found = onboarding.unmask(application_id=row.pk, by=by, reason=reason, at=now())
            return found or [("—", "none")]

        return ask(self, request, object_id, CLEAR, look)

    @action(description=APPROVE.title, permissions=MAY)
    def approve_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Approves the application on the page."""
        return self.decide_one(request, object_id, APPROVE)

    @action(description=REJECT.title, permissions=MAY)
    def reject_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Rejects the application on the page, with a reason."""
        return self.decide_one(request, object_id, REJECT)

    @action(description=APPROVE.title, permissions=MAY)
    def approve_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Approves the selected applications, each by itself."""
        return self.decide_many(request, rows, APPROVE, "approve_selected")

    @action(description=REJECT.title, permissions=MAY)
    def reject_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Rejects the selected applications for one reason."""
        return self.decide_many(request, rows, REJECT, "reject_selected")


@admin.register(Shop)
class ShopAdmin(DecidingAdmin):
    """Shops: suspend with a reason, reopen."""

    list_display = ["name", "account", "owner_type", "kind", "fee_bps", "state", "opened_at"]
    list_filter = ["status", "owner_type", "kind"]
    list_select_related = ["account"]
    search_fields = ["name", "account__handle", "licence_number"]
    ordering = ["-id"]
    actions = ["suspend_selected"]
    actions_detail = ["suspend_one", "reopen_one"]
    offered = {
        "suspend_one": frozenset({Shop.Status.OPEN}),
        "reopen_one": frozenset({Shop.Status.SUSPENDED}),
    }

    @display(
        description="status",
        ordering="status",
        label={"open": "success", "suspended": "danger", "closing": "warning"},
    )
    def state(self, row: Shop) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    @action(description=SUSPEND.title, permissions=MAY)
    def suspend_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Suspends the shop on the page, with a reason."""
        return self.decide_one(request, object_id, SUSPEND)

    @action(description=REOPEN.title, permissions=MAY)
    def reopen_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Opens the suspended shop on the page again."""
        return self.decide_one(request, object_id, REOPEN)

    @action(description=SUSPEND.title, permissions=MAY)
    def suspend_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Suspends the selected shops for one reason."""
        return self.decide_many(request, rows, SUSPEND, "suspend_selected")


class SkuInline(ReadOnlyInline):
    """SKUs of a product."""

    model = Sku
    fields = ["code", "options", "price", "on_hand", "committed", "is_active"]
    readonly_fields = ["price"]

    @display(description="price")
    def price(self, row: Sku) -> str:
        """The price in yuan."""
        return fen(row.price_fen)


@admin.register(Product)
class ProductAdmin(DecidingAdmin):
    """Products: ban with a reason, unban."""

    list_display = ["title", "shop", "category", "state", "sales_count", "published_at"]
    list_filter = ["status", "category"]
    list_select_related = ["shop", "category"]
    search_fields = ["title", "shop__name"]
    ordering = ["-id"]
    inlines = [SkuInline]
    actions = ["ban_selected"]
    actions_detail = ["ban_one", "unban_one"]
    offered = {
        "ban_one": frozenset(
            {Product.Status.DRAFT, Product.Status.ON_SALE, Product.Status.OFF_SHELF}
        ),
        "unban_one": frozenset({Product.Status.BANNED}),
    }

    @display(
        description="status",
        ordering="status",
        label={"on_sale": "success", "off_shelf": "warning", "banned": "danger"},
    )
    def state(self, row: Product) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    @action(description=BAN.title, permissions=MAY)
    def ban_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Bans the product on the page, with a reason."""
        return self.decide_one(request, object_id, BAN)

    @action(description=UNBAN.title, permissions=MAY)
    def unban_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lets the banned product on the page go."""
        return self.decide_one(request, object_id, UNBAN)

    @action(description=BAN.title, permissions=MAY)
    def ban_selected(self, request: HttpRequest, rows: Any) -> HttpResponse | None:
        """Bans the selected products for one reason."""
        return self.decide_many(request, rows, BAN, "ban_selected")


@admin.register(Category)
class CategoryAdmin(StaffAdmin):
    """The category tree; a stored category keeps its place and code, and is hidden, not
    deleted."""

    list_display = ["name", "code", "parent", "position", "is_active"]
    list_filter = ["is_active"]
    list_select_related = ["parent"]
    search_fields = ["name", "code"]
    ordering = ["id"]
    fields = ["parent", "code", "name", "position", "is_active"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Products point here."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Place and code are chosen once."""
        return ["parent", "code"] if obj else []

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Parents are nodes of the first two levels: the tree has three."""
        kwargs["queryset"] = Category.objects.filter(parent__parent__isnull=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(
        self, request: HttpRequest, obj: Category, form: ModelForm, change: bool
    ) -> None:
        """Stores it through its verb."""
        catalog.file_category(category=obj, by=cast(Account, request.user), at=now())


@admin.register(Sku)
class SkuAdmin(ReadOnly, StaffAdmin):
    """SKUs with their stock, to look at."""

    list_display = ["code", "product", "price", "on_hand", "committed", "is_active"]
    list_filter = ["is_active"]
    list_select_related = ["product"]
    search_fields = ["code", "product__title"]
    ordering = ["-id"]
    paginator = InfinitePaginator

    @display(description="price", ordering="price_fen")
    def price(self, row: Sku) -> str:
        """The price in yuan."""
        return fen(row.price_fen)


@admin.register(StockMovement)
class StockMovementAdmin(ReadOnly, StaffAdmin):
    """Every change of a stock, to look at."""

    list_display = ["at", "sku", "kind", "delta_on_hand", "delta_committed", "by", "reason"]
    list_filter = ["kind"]
    list_select_related = ["sku", "by"]
    search_fields = ["sku__code", "=order_line_id"]
    ordering = ["-id"]
    # A table of facts grows without end, and counting it would too.
    paginator = InfinitePaginator
