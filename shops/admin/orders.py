"""Staff pages of orders, money in and after-sales: facts to look at, and one act, money back."""

from collections.abc import Callable
from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from backend.accounts.models import Account
from backend.core import fresh
from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.deciding import DecidingAdmin, Decision, Reasoned
from backend.core.staff import ReadOnly, ReadOnlyInline, StaffAdmin, attempt, fen
from shops import addresses, aftersales
from shops.models import (
    Checkout,
    DailyMetric,
    Order,
    OrderEvent,
    OrderLine,
    Payment,
    PaymentNotice,
    Refund,
    RefundLine,
    Shipment,
)

REFUND_ALL = Decision(
    title="Refund everything left 全额退款",
    done="the money goes back",
    act=lambda row, by, why, at: aftersales.staff_refund(
        by=by, number=row.number, lines={}, reason=why, at=at
    ),
    needs_reason=True,
    needs_code=True,
)
CLEAR = Question(
    title="Show the address in clear 查看地址",
    note="Name, phone and address are shown this once. The look and its reason are recorded.",
    form=Reasoned,
)
REFUND_LINE = "Refund of one line 部分退款"
MAY = ["decide"]
REFUNDABLE = frozenset(
    {
        Order.Status.PAID,
        Order.Status.PARTIALLY_SHIPPED,
        Order.Status.SHIPPED,
        Order.Status.RECEIVED,
        Order.Status.COMPLETED,
    }
)
_COLOURS = {
    "pending_payment": "warning",
    "paid": "info",
    "shipped": "info",
    "received": "info",
    "completed": "success",
    "cancelled": "danger",
    "closed": "danger",
    "requested": "warning",
    "refunding": "warning",
    "succeeded": "success",
    "returning": "warning",
}


def _money(column: str, title: str) -> Callable[[Any, Any], str]:
    """An admin column that shows fen as yuan."""

    @display(description=title, ordering=column)
    def shown(_: Any, row: Any) -> str:
        return fen(getattr(row, column))

    return cast(Callable[[Any, Any], str], shown)


class _Facts(ReadOnly, StaffAdmin):
    """Rows that only verbs write; a table without end is not counted."""

    paginator = InfinitePaginator
    ordering: ClassVar[list[str]] = ["-id"]

    @display(description="status", ordering="status", label=_COLOURS)
    def state(self, row: Any) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()


class OrderLineInline(ReadOnlyInline):
    """Lines of an order."""

    model = OrderLine
    fields = [
        "title",
        "options",
        "price",
        "qty",
        "paid",
        "shipped_qty",
        "refunded_qty",
        "refunded",
        "fee_bps",
        "commission_bps",
        "source_kind",
        "referral_code",
    ]
    readonly_fields = ["price", "paid", "refunded"]
    price = _money("unit_price_fen", "price")
    paid = _money("paid_fen", "paid")
    refunded = _money("refunded_fen", "refunded")


class OrderRefundInline(ReadOnlyInline):
    """Refunds of an order."""

    model = Refund
    fields = ["number", "kind", "status", "amount", "reason", "requested_at", "succeeded_at"]
    readonly_fields = ["amount"]
    show_change_link = True
    amount = _money("amount_fen", "amount")


class ShipmentInline(ReadOnlyInline):
    """Parcels of an order."""

    model = Shipment
    fields = ["carrier", "tracking_number", "at"]


