"""Endpoints 接收端: where a subscriber wants to be told, and of what."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from backend.core.states import Transitions

ORDER_KINDS = ("order.paid", "order.shipped", "order.completed", "order.refunded")
COMMISSION_KINDS = (
    "commission.estimated",
    "commission.confirmed",
    "commission.reversed",
    "commission.changed",
    "commission.settled",
)
PAYOUT_KINDS = (
    "payout.requested",
    "payout.approved",
    "payout.paid",
    "payout.failed",
    "payout.rejected",
    "payout.cancelled",
)
TEST_KIND = "webhook.test"


class WebhookEndpoint(models.Model):
    """A receiver of an account's. What it is told is what happened from `since` on, of the rows
    that its scope names.

    `secret_sealed` signs; while `previous_until` has not come, the secret before it signs too.
    `streak` counts failed calls since the last success, `failing_since` is when they began, and
    before `paused_until` nothing is sent.
    """

    class Scope(models.TextChoices):
        OWN = "own", "what the account earns 本人收益"
        SHOP = "shop", "the account's shop 本店"
        MARKET = "market", "the whole market 全平台"

    class Status(models.TextChoices):
        ACTIVE = "active", "active 启用"
        DISABLED = "disabled", "disabled by its owner 已停用"
        OFF = "off", "switched off 已自动关闭"
        REMOVED = "removed", "removed 已删除"

    class Reason(models.TextChoices):
        NONE = "", "—"
        GONE = "gone", "the receiver answered 410 接收端已下线"
        FAILING = "failing", "no call succeeded for days 多日失败"

    TRANSITIONS: Transitions = {
        Status.ACTIVE: frozenset({Status.DISABLED, Status.OFF, Status.REMOVED}),
        Status.DISABLED: frozenset({Status.ACTIVE, Status.REMOVED}),
        Status.OFF: frozenset({Status.ACTIVE, Status.REMOVED}),
        Status.REMOVED: frozenset(),
    }
    KINDS = {
        Scope.OWN: (*COMMISSION_KINDS, *PAYOUT_KINDS),
        Scope.SHOP: (*ORDER_KINDS, *COMMISSION_KINDS),
        Scope.MARKET: (*ORDER_KINDS, *COMMISSION_KINDS, *PAYOUT_KINDS),
    }

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    scope = models.CharField(max_length=6, choices=Scope)
    shop = models.ForeignKey(
        "shops.Shop", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        db_index=False,
    )  # fmt: skip
    url = models.CharField(max_length=500)
    kinds = ArrayField(models.CharField(max_length=30))
    description = models.CharField(max_length=100, default="", blank=True)
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)
    off_reason = models.CharField(max_length=7, choices=Reason, default="", blank=True)
    off_at = models.DateTimeField(null=True, blank=True)
    secret_sealed = models.BinaryField()
    previous_sealed = models.BinaryField(null=True, blank=True)
    previous_until = models.DateTimeField(null=True, blank=True)
    since = models.DateTimeField()
    streak = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(scope="shop", shop__isnull=False)
                | (~Q(scope="shop") & Q(shop__isnull=True)),
                name="webhook_endpoint_scope",
            ),
            models.CheckConstraint(
                condition=Q(status="off") ^ Q(off_reason=""), name="webhook_endpoint_off"
            ),
            models.CheckConstraint(
                condition=Q(previous_sealed__isnull=True, previous_until__isnull=True)
                | Q(previous_sealed__isnull=False, previous_until__isnull=False),
                name="webhook_endpoint_secrets",
            ),
            models.CheckConstraint(
                condition=Q(streak=0, failing_since__isnull=True)
                | Q(streak__gt=0, failing_since__isnull=False),
                name="webhook_endpoint_streak",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], name="webhook_endpoint_active", condition=Q(status="active")
            ),
            models.Index(fields=["account", "-id"], name="webhook_endpoint_account"),
        ]
        permissions = [("listen_market", "Can have webhooks of the whole market by the API")]
        verbose_name = "webhook endpoint 推送接收端"
        verbose_name_plural = "webhook endpoints 推送接收端"

    def __str__(self) -> str:
        return f"endpoint {self.pk}"
