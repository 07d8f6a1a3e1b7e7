"""Risk 风控: why a commission is held, who decided what, and sources that nobody may earn by."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from backend.core.states import Transitions
from commissions.models.commission import CommissionOrder


class RiskCase(models.Model):
    """A rule's suspicion about one commission order, and what a person decided. One case per
    commission and rule for ever: who was released once is not held again for the same reason."""

    class Rule(models.TextChoices):
        SELF_PHONE = "self_phone", "buyer and payee share a phone 手机号相同"
        SELF_PAYER = "self_payer", "buyer and payee share a payer 付款人相同"
        SELF_ADDRESS = "self_address", "delivered to the payee 收货地址相同"
        VELOCITY_HOUR = "velocity_hour", "many orders in an hour 一小时内订单过多"
        VELOCITY_DAY = "velocity_day", "many orders in a day 一天内订单过多"
        SHARED_PAYEE = "shared_payee", "payout account of several people 多人共用收款账户"
        BANNED_SOURCE = "banned_source", "banned source 已封禁来源"

    class Status(models.TextChoices):
        OPEN = "open", "open 待处理"
        RELEASED = "released", "released 已放行"
        INVALIDATED = "invalidated", "invalidated 已作废"

    TRANSITIONS: Transitions = {
        Status.OPEN: frozenset({Status.RELEASED, Status.INVALIDATED}),
        Status.RELEASED: frozenset(),
        Status.INVALIDATED: frozenset(),
    }

    commission = models.ForeignKey(
        CommissionOrder, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    rule = models.CharField(max_length=14, choices=Rule)
    evidence = models.JSONField(default=dict, help_text="ids and counts alone")
    status = models.CharField(max_length=11, choices=Status, default=Status.OPEN)
    opened_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=300, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["commission", "rule"], name="risk_case_once"),
            models.CheckConstraint(
                condition=Q(status="open", decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(status="open") & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="risk_case_decided",
            ),
        ]
        indexes = [models.Index(fields=["id"], name="risk_case_open", condition=Q(status="open"))]
        verbose_name = "risk case 风控案件"
        verbose_name_plural = "risk cases 风控案件"

    def __str__(self) -> str:
        return f"case {self.pk}"


class BannedSource(models.Model):
    """A link, note, live room, coupon code or promoter by which nobody earns unseen: what is
    accrued by it is held. Lifting a ban is a date, not a deletion."""

    class Kind(models.TextChoices):
        REFERRAL = "referral", "promotion link 推广链接"
        NOTE = "note", "note 笔记"
        LIVE = "live", "live 直播"
        COUPON = "coupon", "coupon code 优惠码"
        PROMOTER = "promoter", "promoter 推客"

    kind = models.CharField(max_length=8, choices=Kind)
    source_id = models.BigIntegerField()
    reason = models.CharField(max_length=300)
    banned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    banned_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "source_id"],
                condition=Q(lifted_at__isnull=True),
                name="banned_source_once",
            )
        ]
        verbose_name = "banned source 封禁来源"
        verbose_name_plural = "banned sources 封禁来源"

    def __str__(self) -> str:
        return f"{self.kind} {self.source_id}"
