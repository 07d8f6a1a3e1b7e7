"""Deliveries 推送: the outbox of webhooks, one row an endpoint and event; and each try's answer."""

from django.db import models
from django.db.models import Q

from backend.core.states import Transitions
from backend.webhooks.models.endpoint import WebhookEndpoint


class WebhookDelivery(models.Model):
    """One event to be told to one endpoint. (endpoint, event) is unique, so an event is told once
    however often it is derived; `event_id` is the webhook-id of every try.

    `calls` counts all tries for ever and tells two workers apart that believe to hold the row;
    `tries` counts those since it was made or replayed.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waiting 待推送"
        SENDING = "sending", "sending 推送中"
        DELIVERED = "delivered", "delivered 已送达"
        FAILED = "failed", "given up 已放弃"

    TRANSITIONS: Transitions = {
        State.WAITING: frozenset({State.SENDING}),
        # A worker that died is followed by another: sending again.
        State.SENDING: frozenset({State.SENDING, State.WAITING, State.DELIVERED, State.FAILED}),
        # Replayed.
        State.DELIVERED: frozenset({State.WAITING}),
        State.FAILED: frozenset({State.WAITING}),
    }

    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries", db_index=False
    )
    event_id = models.CharField(max_length=80)
    kind = models.CharField(max_length=30)
    data = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    calls = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event_id"], name="webhook_told_once"),
            models.CheckConstraint(
                condition=~Q(state="delivered") | Q(delivered_at__isnull=False),
                name="webhook_delivered_at",
            ),
        ]
        indexes = [
            # Only what is still to do.
            models.Index(
                fields=["endpoint", "due_at", "id"],
                name="webhook_to_send",
                condition=Q(state__in=["waiting", "sending"]),
            ),
            models.Index(fields=["endpoint", "-id"], name="webhook_of_endpoint"),
            models.Index(fields=["created_at"], name="webhook_age"),
        ]
        verbose_name = "webhook delivery 推送"
        verbose_name_plural = "webhook deliveries 推送"

    def __str__(self) -> str:
        return f"{self.kind} to endpoint {self.endpoint_id}"


class WebhookAttempt(models.Model):
    """One call of a receiver and what it answered: a status, or the error instead; the first KiB
    of the answer, cleaned."""

    delivery = models.ForeignKey(
        WebhookDelivery, on_delete=models.CASCADE, related_name="attempts", db_index=False
    )
    at = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    latency_ms = models.PositiveIntegerField()
    error = models.CharField(max_length=200, default="", blank=True)
    answer = models.CharField(max_length=1024, default="", blank=True)

    class Meta:
        indexes = [models.Index(fields=["delivery", "id"], name="webhook_attempts")]
        verbose_name = "webhook attempt 推送尝试"
        verbose_name_plural = "webhook attempts 推送尝试"

    def __str__(self) -> str:
        return f"{self.status_code or self.error}"
