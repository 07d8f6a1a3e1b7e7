"""Answers kept under the client's Idempotency-Key."""

from django.conf import settings
from django.db import models


class IdempotencyKey(models.Model):
    """The answer to a request, written in the transaction of the request's own work."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    key = models.CharField(max_length=128)
    operation = models.CharField(max_length=300, help_text="method and path")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of operation and body")
    status_code = models.PositiveSmallIntegerField(null=True)
    answer = models.BinaryField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="idempotency_once"),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_age")]
        verbose_name = "idempotency key 幂等键"
        verbose_name_plural = "idempotency keys 幂等键"

    def __str__(self) -> str:
        return f"{self.operation} {self.key}"
