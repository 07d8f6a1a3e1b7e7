"""The customer lock 锁客: who keeps a shop's customer, for how long.

Nothing is stored but what happened (`LockChange`) and the rules of the day (`LockSetting`), both
append-only. Who holds a customer at an instant is a function of these rows, `tuike_customer_lock`
in the database, so neither the order in which they arrive nor a replay can move it.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from commissions.models.promoter import Promoter


class LockSetting(models.Model):
    """How long clicks and paid orders bind a shop's customers, and who may take them over; in force
    from `since` until the shop's next one. Without a shop it is the platform's default."""

    class Mode(models.TextChoices):
        FIRST = "first", "first bind 首次绑定"
        LAST = "last", "last bind 最后绑定"
        OVERRIDE = "override", "override after the protect period 保护期后可抢绑"

    shop = models.ForeignKey(
        "shops.Shop", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.FIRST)
    click_product_days = models.PositiveSmallIntegerField(default=0)
    click_content_days = models.PositiveSmallIntegerField(default=0)
    click_live_days = models.PositiveSmallIntegerField(default=0)
    order_product_days = models.PositiveSmallIntegerField(default=0)
    order_content_days = models.PositiveSmallIntegerField(default=0)
    order_live_days = models.PositiveSmallIntegerField(default=0)
    protect_days = models.PositiveSmallIntegerField(default=0)
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "since"], name="lock_setting_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(
                    click_product_days__lte=365,
                    click_content_days__lte=365,
                    click_live_days__lte=365,
                    order_product_days__lte=365,
                    order_content_days__lte=365,
                    order_live_days__lte=365,
                    protect_days__lte=365,
                ),
                name="lock_setting_days",
            ),
        ]
        verbose_name = "lock setting 锁客设置"
        verbose_name_plural = "lock settings 锁客设置"

    def __str__(self) -> str:
        return f"locks of {self.shop or 'the platform'} since {self.since:%Y-%m-%d}"


class LockChange(models.Model):
    """A click or a paid order that binds, extends or takes over a customer, with the rules of its
    day: for `days` from `at` on. Append-only."""

    class Source(models.TextChoices):
        PRODUCT = "product", "product 商品"
        CONTENT = "content", "content 内容"
        LIVE = "live", "live 直播"

    class Cause(models.TextChoices):
        CLICK = "click", "click 点击"
        ORDER = "order", "paid order 支付订单"

    # No row-level foreign keys, as in Attribution: a rule of check_books looks at all at once.
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
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
    promoter = models.ForeignKey(
        Promoter, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    source = models.CharField(max_length=7, choices=Source)
    cause = models.CharField(max_length=5, choices=Cause)
    cause_id = models.BigIntegerField(help_text="touch or order line")
    days = models.PositiveSmallIntegerField()
    mode = models.CharField(max_length=8, choices=LockSetting.Mode)
    protect_days = models.PositiveSmallIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cause", "cause_id", "shop"], name="lock_change_once"),
            models.CheckConstraint(condition=Q(days__gt=0), name="lock_change_days"),
        ]
        indexes = [
            models.Index(fields=["buyer", "shop", "at"], name="lock_change_buyer"),
            models.Index(fields=["promoter", "-id"], name="lock_change_promoter"),
        ]
        verbose_name = "lock change 锁客记录"
        verbose_name_plural = "lock changes 锁客记录"

    def __str__(self) -> str:
        return f"{self.cause} {self.cause_id} binds to promoter {self.promoter_id}"
