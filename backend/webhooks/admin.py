"""Webhooks at the desk: endpoints with their health, what was told, telling again."""

from datetime import timedelta
from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminTextInputWidget,
)

from backend.accounts.models import Account
from backend.core.asking import Question, ask
from backend.core.clock import now
from backend.core.deciding import DecidingAdmin, Decision
from backend.core.staff import ReadOnly, ReadOnlyInline, StaffAdmin, attempt
from backend.webhooks import addresses, endpoints, replays, rights
from backend.webhooks.endpoints import Wanted
from backend.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint

MAY = ["decide"]
Status = WebhookEndpoint.Status
DISABLE = Decision(
    title="Disable 停用",
    done="is told nothing from now on",
    act=lambda row, by, why, at: endpoints.disable(
        endpoint_id=row.pk, account=None, by=by, at=at, reason=why
    ),
    needs_reason=True,
)
ENABLE = Decision(
    title="Enable 启用",
    done="is told again",
    act=lambda row, by, why, at: endpoints.enable(
        endpoint_id=row.pk, account=None, by=by, at=at, reason=why
    ),
    needs_reason=True,
)
TEST = Decision(
    title="Send a test 发送测试",
    done="webhook.test is on its way",
    act=lambda row, by, _, at: replays.test_by_staff(endpoint_id=row.pk, by=by, at=at),
)


class SinceForm(forms.Form):
    """Since when."""

    hours = forms.IntegerField(
        min_value=1,
        max_value=720,
        initial=24,
        label="Recorded in the last … hours 最近小时数",
        widget=UnfoldAdminIntegerFieldWidget,
    )


