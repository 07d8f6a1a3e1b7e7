"""What is used of a plan: its fund 预算 and the counters of its caps."""

from django.db import models
from django.db.models import F, Q

from commissions.models.plan import CommissionPlan


class PlanFund(models.Model):
    """A plan's budget in fen, what its lines took of it and what refunds gave back. Never
    exceeded: the row is locked by whoever takes, and the CHECK refuses what a bug would do."""

    plan = models.OneToOneField(
        CommissionPlan, primary_key=True, on_delete=models.PROTECT, related_name="fund"
    )
    funded_fen = models.BigIntegerField()
    taken_fen = models.BigIntegerField(default=0)
    returned_fen = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(returned_fen__gte=0, returned_fen__lte=F("taken_fen"))
                & Q(taken_fen__lte=F("funded_fen") + F("returned_fen")),
                name="plan_fund_never_exceeded",
            )
        ]
        verbose_name = "plan fund 方案预算"
        verbose_name_plural = "plan funds 方案预算"

    def __str__(self) -> str:
        return f"fund of plan {self.plan_id}"


class PlanReturn(models.Model):
    """What a refund gave back to a fund and no taker has added up yet. A row instead of an
    update of the fund: who reverses holds commissions, who takes holds funds, and neither may
    wait for the other."""

    plan = models.ForeignKey(
        CommissionPlan, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    commission_id = models.BigIntegerField()
    amount_fen = models.BigIntegerField()

    class Meta:
        verbose_name = "plan return 预算退回"
        verbose_name_plural = "plan returns 预算退回"

    def __str__(self) -> str:
        return f"{self.amount_fen} back to plan {self.plan_id}"


class PlanCounter(models.Model):
    """What counts against a cap: the budgets of one promoter's lines under one plan, in an
    order, a business day or a month. Only ever grows: a refund does not open a cap again."""

    class Kind(models.TextChoices):
        ORDER = "order", "an order 单笔"
        DAY = "day", "a day 每日"
        MONTH = "month", "a month 每月"

    plan = models.ForeignKey(
        CommissionPlan,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    kind = models.CharField(max_length=5, choices=Kind)
    account_id = models.BigIntegerField(help_text="who earns: the promoter or creator")
    # An order's id, or the first day of the period as YYYYMMDD.
    period = models.BigIntegerField()
    used_fen = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "kind", "account_id", "period"], name="plan_counter_once"
            ),
            models.CheckConstraint(condition=Q(used_fen__gte=0), name="plan_counter_used"),
        ]
        verbose_name = "plan counter 封顶计数"
        verbose_name_plural = "plan counters 封顶计数"

    def __str__(self) -> str:
        return f"plan {self.plan_id} {self.kind} {self.period}: {self.used_fen}"
