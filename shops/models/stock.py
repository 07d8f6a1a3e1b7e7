"""SKUs and their stock 库存."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.core.money import MAX_FEN
from shops.models.catalog import Product


class Sku(models.Model):
    """A sellable unit. available = on_hand - committed; the database refuses any other order of
    0 ≤ committed ≤ on_hand, so stock is never oversold (C4)."""

    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, related_name="skus", db_index=False
    )
    code = models.CharField(max_length=40)
    options = models.JSONField(default=dict, help_text='{"颜色": "雾蓝", "尺码": "S"}')
    price_fen = models.BigIntegerField()
    list_price_fen = models.BigIntegerField(null=True, blank=True)
    on_hand = models.IntegerField(default=0)
    committed = models.IntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "code"], name="sku_code_once"),
            models.UniqueConstraint(fields=["product", "options"], name="sku_options_once"),
            models.CheckConstraint(
                condition=Q(price_fen__gt=0, price_fen__lte=MAX_FEN // 10_000), name="sku_price"
            ),
            models.CheckConstraint(
                condition=Q(committed__gte=0, committed__lte=F("on_hand")), name="sku_stock"
            ),
        ]
        verbose_name = "SKU"
        verbose_name_plural = "SKUs"

    def __str__(self) -> str:
        return self.code


class StockMovement(models.Model):
    """One change of a SKU's stock; append-only, its sums equal the SKU's two numbers."""

    class Kind(models.TextChoices):
        ADJUST = "adjust", "adjust 调整"
        RESERVE = "reserve", "reserve 占用"
        RELEASE = "release", "release 释放"
        SHIP = "ship", "ship 出库"
        RETURN = "return", "return 退回"

    sku = models.ForeignKey(Sku, on_delete=models.CASCADE, related_name="movements", db_index=False)
    kind = models.CharField(max_length=7, choices=Kind)
    delta_on_hand = models.IntegerField(default=0)
    delta_committed = models.IntegerField(default=0)
    order_line_id = models.BigIntegerField(null=True, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=200, default="", blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["sku", "-id"], name="movement_sku")]
        verbose_name = "stock movement 库存流水"
        verbose_name_plural = "stock movements 库存流水"

    def __str__(self) -> str:
        return f"{self.kind} {self.delta_on_hand:+d}/{self.delta_committed:+d}"
