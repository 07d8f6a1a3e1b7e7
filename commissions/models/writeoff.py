"""Write-offs 核销: what a person owes after refunds and will not be asked for any more."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.core.states import Transitions


class WriteOff(models.Model):
    """A debt of a person (an available balance below zero) that the platform bears itself, agreed
    to by two members of staff. `amount_fen` is the most that is forgiven; `written_fen` is what
    was still owed, and no more, at the moment of the second one's word."""

    class Status(models.TextChoices):
        REQUESTED = "requested", "requested 已提请"
        APPROVED = "approved", "approved 已核销"
        REJECTED = "rejected", "rejected 已驳回"

    class Reason(models.TextChoices):
        UNCOLLECTABLE = "uncollectable", "cannot be collected 无法追回"
        PLATFORM_FAULT = "platform_fault", "the platform's own fault 平台过错"
        GOODWILL = "goodwill", "goodwill 善意减免"

    TRANSITIONS: Transitions = {
        Status.REQUESTED: frozenset({Status.APPROVED, Status.REJECTED}),
        Status.APPROVED: frozenset(),
        Status.REJECTED: frozenset(),
    }

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    amount_fen = models.BigIntegerField(help_text="at most this much is forgiven")
    written_fen = models.BigIntegerField(null=True, blank=True)
    reason = models.CharField(max_length=14, choices=Reason)
    note = models.CharField(max_length=300)
    status = models.CharField(max_length=9, choices=Status, default=Status.REQUESTED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    requested_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_note = models.CharField(max_length=300, default="", blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="write_off_amount"),
            models.CheckConstraint(
                condition=Q(status="approved", written_fen__isnull=False)
                & Q(written_fen__gt=0, written_fen__lte=F("amount_fen"))
                | (~Q(status="approved") & Q(written_fen__isnull=True)),
                name="write_off_written",
            ),
            models.CheckConstraint(
                condition=Q(status="requested", decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(status="requested") & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="write_off_decided",
            ),
            # Who asks and who agrees are two people, and neither is who is forgiven (K6).
            models.CheckConstraint(
                condition=~Q(status="approved") | ~Q(decided_by=F("requested_by")),
                name="write_off_four_eyes",
            ),
            models.CheckConstraint(
                condition=~Q(requested_by=F("account"))
                & (Q(decided_by__isnull=True) | ~Q(decided_by=F("account"))),
                name="write_off_not_own",
            ),
            models.UniqueConstraint(
                fields=["account"], condition=Q(status="requested"), name="write_off_one_open"
            ),
        ]
        permissions = [
            ("request_writeoff", "Can ask for a debt to be written off (maker)"),
            ("approve_writeoff", "Can agree to a write-off (checker)"),
        ]
        verbose_name = "write-off 核销"
        verbose_name_plural = "write-offs 核销"

    def __str__(self) -> str:
        return f"write-off {self.pk}"
