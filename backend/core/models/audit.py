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

    class Meta:
        indexes = [models.Index(fields=["target_kind", "target_id", "id"], name="audit_target")]
        verbose_name = "audit entry 审计"
        verbose_name_plural = "audit entries 审计"

    def __str__(self) -> str:
        return f"{self.action} {self.target_kind} {self.target_id}"
