"""DAB and GMV by day and by shop: rolled up, and always equal to a recount from orders."""

from django.db import models


class DailyMetric(models.Model):
    """One business day of one shop; shop_id 0 is the whole market (its distinct buyers are not
    the sum of the shops')."""

    day = models.DateField()
    shop_id = models.BigIntegerField()
    orders = models.PositiveIntegerField(default=0)
    gmv_fen = models.BigIntegerField(default=0, help_text="payable of orders placed")
    dab = models.PositiveIntegerField(default=0, help_text="distinct buyers who placed an order")
    orders_paid = models.PositiveIntegerField(default=0)
    gmv_paid_fen = models.BigIntegerField(default=0)
    dab_paid = models.PositiveIntegerField(default=0)
    refunded_fen = models.BigIntegerField(default=0, help_text="refunds that succeeded that day")
    active_shops = models.PositiveIntegerField(default=0)
    rolled_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "shop_id"], name="metric_once")]
        indexes = [models.Index(fields=["shop_id", "day"], name="metric_shop_day")]
        verbose_name = "daily metric 每日指标"
        verbose_name_plural = "daily metrics 每日指标"

    def __str__(self) -> str:
        return f"{self.day} {self.shop_id}"


class MetricMark(models.Model):
    """A day that an event has touched and that the worker has still to recount."""

    day = models.DateField(primary_key=True)
    marked_at = models.DateTimeField()

    class Meta:
        verbose_name = "metric mark 待重算日"
        verbose_name_plural = "metric marks 待重算日"

    def __str__(self) -> str:
        return str(self.day)
