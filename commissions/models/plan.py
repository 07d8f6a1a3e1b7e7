"""Commission offers 佣金 of products and the plans 分佣方案 that set and divide what is owed."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from commissions.models.agency import Agency
from commissions.models.promoter import Promoter


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
    """A named way to pay for sales, of a shop or (without one) of the platform; its versions
    carry the numbers. The kind says to whom it speaks and how it ranks (docs/money.md)."""

    class Kind(models.TextChoices):
        OPEN = "open", "open 普通"
        TARGETED = "targeted", "targeted 定向"
        EXCLUSIVE = "exclusive", "exclusive 专属"
        CAMPAIGN = "campaign", "campaign 活动"

    shop = models.ForeignKey(
        "shops.Shop", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=9, choices=Kind, default=Kind.OPEN)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "commission plan 分佣方案"
        verbose_name_plural = "commission plans 分佣方案"

    def __str__(self) -> str:
        return self.name


class PlanVersion(models.Model):
    """The numbers of a plan, in force from `starts_at` to before `ends_at`. A published version
    never changes (the database refuses) but for an end; Σ of the shares of each chain ≤ 10,000,
    the rest goes back to the shop.

    Chain of a link: promoter + inviter + the inviter's inviter (where the market pays three
    levels). Chain of content (a note or live room): creator.

    `rate_bps` of the base, or `unit_fen` a unit; without either the product's own offer. Caps
    are of the budgets of one promoter under this plan: an order, a business day, a month.
    """

    plan = models.ForeignKey(
        CommissionPlan, on_delete=models.PROTECT, related_name="versions", db_index=False
    )
    # The plan's shop, written by the database (migration 0007): lines look for it.
    shop = models.ForeignKey(
        "shops.Shop",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    number = models.PositiveIntegerField()
    rate_bps = models.PositiveIntegerField(null=True, blank=True)
    unit_fen = models.BigIntegerField(null=True, blank=True, help_text="fen for each unit sold")
    promoter_bps = models.PositiveIntegerField()
    inviter_bps = models.PositiveIntegerField(default=0)
    inviter2_bps = models.PositiveIntegerField(default=0, db_default=0)
    creator_bps = models.PositiveIntegerField(default=10_000)
    charity_bps = models.PositiveIntegerField(default=0, help_text="of the platform fee")
    all_products = models.BooleanField(default=True, db_default=True)
    all_promoters = models.BooleanField(default=True, db_default=True)
    tiers = ArrayField(
        models.CharField(max_length=8), default=list, db_default=[], blank=True, size=3
    )
    tier_bonuses = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="bps added by tier: {tier: bps}"
    )
    cap_order_fen = models.BigIntegerField(null=True, blank=True)
    cap_day_fen = models.BigIntegerField(null=True, blank=True)
    cap_month_fen = models.BigIntegerField(null=True, blank=True)
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
            models.CheckConstraint(
                condition=(Q(rate_bps__isnull=True) | Q(unit_fen__isnull=True))
                & (Q(rate_bps__isnull=True) | Q(rate_bps__lte=10_000))
                & (Q(unit_fen__isnull=True) | Q(unit_fen__gt=0)),
                name="plan_one_rate",
            ),
            models.CheckConstraint(
                condition=(Q(cap_order_fen__isnull=True) | Q(cap_order_fen__gt=0))
                & (Q(cap_day_fen__isnull=True) | Q(cap_day_fen__gt=0))
                & (Q(cap_month_fen__isnull=True) | Q(cap_month_fen__gt=0)),
                name="plan_caps",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gte=F("starts_at")),
                name="plan_period",
            ),
            models.CheckConstraint(
                condition=Q(is_default=False)
                | Q(rate_bps__isnull=True, unit_fen__isnull=True, all_products=True)
                & Q(all_promoters=True, shop__isnull=True),
                name="plan_default_divides",
            ),
        ]
        indexes = [
            models.Index(
                fields=["shop", "starts_at"],
                name="plan_version_offering",
                condition=Q(published_at__isnull=False, is_default=False),
            )
        ]
        verbose_name = "plan version 方案版本"
        verbose_name_plural = "plan versions 方案版本"

    def __str__(self) -> str:
        return f"{self.plan_id} v{self.number}"


class PlanProduct(models.Model):
    """A product that a version names; one with `all_products` names none."""

    version = models.ForeignKey(
        PlanVersion, on_delete=models.CASCADE, related_name="products", db_index=False
    )
    product = models.ForeignKey(
        "shops.Product", on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "product"], name="plan_product_once")
        ]
        verbose_name = "plan product 方案商品"
        verbose_name_plural = "plan products 方案商品"

    def __str__(self) -> str:
        return f"version {self.version_id}: product {self.product_id}"


class PlanTarget(models.Model):
    """A promoter whom a version names; one with `all_promoters` names nobody."""

    version = models.ForeignKey(
        PlanVersion, on_delete=models.CASCADE, related_name="targets", db_index=False
    )
    promoter = models.ForeignKey(
        Promoter, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "promoter"], name="plan_target_once")
        ]
        verbose_name = "plan target 定向推客"
        verbose_name_plural = "plan targets 定向推客"

    def __str__(self) -> str:
        return f"version {self.version_id}: promoter {self.promoter_id}"


class PlanAgency(models.Model):
    """An agency whose members a version speaks to: whoever is one when the order is placed. A
    version with `all_promoters` names none."""

    version = models.ForeignKey(
        PlanVersion, on_delete=models.CASCADE, related_name="agencies", db_index=False
    )
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "agency"], name="plan_agency_once")
        ]
        verbose_name = "plan agency 定向机构"
        verbose_name_plural = "plan agencies 定向机构"

    def __str__(self) -> str:
        return f"version {self.version_id}: agency {self.agency_id}"
