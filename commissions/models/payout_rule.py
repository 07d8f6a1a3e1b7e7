"""Payout rules 提现规则: what holds for money out, dated and never edited."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

DAY_MINUTES = 24 * 60


class PayoutRule(models.Model):
    """What holds for payouts from `effective_from` on, until a later row takes its place. Without
    a row the settings PAYOUT_MINIMUM_FEN and PAYOUT_FEE_FEN hold, and nothing else is limited.

    A window is open on days that fit both lists (an empty list fits every day; day 0 of the month
    is its last one), from a minute of the day to another, in the rule's own zone.
    """

    class TaxMethod(models.TextChoices):
        NONE = "none", "none 不代扣"
        LABOUR = "labour", "labour remuneration, per payment 劳务报酬按次预扣"
        CUMULATIVE = "cumulative", "cumulative, platform enterprises 累计预扣法"

    effective_from = models.DateTimeField(unique=True)
    minimum_fen = models.BigIntegerField(help_text="the least that is paid out")
    fee_fen = models.BigIntegerField(default=0, help_text="fixed part of the fee")
    fee_bps = models.PositiveIntegerField(default=0, help_text="share of the amount")
    fee_least_fen = models.BigIntegerField(default=0, help_text="the fee is at least this")
    fee_most_fen = models.BigIntegerField(
        null=True, blank=True, help_text="and at most this; empty: no ceiling"
    )
    zone = models.CharField(max_length=40, help_text="of windows and of days")
    request_weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    request_month_days = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    request_from = models.PositiveSmallIntegerField(default=0, help_text="minute of the day")
    request_to = models.PositiveSmallIntegerField(default=DAY_MINUTES)
    send_weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    send_month_days = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    send_from = models.PositiveSmallIntegerField(default=0, help_text="minute of the day")
    send_to = models.PositiveSmallIntegerField(default=DAY_MINUTES)
    person_daily_count = models.PositiveIntegerField(null=True, blank=True)
    person_daily_fen = models.BigIntegerField(null=True, blank=True)
    market_daily_count = models.PositiveIntegerField(null=True, blank=True)
    market_daily_fen = models.BigIntegerField(null=True, blank=True)
    second_over_fen = models.BigIntegerField(
        null=True, blank=True, help_text="more than this needs a second checker"
    )
    tax_method = models.CharField(max_length=10, choices=TaxMethod, default=TaxMethod.NONE)
    note = models.CharField(max_length=300)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(minimum_fen__gt=0, fee_fen__gte=0, fee_least_fen__gte=0)
                & Q(fee_bps__lte=5_000),
                name="payout_rule_fee",
            ),
            models.CheckConstraint(
                condition=Q(fee_most_fen__isnull=True) | Q(fee_most_fen__gte=F("fee_least_fen")),
                name="payout_rule_fee_edges",
            ),
            models.CheckConstraint(
                condition=Q(request_from__lt=F("request_to"), request_to__lte=DAY_MINUTES)
                & Q(send_from__lt=F("send_to"), send_to__lte=DAY_MINUTES),
                name="payout_rule_windows",
            ),
            models.CheckConstraint(
                condition=(Q(person_daily_fen__isnull=True) | Q(person_daily_fen__gt=0))
                & (Q(market_daily_fen__isnull=True) | Q(market_daily_fen__gt=0))
                & (Q(person_daily_count__isnull=True) | Q(person_daily_count__gt=0))
                & (Q(market_daily_count__isnull=True) | Q(market_daily_count__gt=0))
                & (Q(second_over_fen__isnull=True) | Q(second_over_fen__gte=0)),
                name="payout_rule_limits",
            ),
            models.CheckConstraint(
                condition=Q(effective_from__gte=F("made_at")), name="payout_rule_not_backwards"
            ),
        ]
        permissions = [("publish_payoutrule", "Can publish payout rules")]
        verbose_name = "payout rule 提现规则"
        verbose_name_plural = "payout rules 提现规则"

    def __str__(self) -> str:
        return f"payout rule {self.pk}"
