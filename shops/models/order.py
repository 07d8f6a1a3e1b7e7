"""Checkouts, orders 订单 and their lines."""

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q, Value

from backend.core.money import MAX_FEN
from backend.core.states import Transitions
from shops.models.shop import Shop
from shops.models.stock import Sku


class BusinessDay(Func):
    """The calendar day of an instant in the zone fixed when the column was made.

    A stored column makes the day questions of DAB and GMV 4 to 5 times cheaper, and a change
    of the setting cannot move yesterday's orders.
    """

    template = "((%(expressions)s)::date)"
    arity = 1
    output_field = models.DateField()

    def __init__(self, column: str) -> None:
        super().__init__(Func(Value("Asia/Shanghai"), F(column), function="timezone"))


class Checkout(models.Model):
    """What a buyer pays in one go: one payment for the orders of one or more shops."""

    class Status(models.TextChoices):
        PENDING = "pending", "pending payment 待支付"
        PAID = "paid", "paid 已支付"
        EXPIRED = "expired", "expired 已过期"
        CANCELLED = "cancelled", "cancelled 已取消"

    TRANSITIONS: Transitions = {
        Status.PENDING: frozenset({Status.PAID, Status.EXPIRED, Status.CANCELLED}),
        Status.PAID: frozenset(),
        Status.EXPIRED: frozenset(),
        Status.CANCELLED: frozenset(),
    }

    number = models.CharField(max_length=32, unique=True)
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    address = models.JSONField(help_text="copy of the address at checkout")
    total_fen = models.BigIntegerField()
    status = models.CharField(max_length=9, choices=Status, default=Status.PENDING)
    click_id = models.CharField(
        max_length=40, default="", blank=True, help_text="what the click left behind, if anything"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(total_fen__gt=0, total_fen__lte=MAX_FEN), name="checkout_total"
            )
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], name="checkout_expiry", condition=Q(status="pending")
            ),
            models.Index(fields=["buyer", "-id"], name="checkout_buyer"),
        ]
        permissions = [("unmask_checkout", "Can see buyers' addresses in clear")]
        verbose_name = "checkout 结算单"
        verbose_name_plural = "checkouts 结算单"

    def __str__(self) -> str:
        return self.number


class Order(models.Model):
    """The goods of one shop in one checkout. States are the platform's own words; docs/api
    gives Xiaohongshu's and WeChat's codes beside them."""

    class Status(models.TextChoices):
        PENDING_PAYMENT = "pending_payment", "pending payment 待付款"
        PAID = "paid", "paid 待发货"
        PARTIALLY_SHIPPED = "partially_shipped", "partially shipped 部分发货"
        SHIPPED = "shipped", "shipped 待收货"
        RECEIVED = "received", "received 已收货"
        COMPLETED = "completed", "completed 已完成"
        CANCELLED = "cancelled", "cancelled 已取消"
        CLOSED = "closed", "closed 已关闭"
        # Made on another platform and known by what a partner told: nothing happens to it here.
        EXTERNAL = "external", "made elsewhere 站外订单"

    TRANSITIONS: Transitions = {
        Status.PENDING_PAYMENT: frozenset({Status.PAID, Status.CANCELLED}),
        Status.PAID: frozenset({Status.PARTIALLY_SHIPPED, Status.SHIPPED, Status.CLOSED}),
        Status.PARTIALLY_SHIPPED: frozenset(
            {Status.PARTIALLY_SHIPPED, Status.SHIPPED, Status.CLOSED}
        ),
        Status.SHIPPED: frozenset({Status.RECEIVED, Status.CLOSED}),
        Status.RECEIVED: frozenset({Status.COMPLETED, Status.CLOSED}),
        Status.COMPLETED: frozenset({Status.CLOSED}),
        Status.CANCELLED: frozenset(),
        Status.CLOSED: frozenset(),
        Status.EXTERNAL: frozenset(),
    }

    number = models.CharField(max_length=32, unique=True)
    checkout = models.ForeignKey(Checkout, on_delete=models.PROTECT, related_name="orders")
    shop = models.ForeignKey(Shop, on_delete=models.PROTECT, related_name="orders", db_index=False)
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    status = models.CharField(max_length=17, choices=Status, default=Status.PENDING_PAYMENT)
    goods_fen = models.BigIntegerField()
    shipping_fen = models.BigIntegerField(default=0)
    discount_fen = models.BigIntegerField(default=0)
    payable_fen = models.BigIntegerField()
    paid_fen = models.BigIntegerField(default=0)
    refunded_fen = models.BigIntegerField(default=0)
    refunded_shipping_fen = models.BigIntegerField(default=0)
    placed_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)
    shipped_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    ship_by = models.DateTimeField(null=True, blank=True)
    auto_receive_at = models.DateTimeField(null=True, blank=True)
    aftersale_until = models.DateTimeField(null=True, blank=True)
    placed_day = models.GeneratedField(
        expression=BusinessDay("placed_at"), output_field=models.DateField(), db_persist=True
    )
    paid_day = models.GeneratedField(
        expression=BusinessDay("paid_at"), output_field=models.DateField(), db_persist=True
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(payable_fen=F("goods_fen") + F("shipping_fen") - F("discount_fen"))
                & Q(payable_fen__gte=0, goods_fen__gt=0, shipping_fen__gte=0, discount_fen__gte=0),
                name="order_payable",
            ),
            models.CheckConstraint(
                condition=Q(paid_fen=0) | Q(paid_fen=F("payable_fen")), name="order_paid_exactly"
            ),
            models.CheckConstraint(
                condition=Q(refunded_fen__gte=0, refunded_fen__lte=F("paid_fen")),
                name="order_refunded",
            ),
            models.CheckConstraint(
                condition=Q(
                    refunded_shipping_fen__gte=0, refunded_shipping_fen__lte=F("shipping_fen")
                ),
                name="order_refunded_shipping",
            ),
        ]
        indexes = [
            models.Index(fields=["buyer", "-id"], name="order_buyer"),
            models.Index(fields=["shop", "-id"], name="order_shop"),
            models.Index(fields=["placed_day", "shop"], name="order_placed_day"),
            models.Index(fields=["paid_day", "shop"], name="order_paid_day"),
            models.Index(
                fields=["auto_receive_at"], name="order_auto_receive", condition=Q(status="shipped")
            ),
            models.Index(
                fields=["aftersale_until"], name="order_complete", condition=Q(status="received")
            ),
        ]
        verbose_name = "order 订单"
        verbose_name_plural = "orders 订单"

    def __str__(self) -> str:
        return self.number


