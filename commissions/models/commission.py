"""Commission orders 佣金单: one per order line, with their splits and reversals."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.core.states import Transitions
from commissions.models.attribution import Attribution
from commissions.models.plan import PlanVersion


class CommissionOrder(models.Model):
    """What an order line earns its payees. `budget_fen` = half-even(base × rate), rounded once
    and at most what the fee leaves, or what `terms` say where a plan set it; `fee_fen` is the
    platform's own fee on the same base.

    `refunded_fen` is how much of the base the reversals posted so far answer for; `remaining_fen`
    falls with it and never below zero.
    """

    class Status(models.TextChoices):
        ESTIMATED = "estimated", "estimated 预估"
        CONFIRMED = "confirmed", "confirmed 已确认"
        SETTLED = "settled", "settled 已结算"
        INVALID = "invalid", "invalid 已失效"

    class Reason(models.TextChoices):
        NONE = "", "—"
        REFUNDED = "refunded", "refunded in full 全额退款"
        RISK_SELF_PHONE = "risk_self_phone", "buyer and payee share a phone 手机号相同"
        RISK_SELF_PAYER = "risk_self_payer", "buyer and payee share a payer 付款人相同"
        RISK_SELF_ADDRESS = "risk_self_address", "delivered to the payee 收货地址相同"
        RISK_VELOCITY_HOUR = "risk_velocity_hour", "many orders in an hour 一小时内订单过多"
        RISK_VELOCITY_DAY = "risk_velocity_day", "many orders in a day 一天内订单过多"
        RISK_SHARED_PAYEE = "risk_shared_payee", "shared payout account 多人共用收款账户"
        RISK_BANNED_SOURCE = "risk_banned_source", "banned source 已封禁来源"

    class Step(models.TextChoices):
        """The precedence of plans, the first that applies wins (docs/money.md)."""

        EXCLUSIVE = "exclusive", "exclusive plan 专属"
        TARGETED = "targeted", "targeted plan 定向"
        CAMPAIGN = "campaign", "campaign 活动"
        PRODUCT = "product", "product offer 商品佣金"
        TIER = "tier", "promoter tier 推客等级"
        SHOP = "shop", "shop plan 店铺"
        PLATFORM = "platform", "platform plan 平台"

    TRANSITIONS: Transitions = {
        Status.ESTIMATED: frozenset({Status.CONFIRMED, Status.INVALID}),
        Status.CONFIRMED: frozenset({Status.SETTLED, Status.INVALID}),
        Status.SETTLED: frozenset(),
        Status.INVALID: frozenset(),
    }

    # The line of its attribution, which the database has checked.
    order_line = models.OneToOneField(
        "shops.OrderLine", on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    # Of the same line, so there is one of each: a key of its own would be one more to keep.
    attribution = models.ForeignKey(
        Attribution,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    shop = models.ForeignKey(
        "shops.Shop",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    plan_version = models.ForeignKey(
        PlanVersion,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    # Empty on rows from before there were steps.
    step = models.CharField(max_length=9, choices=Step, default="", db_default="", blank=True)
    terms = models.JSONField(
        null=True, blank=True, help_text="how a plan priced the line; null: by the product's offer"
    )
    base_fen = models.BigIntegerField()
    rate_bps = models.PositiveIntegerField()
    fee_bps = models.PositiveIntegerField()
    budget_fen = models.BigIntegerField()
    fee_fen = models.BigIntegerField()
    refunded_fen = models.BigIntegerField(default=0)
    status = models.CharField(max_length=9, choices=Status, default=Status.ESTIMATED)
    reason = models.CharField(max_length=20, choices=Reason, default="", blank=True)
    held_reason = models.CharField(max_length=60, default="", blank=True)
    matures_at = models.DateTimeField(null=True, blank=True)
    accrued_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    # Made in the statement that marks its orders; see Attribution on foreign keys.
    settlement_run = models.ForeignKey(
        "commissions.SettlementRun",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(budget_fen__gte=0, fee_fen__gte=0)
                & Q(budget_fen__lte=F("base_fen") - F("fee_fen")),
                name="commission_within_base",
            ),
            models.CheckConstraint(
                condition=Q(refunded_fen__gte=0, refunded_fen__lte=F("base_fen")),
                name="commission_refunded",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["estimated", "invalid"]) | Q(matures_at__isnull=False),
                name="commission_matures",
            ),
            models.CheckConstraint(
                condition=~Q(status="invalid") | ~Q(reason=""), name="commission_invalid_reason"
            ),
        ]
        indexes = [
            models.Index(
                fields=["matures_at", "id"],
                name="commission_due",
                condition=Q(status="confirmed", held_reason=""),
            ),
            models.Index(
                fields=["settlement_run"],
                name="commission_run",
                condition=Q(settlement_run__isnull=False),
            ),
            models.Index(fields=["id"], name="commission_held", condition=~Q(held_reason="")),
            models.Index(
                fields=["plan_version"],
                name="commission_of_plan",
                condition=Q(terms__isnull=False),
            ),
        ]
        verbose_name = "commission order 佣金单"
        verbose_name_plural = "commission orders 佣金单"

    def __str__(self) -> str:
        return f"commission of line {self.order_line_id}"


class CommissionSplit(models.Model):
    """One payee's part of a commission order. Budget roles sum to the budget, fee roles to the
    fee, exactly.

    `share_bps` is of the budget or the fee; an agency's is of the part of its member, out of which
    it is paid. `amount_fen` is what the payee keeps."""

    class Role(models.TextChoices):
        PROMOTER = "promoter", "promoter 推客"
        AGENCY = "agency", "agency 机构"
        AGENCY2 = "agency2", "upper agency 上级机构"
        INVITER = "inviter", "inviter 邀请人"
        INVITER2 = "inviter2", "inviter's inviter 上级邀请人"
        CREATOR = "creator", "creator 创作者"
        SHOP = "shop", "back to the shop 退回店铺"
        PLATFORM = "platform", "platform 平台"
        CHARITY = "charity", "charity 公益"

    BUDGET_ROLES = (
        Role.PROMOTER,
        Role.AGENCY,
        Role.AGENCY2,
        Role.INVITER,
        Role.INVITER2,
        Role.CREATOR,
        Role.SHOP,
    )
    FEE_ROLES = (Role.PLATFORM, Role.CHARITY)

    commission = models.ForeignKey(
        CommissionOrder,
        on_delete=models.PROTECT,
        related_name="splits",
        db_index=False,
        db_constraint=False,
    )
    role = models.CharField(max_length=8, choices=Role)
    payee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    share_bps = models.PositiveIntegerField()
    amount_fen = models.BigIntegerField()
    reversed_fen = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["commission", "role"], name="split_role_once"),
            models.CheckConstraint(
                condition=Q(amount_fen__gte=0, reversed_fen__gte=0)
                & Q(reversed_fen__lte=F("amount_fen")),
                name="split_reversed",
            ),
            models.CheckConstraint(
                condition=Q(role__in=["shop", "platform", "charity"], payee__isnull=True)
                | (~Q(role__in=["shop", "platform", "charity"]) & Q(payee__isnull=False)),
                name="split_payee",
            ),
        ]
        indexes = [
            models.Index(
                fields=["payee", "-id"], name="split_payee_rows", condition=Q(payee__isnull=False)
            )
        ]
        verbose_name = "commission split 分佣"
        verbose_name_plural = "commission splits 分佣"

    def __str__(self) -> str:
        return f"{self.role} {self.amount_fen}"


class CommissionReversal(models.Model):
    """What a refund took back: the cumulative target for what is refunded so far, minus what is
    already reversed. One row per commission and refunded total, so no order of events and no
    repetition can reverse twice."""

    commission = models.ForeignKey(
        CommissionOrder, on_delete=models.PROTECT, related_name="reversals", db_index=False
    )
    refunded_fen = models.BigIntegerField(help_text="of the base, cumulative")
    amount_fen = models.BigIntegerField(help_text="budget and fee parts reversed by this row")
    settled = models.BooleanField(help_text="taken from available, not from pending")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["commission", "refunded_fen"], name="reversal_once")
        ]
        verbose_name = "commission reversal 佣金冲回"
        verbose_name_plural = "commission reversals 佣金冲回"

    def __str__(self) -> str:
        return f"{self.commission_id} −{self.amount_fen}"
