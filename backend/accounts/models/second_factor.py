"""The staff's second factor 两步验证: an authenticator app, and codes on paper for its loss.

Devices of django-otp, which brings their throttling and marks a session as verified. Not its own
TOTP and static tables: those keep secrets and codes as they are.
"""

import hmac

from django.conf import settings
from django.db import models
from django_otp.models import Device, ThrottlingMixin, TimestampMixin
from django_otp.oath import hotp

from backend.core import sealing

STEP = 30  # seconds that a code is shown
STEPS_OFF = 1  # how many steps a phone's clock may be off


class Authenticator(TimestampMixin, ThrottlingMixin, Device):
    """An app that shows six digits every 30 seconds (TOTP, RFC 6238, SHA-1, 160 bits), one per
    account. Its secret is sealed. `confirmed` only after its first code: before, it counts for
    nothing."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    sealed_secret = models.BinaryField()
    last_step = models.BigIntegerField(
        default=-1, help_text="of the last code taken; no code up to it is taken again"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "confirmed"], name="authenticator_one")
        ]
        verbose_name = "authenticator 验证器"
        verbose_name_plural = "authenticators 验证器"

    def __str__(self) -> str:
        return f"{self.name} {self.user}"

    @property
    def secret(self) -> bytes:
        """The secret in clear."""
        return bytes.fromhex(sealing.unseal(self.sealed_secret))

    def get_throttle_factor(self) -> int:
        """1, 2, 4, 8 … seconds between wrong codes."""
        return 1

    def step_of(self, code: str, *, unix: int) -> int | None:
        """The step that shows this code, within a step of the second `unix`; None for none."""
        middle, found = unix // STEP, None
        for step in range(middle - STEPS_OFF, middle + STEPS_OFF + 1):
            if hmac.compare_digest(self.code_at(step), code):
                found = step
        return found

    def code_at(self, step: int) -> str:
        """What the app shows in a step."""
        return f"{hotp(self.secret, step):06d}"


class RecoveryCodes(TimestampMixin, ThrottlingMixin, Device):
    """Ten codes on paper 恢复码, each good for one sign-in without the phone. One set per account;
    a new set ends the old one."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user"], name="recovery_codes_one")]
        verbose_name = "recovery codes 恢复码"
        verbose_name_plural = "recovery codes 恢复码"

    def __str__(self) -> str:
        return f"{self.name} {self.user}"

    def get_throttle_factor(self) -> int:
        """1, 2, 4, 8 … seconds between wrong codes."""
        return 1


class RecoveryCode(models.Model):
    """One code, hashed like a password."""

    codes = models.ForeignKey(RecoveryCodes, on_delete=models.CASCADE, related_name="left")
    digest = models.CharField(max_length=200)

    class Meta:
        verbose_name = "recovery code 恢复码"
        verbose_name_plural = "recovery codes 恢复码"

    def __str__(self) -> str:
        return f"recovery code {self.pk}"
