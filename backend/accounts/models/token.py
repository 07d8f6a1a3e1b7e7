"""Access tokens: opaque, hashed at rest, revocable."""

from django.conf import settings
from django.db import models


class AccessToken(models.Model):
    """A bearer token; the database holds only its SHA-256 digest."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    digest = models.BinaryField(max_length=32, unique=True)
    prefix = models.CharField(max_length=12, help_text="shown to tell tokens apart")
    label = models.CharField(max_length=60, default="", blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(
        null=True, blank=True, help_text="to the day: a call a day writes it"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["account", "-id"], name="token_account")]
        verbose_name = "access token 访问令牌"
        verbose_name_plural = "access tokens 访问令牌"

    def __str__(self) -> str:
        return f"{self.prefix}…"


class PasswordReset(models.Model):
    """A code 重置码 with which somebody who forgot their password sets a new one, once; one per
    account, and the database holds only its SHA-256 digest."""

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+"
    )
    digest = models.BinaryField(max_length=32)
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = "password reset 密码重置"
        verbose_name_plural = "password resets 密码重置"

    def __str__(self) -> str:
        return f"reset of {self.account_id} until {self.expires_at:%H:%M}"