class MarketForm(forms.Form):
    """An endpoint that is told of the whole market, as the member of staff who adds it."""

    url = forms.CharField(max_length=500, widget=UnfoldAdminTextInputWidget)
    kinds = forms.MultipleChoiceField(
        choices=[(kind, kind) for kind in WebhookEndpoint.KINDS[WebhookEndpoint.Scope.MARKET]],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    description = forms.CharField(max_length=100, required=False, widget=UnfoldAdminTextInputWidget)


ADD = Question(
    title="Add a market endpoint 新增全平台接收端",
    note="It is told of every order, commission and payout. The secret is shown once.",
    form=MarketForm,
    needs_code=True,
)
REPLAY = Question(
    title="Tell again 重新推送",
    note="Everything recorded in these hours that was delivered or given up, under the same ids.",
    form=SinceForm,
)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(DecidingAdmin):
    """Endpoints and how they do. Secrets are nowhere to be seen."""

    list_display = [
        "id", "account", "scope", "host", "state", "off_reason", "waiting", "given_up", "streak",
        "last_success_at", "failing_since",
    ]  # fmt: skip
    list_filter = ["status", "scope"]
    list_select_related = ["account", "shop"]
    search_fields = ["=id", "account__handle", "=shop__name"]
    search_help_text = "an endpoint's id, its owner's handle, a shop's name"
    ordering = ["-id"]
    fields = [
        "account", "scope", "shop", "host", "kinds", "description", "status", "off_reason",
        "off_at", "since", "streak", "failing_since", "paused_until", "last_success_at",
        "last_failure_at", "previous_until", "created_at",
    ]  # fmt: skip
    readonly_fields = ["host"]
    actions_list = ["add_market"]
    actions_detail = ["test_one", "replay_one", "disable_one", "enable_one"]
    offered = {
        "test_one": frozenset({Status.ACTIVE}),
        "replay_one": frozenset({Status.ACTIVE, Status.DISABLED, Status.OFF}),
        "disable_one": frozenset({Status.ACTIVE}),
        "enable_one": frozenset({Status.DISABLED, Status.OFF}),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        """With how many events wait, and how many were given up, of the last 30 days."""
        found: QuerySet[WebhookEndpoint] = super().get_queryset(request)
        of_it = WebhookDelivery.objects.filter(endpoint=OuterRef("pk")).order_by()
        counted = of_it.values("endpoint").annotate(
            waiting=Count("pk", filter=Q(state__in=["waiting", "sending"])),
            failed=Count("pk", filter=Q(state="failed")),
        )
        return found.annotate(
            waiting_count=Coalesce(Subquery(counted.values("waiting")), 0),
            failed_count=Coalesce(Subquery(counted.values("failed")), 0),
        )

    @display(description="host 主机")
    def host(self, row: WebhookEndpoint) -> str:
        """What follows in the address may hold a secret of the receiver's."""
        return addresses.host_of(row.url)

    @display(
        description="status",
        ordering="status",
        label={"active": "success", "disabled": "default", "off": "danger", "removed": "default"},
    )
    def state(self, row: WebhookEndpoint) -> Any:
        """The state as a coloured label."""
        return row.status, row.get_status_display()

    @display(description="waiting 待推送")
    def waiting(self, row: Any) -> int:
        """How many events wait."""
        return int(row.waiting_count)

    @display(description="given up 已放弃")
    def given_up(self, row: Any) -> int:
        """How many events were given up."""
        return int(row.failed_count)

    def has_listen_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may listen to the whole market."""
        return bool(request.user.has_perm(rights.LISTEN))

    @action(description=ADD.title, permissions=["listen"], url_path="add-market")
    def add_market(self, request: HttpRequest) -> HttpResponse:
        """Adds an endpoint of the whole market, and shows its secret once."""
        return ask(self, request, None, ADD, partial(_add, request))

    @action(description=TEST.title, permissions=MAY)
    def test_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Sends a test to the endpoint on the page."""
        return self.decide_one(request, object_id, TEST)

    @action(description=REPLAY.title, permissions=MAY)
    def replay_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Tells the endpoint on the page again what it was told."""
        return ask(self, request, object_id, REPLAY, partial(_replay, request))

    @action(description=DISABLE.title, permissions=MAY)
    def disable_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Stops the endpoint on the page, with a reason."""
        return self.decide_one(request, object_id, DISABLE)

    @action(description=ENABLE.title, permissions=MAY)
    def enable_one(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Begins again, with a reason."""
        return self.decide_one(request, object_id, ENABLE)


def _add(request: HttpRequest, _: None, form: forms.Form) -> list[tuple[str, str]]:
    account = cast(Account, request.user)
    wanted = Wanted(scope=WebhookEndpoint.Scope.MARKET, **form.cleaned_data)
    made, secret = endpoints.add(account=account, wanted=wanted, at=now())
    return [("Endpoint", str(made.pk)), ("Secret 密钥", secret)]


def _replay(request: HttpRequest, row: WebhookEndpoint, form: forms.Form) -> list[tuple[str, str]]:
    at = now()
    since = at - timedelta(hours=form.cleaned_data["hours"])
    by = cast(Account, request.user)
    done = replays.replay_by_staff(endpoint_id=row.pk, since=since, by=by, at=at)
    return [("Told again 重新推送", str(done))]


class AttemptInline(ReadOnlyInline):
    """Each try and its answer."""

    model = WebhookAttempt
    fields = ["at", "status_code", "latency_ms", "error", "answer"]
    ordering = ["-id"]
    per_page = 50


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnly, StaffAdmin):
    """What was and is to be told."""

    list_display = [
        "id", "endpoint", "kind", "event_id", "shown_state", "tries", "due_at", "delivered_at",
        "created_at",
    ]  # fmt: skip
    list_filter = ["state"]
    list_select_related = ["endpoint"]
    search_fields = ["=endpoint__id", "=event_id"]
    search_help_text = "an endpoint's id, or an event's"
    ordering = ["-id"]
    paginator = InfinitePaginator
    inlines = [AttemptInline]
    actions = ["tell_again"]

    @display(
        description="state",
        ordering="state",
        label={
            "waiting": "info",
            "sending": "warning",
            "delivered": "success",
            "failed": "danger",
        },
    )
    def shown_state(self, row: WebhookDelivery) -> Any:
        """The state as a coloured label."""
        return row.state, row.get_state_display()

    def has_replay_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who decides about endpoints."""
        return bool(request.user.has_perm("webhooks.change_webhookendpoint"))

    @action(description=REPLAY.title, permissions=["replay"])
    def tell_again(self, request: HttpRequest, rows: Any) -> None:
        """Tells the chosen events again that have ended."""
        chosen = list(rows.values_list("pk", flat=True)[:1000])
        by = cast(Account, request.user)
        attempt(
            request,
            lambda: replays.replay_chosen(delivery_ids=chosen, by=by, at=now()),
            "Those among them that had ended are told again.",
        )
