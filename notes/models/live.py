"""Live sessions 直播间: content with product cards; their sales figures come from order lines."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from backend.core.states import Transitions


class LiveSession(models.Model):
    """A live room; no streaming here, only its showcase and its state."""

    class Status(models.TextChoices):
        SCHEDULED = "scheduled", "scheduled 预告"
        LIVE = "live", "live 直播中"
        ENDED = "ended", "ended 已结束"
        CANCELLED = "cancelled", "cancelled 已取消"

    TRANSITIONS: Transitions = {
        Status.SCHEDULED: frozenset({Status.LIVE, Status.CANCELLED}),
        Status.LIVE: frozenset({Status.ENDED}),
        Status.ENDED: frozenset(),
        Status.CANCELLED: frozenset(),
    }

    host = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=40)
    status = models.CharField(max_length=9, choices=Status, default=Status.SCHEDULED)
    starts_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["host"], condition=Q(status="live"), name="live_one_per_host"
            )
        ]
        indexes = [models.Index(fields=["status", "-id"], name="live_status")]
        verbose_name = "live session 直播间"
        verbose_name_plural = "live sessions 直播间"

    def __str__(self) -> str:
        return self.title


class LiveProduct(models.Model):
    """A product in the showcase of a live session."""

    session = models.ForeignKey(
        LiveSession, on_delete=models.CASCADE, related_name="cards", db_index=False
    )
    product = models.ForeignKey("shops.Product", on_delete=models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(default=0)
    origin = models.CharField(max_length=6, default="own")
    pinned_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["session", "product"], name="live_card_once"),
            models.UniqueConstraint(
                fields=["session"], condition=Q(pinned_at__isnull=False), name="live_one_pinned"
            ),
        ]
        verbose_name = "live card 直播商品"
        verbose_name_plural = "live cards 直播商品"

    def __str__(self) -> str:
        return f"session {self.session_id} → product {self.product_id}"