class OrderLine(models.Model):
    """One SKU of an order, with everything that money rules need frozen on it."""

    class Source(models.TextChoices):
        NOTE = "note", "note 笔记"
        LIVE = "live", "live 直播"
        REFERRAL = "referral", "referral link 推广链接"
        SHOP = "shop", "shop 店铺"
        SEARCH = "search", "search 搜索"
        DIRECT = "direct", "direct 直接"
        EXTERNAL = "external", "made elsewhere 站外"

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="lines", db_index=False)
    sku = models.ForeignKey(Sku, on_delete=models.PROTECT, related_name="+")
    product = models.ForeignKey("shops.Product", on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=60)
    options = models.JSONField(default=dict)
    unit_price_fen = models.BigIntegerField()
    qty = models.PositiveIntegerField()
    discount_fen = models.BigIntegerField(default=0)
    payable_fen = models.BigIntegerField()
    paid_fen = models.BigIntegerField(default=0)
    shipped_qty = models.PositiveIntegerField(default=0)
    refunded_qty = models.PositiveIntegerField(default=0)
    refunded_fen = models.BigIntegerField(default=0)
    return_window_days = models.PositiveSmallIntegerField()
    fee_bps = models.PositiveIntegerField(help_text="platform fee frozen at checkout, bps")
    commission_bps = models.PositiveIntegerField(
        default=0, help_text="commission offer frozen at checkout, bps"
    )
    offer_id = models.BigIntegerField(null=True, blank=True)
    coupon_id = models.BigIntegerField(
        null=True, blank=True, help_text="coupon code named at checkout"
    )
    source_kind = models.CharField(max_length=8, choices=Source, default=Source.DIRECT)
    source_id = models.BigIntegerField(null=True, blank=True)
    referral_code = models.CharField(max_length=16, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "sku"], name="line_sku_once"),
            models.CheckConstraint(
                condition=Q(payable_fen=F("unit_price_fen") * F("qty") - F("discount_fen"))
                & Q(qty__gt=0, unit_price_fen__gt=0, discount_fen__gte=0, payable_fen__gte=0),
                name="line_payable",
            ),
            models.CheckConstraint(
                condition=Q(paid_fen=0) | Q(paid_fen=F("payable_fen")), name="line_paid_exactly"
            ),
            models.CheckConstraint(
                condition=Q(refunded_fen__gte=0, refunded_fen__lte=F("paid_fen"))
                & Q(refunded_qty__lte=F("qty")),
                name="line_refunded",
            ),
            models.CheckConstraint(condition=Q(shipped_qty__lte=F("qty")), name="line_shipped"),
            models.CheckConstraint(
                condition=Q(fee_bps__lte=10_000, commission_bps__lte=10_000), name="line_rates"
            ),
        ]
        indexes = [
            models.Index(fields=["source_kind", "source_id"], name="line_source"),
        ]
        verbose_name = "order line 订单行"
        verbose_name_plural = "order lines 订单行"

    def __str__(self) -> str:
        return f"{self.title} × {self.qty}"


class OrderEvent(models.Model):
    """The order's history: who moved it, when; append-only."""

    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="history", db_index=False
    )
    kind = models.CharField(max_length=40)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    data = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["order", "id"], name="order_event_order")]
        verbose_name = "order event 订单事件"
        verbose_name_plural = "order events 订单事件"

    def __str__(self) -> str:
        return self.kind
