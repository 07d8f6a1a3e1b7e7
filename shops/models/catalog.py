"""Categories 类目 and products (SPU) 商品."""

from django.db import models
from django.db.models import Q

from backend.core.states import Transitions
from shops.models.shop import Shop


class Category(models.Model):
    """A node of the public category tree; depth at most 3."""

    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=20)
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            # A parent is older than its child, so a cycle cannot be written.
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | Q(parent__lt=models.F("id")),
                name="category_no_cycle",
            )
        ]
        verbose_name = "category 类目"
        verbose_name_plural = "categories 类目"

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """SPU: what a shop shows; its SKUs are what it sells."""

    class Status(models.TextChoices):
        DRAFT = "draft", "draft 草稿"
        ON_SALE = "on_sale", "on sale 在售"
        OFF_SHELF = "off_shelf", "off shelf 下架"
        BANNED = "banned", "banned 封禁"

    TRANSITIONS: Transitions = {
        Status.DRAFT: frozenset({Status.ON_SALE, Status.BANNED}),
        Status.ON_SALE: frozenset({Status.OFF_SHELF, Status.BANNED}),
        Status.OFF_SHELF: frozenset({Status.ON_SALE, Status.BANNED}),
        Status.BANNED: frozenset({Status.OFF_SHELF}),
    }

    shop = models.ForeignKey(
        Shop, on_delete=models.PROTECT, related_name="products", db_index=False
    )
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=60)
    description = models.TextField(max_length=5000, default="", blank=True)
    image_url = models.CharField(max_length=300, default="", blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    return_window_days = models.PositiveSmallIntegerField(default=7)
    shipping_fee_fen = models.BigIntegerField(default=0)
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT)
    ban_reason = models.CharField(max_length=300, default="", blank=True)
    sales_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(return_window_days__range=(7, 30)), name="product_return_window"
            ),
            models.CheckConstraint(
                condition=Q(shipping_fee_fen__range=(0, 10**9)), name="product_shipping_fee"
            ),
        ]
        indexes = [
            models.Index(fields=["shop", "-id"], name="product_shop"),
            models.Index(
                fields=["category", "-id"], name="product_category", condition=Q(status="on_sale")
            ),
        ]
        verbose_name = "product 商品"
        verbose_name_plural = "products 商品"

    def __str__(self) -> str:
        return self.title
