"""What channels tell and what we make of it: notices, reconciliation reports, the sandbox's
script."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.core.states import Transitions
from commissions.models.payout import Payout, PayoutBatch


class PayoutNotice(models.Model):
    """A verified notice of a channel. It only says that there is something to ask: what it tells
    of amounts and states is not kept."""

    provider = models.CharField(max_length=9)
    notice_id = models.CharField(max_length=64)
    payout = models.ForeignKey(
        Payout, null=True, on_delete=models.PROTECT, related_name="notices", db_index=False
    )
    number = models.CharField(max_length=40, help_text="the payout number it names")
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "notice_id"], name="payout_notice_once")
        ]
        indexes = [models.Index(fields=["payout", "received_at"], name="payout_notice_payout")]
        verbose_name = "payout notice 打款通知"
        verbose_name_plural = "payout notices 打款通知"

    def __str__(self) -> str:
        return f"{self.provider} {self.notice_id}"


class Reconciliation(models.Model):
    """A reconciliation report 对账单: our payouts of a bank batch, or of a channel's day, against
    what the bank or the channel says. Once signed off it never changes."""

    class Status(models.TextChoices):
        ASKING = "asking", "asking the channel 对账中"
        OPEN = "open", "open 待签核"
        SIGNED = "signed", "signed off 已签核"

    TRANSITIONS: Transitions = {
        Status.ASKING: frozenset({Status.OPEN}),
        Status.OPEN: frozenset({Status.SIGNED}),
        Status.SIGNED: frozenset(),
    }

    provider = models.CharField(max_length=9)
    batch = models.ForeignKey(
        PayoutBatch, null=True, on_delete=models.PROTECT, related_name="reconciliations"
    )
    day = models.DateField(null=True, help_text="the business day, where it is a channel's")
    revision = models.PositiveSmallIntegerField(default=1)
    status = models.CharField(max_length=6, choices=Status, default=Status.OPEN)
    ours_count = models.PositiveIntegerField(default=0, help_text="paid with us")
    ours_fen = models.BigIntegerField(default=0)
    theirs_count = models.PositiveIntegerField(default=0, help_text="paid with them")
    theirs_fen = models.BigIntegerField(default=0)
    exceptions = models.PositiveIntegerField(default=0)
    built_at = models.DateTimeField()
    read_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="who read the bank's answer in; nobody for a channel's day",
    )
    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    signed_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "revision"],
                condition=Q(batch__isnull=False),
                name="reconciliation_batch_once",
            ),
            models.UniqueConstraint(
                fields=["provider", "day", "revision"],
                condition=Q(day__isnull=False),
                name="reconciliation_day_once",
            ),
            models.CheckConstraint(
                condition=Q(batch__isnull=False, day__isnull=True)
                | Q(batch__isnull=True, day__isnull=False),
                name="reconciliation_of_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(status="signed", signed_by__isnull=False, signed_at__isnull=False)
                | Q(~Q(status="signed"), signed_by__isnull=True, signed_at__isnull=True),
                name="reconciliation_signed_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(status="signed") | Q(exceptions=0) | ~Q(reason=""),
                name="reconciliation_exceptions_explained",
            ),
            models.CheckConstraint(
                condition=Q(read_by__isnull=True)
                | Q(signed_by__isnull=True)
                | ~Q(signed_by=F("read_by")),
                name="reconciliation_not_by_reader",
            ),
        ]
        permissions = [("sign_reconciliation", "Can sign off reconciliation reports")]
        verbose_name = "reconciliation report 对账单"
        verbose_name_plural = "reconciliation reports 对账单"

    def __str__(self) -> str:
        what = self.batch.number if self.batch else self.day
        return f"{self.provider} {what} #{self.revision}"


class ReconciliationLine(models.Model):
    """One payout number of a report, and how the two sides agree."""

    class Finding(models.TextChoices):
        TO_ASK = "to_ask", "still to be asked 待查询"
        AGREED = "agreed", "agreed 一致"
        WAITING = "waiting", "no end on either side yet 未决"
        MISSING = "missing", "missing with them 对方无记录"
        UNKNOWN = "unknown", "unknown to us 我方无记录"
        AMOUNT = "amount", "another amount 金额不符"
        RESULT = "result", "another result 结果不符"
        TWICE = "twice", "twice with them 重复"
        UNCLEAR = "unclear", "they did not say 未答复"

    report = models.ForeignKey(
        Reconciliation, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    row = models.PositiveIntegerField(help_text="the row of their file, or our order")
    number = models.CharField(max_length=40)
    finding = models.CharField(max_length=7, choices=Finding)
    ours = models.CharField(max_length=9, default="", blank=True, help_text="our status")
    ours_fen = models.BigIntegerField(null=True)
    theirs = models.CharField(max_length=10, default="", blank=True, help_text="their result")
    theirs_fen = models.BigIntegerField(null=True)
    note = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "row", "number"], name="reconciliation_line")
        ]
        indexes = [
            models.Index(
                fields=["report", "id"],
                condition=~Q(finding="agreed"),
                name="reconciliation_exception",
            ),
        ]
        verbose_name = "reconciliation line 对账明细"
        verbose_name_plural = "reconciliation lines 对账明细"

    def __str__(self) -> str:
        return f"{self.number} {self.finding}"


class SandboxScript(models.Model):
    """What the sandbox does with its next calls, one row a call, in the order of the rows.
    Development alone."""

    mode = models.CharField(max_length=12)
    used_by = models.CharField(max_length=40, default="", blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=Q(used_at__isnull=True), name="sandbox_script_next"
            )
        ]
        verbose_name = "sandbox script 沙箱剧本"
        verbose_name_plural = "sandbox scripts 沙箱剧本"

    def __str__(self) -> str:
        return self.mode