class OrderEventInline(ReadOnlyInline):
    """What happened to an order."""

    model = OrderEvent
    fields = ["at", "kind", "actor", "data"]
    ordering = ["id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderEvent]:
        """With the actors, in one statement."""
        found: QuerySet[OrderEvent] = super().get_queryset(request)
        return found.select_related("actor")


class LineRefund(Reasoned):
    """How much of which line goes back."""

    field_order = ["line", "qty", "amount_fen", "reason"]
    line = forms.ModelChoiceField(OrderLine.objects.none(), widget=UnfoldAdminSelectWidget)
    qty = forms.IntegerField(
        min_value=0,
        initial=0,
        label="Units 件数",
        help_text="0: an amount for goods that stay",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    amount_fen = forms.IntegerField(
        min_value=1, label="Amount in fen 金额(分)", widget=UnfoldAdminIntegerFieldWidget
    )

    def __init__(self, order: Order, data: Any = None) -> None:
        super().__init__(data)
        self.fields["line"].queryset = order.lines.order_by("id")  # type: ignore[attr-defined]


@admin.register(Order)
class OrderAdmin(DecidingAdmin, _Facts):
    """Orders: everything about them, and staff's money back with a reason."""

    list_display = [
        "number",
        "buyer",
        "shop",
        "state",
        "payable",
        "paid",
        "refunded",
        "placed_at",
    ]
    list_filter = ["status"]
    list_select_related = ["buyer", "shop"]
    search_fields = ["=number", "buyer__handle", "shop__name"]
    inlines = [OrderLineInline, OrderRefundInline, ShipmentInline, OrderEventInline]
    actions_detail = ["refund_all", "refund_line"]
    offered = {"refund_all": REFUNDABLE, "refund_line": REFUNDABLE}
    payable = _money("payable_fen", "payable")
    paid = _money("paid_fen", "paid")
    refunded = _money("refunded_fen", "refunded")

    @action(description=REFUND_ALL.title, permissions=MAY)
    def refund_all(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Gives everything that is left back, with a reason."""
        return self.decide_one(request, object_id, REFUND_ALL)

    @action(description=REFUND_LINE, permissions=MAY)
    def refund_line(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Gives an amount of one line back, with a reason."""
        order = self.get_object(request, object_id)
        if order is None:
            gone: HttpResponse = self._get_obj_does_not_exist_redirect(
                request, self.opts, object_id
            )
            return gone
        back = reverse("admin:shops_order_change", args=[order.pk])
        answered = request.method == "POST" and "confirmed" in request.POST
        kind: Any = fresh.coded(LineRefund, request)
        form = kind(order, request.POST if answered else None)
        if answered and form.is_valid():
            wanted = form.cleaned_data
            attempt(
                request,
                lambda: aftersales.staff_refund(
                    by=cast(Account, request.user),
                    number=order.number,
                    lines={wanted["line"].pk: (wanted["qty"], wanted["amount_fen"])},
                    reason=wanted["reason"],
                    at=now(),
                ),
                f"{order}: {fen(wanted['amount_fen'])} go back",
            )
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": REFUND_LINE,
            "rows": [order],
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "admin/confirm.html", context)


class RefundLineInline(ReadOnlyInline):
    """Lines of a refund."""

    model = RefundLine
    fields = ["order_line", "qty", "amount", "restock", "is_open"]
    readonly_fields = ["amount"]
    amount = _money("amount_fen", "amount")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefundLine]:
        """With the order lines, in one statement."""
        found: QuerySet[RefundLine] = super().get_queryset(request)
        return found.select_related("order_line")


@admin.register(Refund)
class RefundAdmin(_Facts):
    """Refunds, to look at."""

    list_display = ["number", "order", "kind", "state", "amount", "requested_at", "deadline_at"]
    list_filter = ["status", "kind"]
    list_select_related = ["order"]
    search_fields = ["=number", "=order__number"]
    inlines = [RefundLineInline]
    amount = _money("amount_fen", "amount")


@admin.register(Payment)
class PaymentAdmin(_Facts):
    """Money in, to look at."""

    list_display = ["transaction_id", "checkout", "provider", "amount", "state", "paid_at"]
    list_filter = ["status", "provider"]
    list_select_related = ["checkout"]
    search_fields = ["=transaction_id", "=checkout__number"]
    amount = _money("amount_fen", "amount")


@admin.register(PaymentNotice)
class PaymentNoticeAdmin(_Facts):
    """The inbox of callbacks, to look at."""

    list_display = ["notice_id", "provider", "outcome", "received_at"]
    list_filter = ["outcome", "provider"]
    search_fields = ["=notice_id"]


class CheckoutOrderInline(ReadOnlyInline):
    """Orders of a checkout."""

    model = Order
    fields = ["number", "shop", "status", "payable"]
    readonly_fields = ["payable"]
    show_change_link = True
    payable = _money("payable_fen", "payable")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        """With the shops, in one statement."""
        found: QuerySet[Order] = super().get_queryset(request)
        return found.select_related("shop")


@admin.register(Checkout)
class CheckoutAdmin(_Facts):
    """Checkouts, to look at."""

    list_display = ["number", "buyer", "state", "total", "created_at", "expires_at"]
    list_filter = ["status"]
    list_select_related = ["buyer"]
    search_fields = ["=number", "buyer__handle"]
    fields = [
        "number", "buyer", "goes_to", "total_fen", "status", "click_id", "created_at", "expires_at"
    ]  # fmt: skip
    readonly_fields = ["goes_to"]
    inlines = [CheckoutOrderInline]
    actions_detail = ["unmask"]
    total = _money("total_fen", "total")

    @display(description="address 地址")
    def goes_to(self, row: Checkout) -> str:
        """Masked."""
        return " ".join(filter(None, addresses.masked(row.address).values()))

    def has_unmask_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A right of its own, in no group."""
        return bool(request.user.has_perm(addresses.UNMASK))

    @action(description=CLEAR.title, permissions=["unmask"])
    def unmask(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The address in clear."""

        def look(row: Checkout, form: Reasoned) -> list[tuple[str, str]]:
            by, reason = cast(Account, request.user), form.cleaned_data["reason"]
            found = addresses.unmask(checkout_id=row.pk, by=by, reason=reason, at=now())
            return list(found.items())

        return ask(self, request, object_id, CLEAR, look)


@admin.register(DailyMetric)
class DailyMetricAdmin(_Facts):
    """DAB and GMV by day; shop 0 is the whole market."""

    list_display = [
        "day",
        "shop_id",
        "dab",
        "orders",
        "gmv",
        "dab_paid",
        "orders_paid",
        "gmv_paid",
        "refunded",
        "active_shops",
    ]
    list_filter = ["day"]
    search_fields = ["=shop_id"]
    ordering = ["-day", "shop_id"]
    gmv = _money("gmv_fen", "GMV")
    gmv_paid = _money("gmv_paid_fen", "GMV paid")
    refunded = _money("refunded_fen", "refunded")
