"""Settlement 结算: what matured becomes available, netted per payee, by a calendar of periods."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class SettlementRule(models.Model):
    """When what has matured settles, from `starts_at` until the next rule of the same shop, or of
    the market where `shop` is empty. Append-only: another wish is a later rule."""

    class Cadence(models.TextChoices):
        ROLLING = "rolling", "each by itself, T+n 逐单"
        DAILY = "daily", "by the day 日结"
        WEEKLY = "weekly", "by the week, from Monday 周结"
        MONTHLY = "monthly", "by the month 月结"

    shop = models.ForeignKey(
        "shops.Shop",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    cadence = models.CharField(max_length=7, choices=Cadence)
    settle_days = models.PositiveSmallIntegerField(
        default=0,
        help_text="rolling: days after an order matured; else: days after its period's end",
    )
    zone = models.CharField(max_length=64, help_text="whose midnights end the periods")
    starts_at = models.DateTimeField(help_text="a midnight of the zone")
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "starts_at"], name="settlement_rule_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(settle_days__lte=90), name="settlement_rule_settle_days"
            ),
            # What calendars.AHEAD allows, and the hours between a zone's midnight and UTC's.
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("made_at") + timedelta(days=95)),
                name="settlement_rule_near",
            ),
        ]
        verbose_name = "settlement rule 结算规则"
        verbose_name_plural = "settlement rules 结算规则"

    def __str__(self) -> str:
        return f"{self.cadence} T+{self.settle_days} {self.zone}"


class SettlementPeriod(models.Model):
    """One period [from_at, to_at) of the market's calendar, or of a shop's own: whatever matured in
    it settles in runs of this period, whatever was posted in it stands in its statements.

    Bounds, rule and zone never change; two periods of one calendar never overlap (by the
    database). What settles after `closed_at` does so in late runs."""

    rule = models.ForeignKey(SettlementRule, on_delete=models.PROTECT, related_name="periods")
    shop = models.ForeignKey(
        "shops.Shop",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    label = models.CharField(max_length=10, help_text="2026-11, 2026-W45 or 2026-11-03")
    zone = models.CharField(max_length=64)
    from_at = models.DateTimeField()
    to_at = models.DateTimeField()
    closed_at = models.DateTimeField(
        null=True, blank=True, help_text="what settles later is late 结算关闭"
    )
    stating_at = models.DateTimeField(
        null=True, blank=True, help_text="since when its statements are being written"
    )
    stated_at = models.DateTimeField(null=True, blank=True, help_text="all statements are written")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "from_at"], name="settlement_period_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(from_at__lt=F("to_at")), name="settlement_period_edges"
            ),
        ]
        indexes = [
            models.Index(
                fields=["to_at", "id"],
                name="settlement_period_open",
                condition=Q(closed_at__isnull=True) | Q(stated_at__isnull=True),
            )
        ]
        permissions = [("restate_settlementperiod", "Can re-state a closed settlement period")]
        verbose_name = "settlement period 结算周期"
        verbose_name_plural = "settlement periods 结算周期"

    def __str__(self) -> str:
        return f"{self.label} {self.zone}"


class SettlementRun(models.Model):
    """One settled batch: the commission orders carry its id, the postings its journals. Its period
    says between which instants they matured, by which rule and whose midnights."""

    # Empty on rows from before there were periods.
    period = models.ForeignKey(
        SettlementPeriod, null=True, on_delete=models.PROTECT, related_name="runs"
    )
    late = models.BooleanField(
        default=False, db_default=False, help_text="settled after its period was closed"
    )

    as_of = models.DateTimeField(help_text="what matured before this instant")
    started_at = models.DateTimeField()
    orders = models.PositiveIntegerField(default=0)
    amount_fen = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = "settlement run 结算批次"
        verbose_name_plural = "settlement runs 结算批次"

    def __str__(self) -> str:
        return f"settlement {self.pk}"


class SettlementPosting(models.Model):
    """One payee's net amount of a run: the subject of one journal."""

    class Role(models.TextChoices):
        PERSON = "person", "person 个人"
        PLATFORM = "platform", "platform 平台"
        CHARITY = "charity", "charity 公益"

    # A rule of the books compares every posting with what its run's commissions owed whom.
    run = models.ForeignKey(
        SettlementRun,
        on_delete=models.PROTECT,
        related_name="postings",
        db_index=False,
        db_constraint=False,
    )
    payee_kind = models.CharField(max_length=8, choices=Role)
    payee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    amount_fen = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "payee_kind", "payee"],
                name="posting_once",
                nulls_distinct=False,
            )
        ]
        verbose_name = "settlement posting 结算明细"
        verbose_name_plural = "settlement postings 结算明细"

    def __str__(self) -> str:
        return f"{self.payee_kind} {self.amount_fen}"


class Restatement(models.Model):
    """A closed period, stated anew as of `at`: what has changed since the statement before, as
    dated differences. No money moves: each line names the journal that has moved it."""

    period = models.ForeignKey(
        SettlementPeriod, on_delete=models.PROTECT, related_name="restatements", db_index=False
    )
    number = models.PositiveIntegerField(help_text="1, 2 … within the period")
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=300)
    lines_count = models.PositiveIntegerField()
    amount_fen = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["period", "number"], name="restatement_once"),
            models.CheckConstraint(
                condition=Q(number__gte=1, lines_count__gte=1) & ~Q(reason=""),
                name="restatement_says_something",
            ),
        ]
        verbose_name = "re-statement 结算重述"
        verbose_name_plural = "re-statements 结算重述"

    def __str__(self) -> str:
        return f"{self.period} #{self.number}"


class RestatementLine(models.Model):
    """One difference: what the journal of a later refund, override or late run has moved in a
    payee's available account. A journal stands in one re-statement, once an account."""

    pk = models.CompositePrimaryKey("account_id", "journal_id")
    account_id = models.BigIntegerField()
    journal_id = models.BigIntegerField()
    restatement = models.ForeignKey(Restatement, on_delete=models.PROTECT, related_name="lines")
    # What it corrects: the commission order, empty where a whole late run is meant.
    commission_id = models.BigIntegerField(null=True)
    run_id = models.BigIntegerField(help_text="the run that it corrects, or the late one")
    amount_fen = models.BigIntegerField()

    class Meta:
        verbose_name = "re-statement line 重述明细"
        verbose_name_plural = "re-statement lines 重述明细"

    def __str__(self) -> str:
        return f"{self.journal_id}: {self.amount_fen:+d}"
