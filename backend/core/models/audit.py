"""Who did what to which row: append-only, by the database."""

from django.conf import settings
from django.db import models


class AuditEntry(models.Model):
    """One act of a person (or of the system, actor null) on one row."""

    at = models.DateTimeField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    action = models.CharField(max_length=60)
    target_kind = models.CharField(max_length=40)
    target_id = models.CharField(max_length=64)
    reason = models.TextField(default="", blank=True)
    data = models.JSONField(default=dict, help_text="before and after, numbers of the act")
    act = models.UUIDField(
        null=True,
        db_default=models.Func(function="tuike_act"),
        help_text="the same in every row that one transaction wrote, and in its row changes",
    )

    class Meta:
        indexes = [
            models.Index(fields=["target_kind", "target_id", "id"], name="audit_target"),
            models.Index(fields=["act"], name="audit_act"),
        ]
        verbose_name = "audit entry 审计"
        verbose_name_plural = "audit entries 审计"

    def __str__(self) -> str:
        return f"{self.action} {self.target_kind} {self.target_id}"
