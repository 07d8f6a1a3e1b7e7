"""Conversions at the desk: partners with their goods and secrets, imports, what they told."""

from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from backend.accounts.models import Account
from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.deciding import DecidingAdmin, Decision
from backend.core.staff import ReadOnly, ReadOnlyInline, StaffAdmin, fen
from commissions import conversions
from commissions.models import Conversion, ConversionGoods, ConversionImport, ConversionSource

MAY = ["decide"]
CLOSE = Decision(
    title="Close 停用",
    done="takes nothing from now on",
    act=lambda row, by, why, at: conversions.set_open(
        source_id=row.pk, is_active=False, by=by, reason=why, at=at
    ),
    needs_reason=True,
)
REOPEN = Decision(
    title="Open 启用",
    done="takes conversions again",
    act=lambda row, by, why, at: conversions.set_open(
        source_id=row.pk, is_active=True, by=by, reason=why, at=at
    ),
    needs_reason=True,
)


class SourceForm(forms.Form):
    """A new partner."""

    name = forms.CharField(max_length=60, widget=UnfoldAdminTextInputWidget)
    shop_id = forms.IntegerField(
        min_value=1, max_value=2**63 - 1, label="Shop's id", widget=UnfoldAdminIntegerFieldWidget
    )
    fee_bps = forms.IntegerField(
        min_value=0, max_value=10_000, initial=0, widget=UnfoldAdminIntegerFieldWidget
    )
    window_days = forms.IntegerField(
        min_value=0, max_value=365, initial=15, widget=UnfoldAdminIntegerFieldWidget
    )


ADD = Question(
    title="Add a source 新增来源",
    note="The secret is shown once, on the next page: the partner signs postbacks with it.",
    form=SourceForm,
    needs_code=True,
)
SECRET = Question(
    title="New secret 更换密钥",
    note="The secret before it signs nothing from now on. The new one is shown once.",
    form=forms.Form,
    needs_code=True,
)


class GoodsInline(ReadOnlyInline):
    """Which SKU an article is."""

    model = ConversionGoods
    fields = ["external_sku", "sku", "rate_bps"]
    ordering = ["id"]
    per_page = 50

    def get_queryset(self, request: HttpRequest) -> Any:
        """The SKU comes along."""
        return super().get_queryset(request).select_related("sku")


@admin.register(ConversionSource)
class ConversionSourceAdmin(DecidingAdmin):
    """Partners that tell orders made elsewhere."""

    list_display = ["name", "shop", "fee_bps", "window_days", "is_active", "created_at"]
    list_filter = ["is_active"]
    list_select_related = ["shop"]
    search_fields = ["name", "shop__name"]
    ordering = ["-id"]
    fields = ["name", "shop", "fee_bps", "window_days", "is_active", "created_at"]
    inlines = [GoodsInline]
    actions_list = ["add_source"]
    actions_detail = ["new_secret", "close_one", "reopen_one"]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """All of them: a source has no states."""
        allowed: list[Any] = super(DecidingAdmin, self).get_actions_detail(request, object_id)
        return allowed

    @action(description=ADD.title, permissions=MAY, url_path="add-source")
    def add_source(self, request: HttpRequest) -> HttpResponse:
        """Adds a partner, and shows its secret once."""
        return ask(self, request, None, ADD, partial(_add, request))

    @action(description=SECRET.title, permissions=MAY)
    def new_secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Gives the partner on the page a new secret."""
        return ask(self, request, object_id, SECRET, partial(_secret, request))

    @action(description=CLOSE.title, permissions=MAY)
    def close_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Closes the source on the page, with a reason."""
        return self.decide_one(request, object_id, CLOSE)

    @action(description=REOPEN.title, permissions=MAY)
    def reopen_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Opens the source on the page again, with a reason."""
        return self.decide_one(request, object_id, REOPEN)


def _add(request: HttpRequest, _: None, form: forms.Form) -> list[tuple[str, str]]:
    by = cast(Account, request.user)
    source, secret = conversions.add_source(**form.cleaned_data, by=by, at=now())
    return [("Source", f"{source.pk} {source.name}"), ("Secret 密钥", secret)]


def _secret(request: HttpRequest, row: ConversionSource, _: forms.Form) -> list[tuple[str, str]]:
    by = cast(Account, request.user)
    return [("Secret 密钥", conversions.new_secret(source_id=row.pk, by=by, at=now()))]


@admin.register(ConversionImport)
class ConversionImportAdmin(ReadOnly, StaffAdmin):
    """Imports, to look at: how far they are and how often each verdict was given."""

    list_display = ["id", "source", "kind", "dry_run", "state", "row_count", "done", "created_at"]
    list_filter = ["status", "dry_run"]
    list_select_related = ["source"]
    search_fields = ["source__name"]
    ordering = ["-id"]

    @display(
        description="status",
        ordering="status",
        label={"waiting": "info", "running": "warning", "done": "success", "failed": "danger"},
    )
    def state(self, row: ConversionImport) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    @display(description="taken 进度")
    def done(self, row: ConversionImport) -> str:
        """How much of the file is taken."""
        return f"{row.position * 100 // row.size_bytes} %"


@admin.register(Conversion)
class ConversionAdmin(ReadOnly, StaffAdmin):
    """Orders made elsewhere, to look at."""

    list_display = ["source", "external_order", "external_line", "external_sku", "paid", "made_at"]
    list_select_related = ["source"]
    search_fields = ["=external_order"]
    search_help_text = "the partner's number of the order"
    ordering = ["-id"]
    paginator = InfinitePaginator

    @display(description="paid", ordering="paid_fen")
    def paid(self, row: Conversion) -> str:
        """In yuan."""
        return fen(row.paid_fen)

    @display(description="told at", ordering="created_at")
    def made_at(self, row: Conversion) -> Any:
        """When the partner told it first."""
        return row.created_at
