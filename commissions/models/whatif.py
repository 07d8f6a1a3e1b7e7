"""What-if 试算: a draft run over past orders, in the background."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.core.states import Transitions
from commissions.models.plan import PlanVersion


class WhatIf(models.Model):
    """What the lines of a period would have been paid had a version been in force; without one,
    what the live plans paid them. `seen` of `lines` are done; `result` stands when it is over."""

    class Status(models.TextChoices):
        QUEUED = "queued", "queued 排队"
        RUNNING = "running", "running 进行中"
        DONE = "done", "done 已完成"
        FAILED = "failed", "failed 失败"

    TRANSITIONS: Transitions = {
        Status.QUEUED: frozenset({Status.RUNNING}),
        Status.RUNNING: frozenset({Status.QUEUED, Status.DONE, Status.FAILED}),
        Status.DONE: frozenset(),
        Status.FAILED: frozenset(),
    }

    version = models.ForeignKey(
        PlanVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    shop = models.ForeignKey(
        "shops.Shop", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()
    status = models.CharField(max_length=7, choices=Status, default=Status.QUEUED)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    lines = models.BigIntegerField(default=0)
    seen = models.BigIntegerField(default=0)
    result = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(to_at__gt=F("from_at")), name="what_if_period")
        ]
        indexes = [
            models.Index(
                fields=["id"], name="what_if_waiting", condition=Q(status__in=["queued", "running"])
            )
        ]
        verbose_name = "what-if 试算"
        verbose_name_plural = "what-ifs 试算"

    def __str__(self) -> str:
        return f"what-if {self.pk}"
