"""Commission offers 佣金 of products and the plans 分佣方案 that divide them."""

from django.db import models
from django.db.models import F, Q


class CommissionOffer(models.Model):
    """What a shop offers for selling one product: a rate of the net amount paid, in bps. Rows
    are never edited: a change ends the active row and writes a new one."""

    product = models.ForeignKey("shops.Product", on_delete=models.PROTECT, related_name="+")
    rate_bps = models.PositiveIntegerField()
    is_active = models.BooleanField(default=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["product"], condition=Q(is_active=True), name="offer_one_active"
            ),
            models.CheckConstraint(condition=Q(rate_bps__lte=10_000), name="offer_rate"),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")),
                name="offer_period",
            ),
        ]
        verbose_name = "commission offer 佣金"
        verbose_name_plural = "commission offers 佣金"

    def __str__(self) -> str:
        return f"product {self.product_id}: {self.rate_bps} bps"


class CommissionPlan(models.Model):
    """A named way to divide a line's commission budget; its versions carry the numbers."""

    class Kind(models.TextChoices):
        OPEN = "open", "open 普通"
        TARGETED = "targeted", "targeted 定向"
        EXCLUSIVE = "exclusive", "exclusive 专属"
        CAMPAIGN = "campaign", "campaign 活动"

    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=9, choices=Kind, default=Kind.OPEN)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "commission plan 分佣方案"
        verbose_name_plural = "commission plans 分佣方案"

    def __str__(self) -> str:
        return self.name


class PlanVersion(models.Model):
    """The shares of a plan, in bps of the budget. A published version never changes (the
    database refuses); Σ of the shares of each chain ≤ 10,000, the rest goes back to the shop.

    Chain of a link: promoter + inviter + the inviter's inviter (where the market pays three
    levels). Chain of content (a note or live room): creator.
    """

    plan = models.ForeignKey(
        CommissionPlan, on_delete=models.PROTECT, related_name="versions", db_index=False
    )
    number = models.PositiveIntegerField()
    promoter_bps = models.PositiveIntegerField()
    inviter_bps = models.PositiveIntegerField(default=0)
    inviter2_bps = models.PositiveIntegerField(default=0, db_default=0)
    creator_bps = models.PositiveIntegerField(default=10_000)
    charity_bps = models.PositiveIntegerField(default=0, help_text="of the platform fee")
    is_default = models.BooleanField(default=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="plan_version_once"),
            models.CheckConstraint(
                condition=Q(promoter_bps__lte=10_000 - F("inviter_bps") - F("inviter2_bps"))
                & Q(inviter_bps__lte=10_000, creator_bps__lte=10_000, charity_bps__lte=10_000),
                name="plan_not_over_100_percent",
            ),
        ]
        verbose_name = "plan version 方案版本"
        verbose_name_plural = "plan versions 方案版本"

    def __str__(self) -> str:
        return f"{self.plan_id} v{self.number}"
