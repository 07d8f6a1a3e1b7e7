"""After-sales 售后: refunds and their lines."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.core.states import Transitions
from shops.models.order import Order, OrderLine


class Refund(models.Model):
    """A buyer asks for money back, for one or more lines of an order."""

    class Kind(models.TextChoices):
        REFUND_ONLY = "refund_only", "refund only 仅退款"
        RETURN_REFUND = "return_refund", "return and refund 退货退款"

    class Status(models.TextChoices):
        REQUESTED = "requested", "requested 待商家处理"
        AWAITING_RETURN = "awaiting_return", "awaiting return 待买家退货"
        RETURNED = "returned", "returned 待商家收货"
        REFUNDING = "refunding", "refunding 退款中"
        SUCCEEDED = "succeeded", "succeeded 退款成功"
        REJECTED = "rejected", "rejected 商家拒绝"
        WITHDRAWN = "withdrawn", "withdrawn 买家撤销"
        CLOSED = "closed", "closed 已关闭"

    # Final states: succeeded, withdrawn, closed (published in docs/api, because nobody can use
    # an after-sales machine whose final states are a secret).
    TRANSITIONS: Transitions = {
        Status.REQUESTED: frozenset(
            {Status.AWAITING_RETURN, Status.REFUNDING, Status.REJECTED, Status.WITHDRAWN}
        ),
        Status.AWAITING_RETURN: frozenset({Status.RETURNED, Status.WITHDRAWN, Status.CLOSED}),
        Status.RETURNED: frozenset({Status.REFUNDING}),
        Status.REFUNDING: frozenset({Status.SUCCEEDED}),
        Status.REJECTED: frozenset({Status.CLOSED, Status.REFUNDING}),
        Status.SUCCEEDED: frozenset(),
        Status.WITHDRAWN: frozenset(),
        Status.CLOSED: frozenset(),
    }
    OPEN = (Status.REQUESTED, Status.AWAITING_RETURN, Status.RETURNED, Status.REFUNDING)

    number = models.CharField(max_length=32, unique=True)
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, related_name="refunds", db_index=False
    )
    kind = models.CharField(max_length=13, choices=Kind)
    reason = models.CharField(max_length=40)
    note = models.CharField(max_length=300, default="", blank=True)
    amount_fen = models.BigIntegerField(help_text="goods and shipping together")
    shipping_fen = models.BigIntegerField(default=0)
    status = models.CharField(max_length=15, choices=Status, default=Status.REQUESTED)
    requested_at = models.DateTimeField()
    deadline_at = models.DateTimeField(help_text="no answer by then: approved by the system")
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reject_reason = models.CharField(max_length=300, default="", blank=True)
    succeeded_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="when the provider was last asked to pay it back"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0, shipping_fen__gte=0), name="refund_amount"
            )
        ]
        indexes = [
            models.Index(fields=["order", "id"], name="refund_order"),
            models.Index(
                fields=["deadline_at"], name="refund_deadline", condition=Q(status="requested")
            ),
            models.Index(
                fields=["deadline_at"],
                name="refund_return_deadline",
                condition=Q(status__in=["awaiting_return", "returned"]),
            ),
            models.Index(
                F("asked_at").asc(nulls_first=True),
                "id",
                name="refund_to_ask",
                condition=Q(status="refunding"),
            ),
            models.Index(
                fields=["succeeded_at"], name="refund_succeeded", condition=Q(status="succeeded")
            ),
        ]
        verbose_name = "refund 退款"
        verbose_name_plural = "refunds 退款"

    def __str__(self) -> str:
        return self.number


class RefundLine(models.Model):
    """What of an order line is refunded; at most one open refund per line."""

    class Restock(models.TextChoices):
        CANCEL = "cancel", "cancel: never left 未发货"
        RETURN = "return", "return: back on the shelf 退货入库"
        NONE = "none", "none 不入库"

    refund = models.ForeignKey(
        Refund, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    order_line = models.ForeignKey(OrderLine, on_delete=models.PROTECT, related_name="refund_lines")
    qty = models.PositiveIntegerField()
    amount_fen = models.BigIntegerField()
    restock = models.CharField(max_length=6, choices=Restock, default=Restock.NONE)
    is_open = models.BooleanField(default=True, help_text="mirrors the refund's state")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order_line"], condition=Q(is_open=True), name="refund_line_one_open"
            ),
            models.UniqueConstraint(fields=["refund", "order_line"], name="refund_line_once"),
            models.CheckConstraint(condition=Q(amount_fen__gte=0), name="refund_line_amount"),
        ]
        verbose_name = "refund line 退款行"
        verbose_name_plural = "refund lines 退款行"

    def __str__(self) -> str:
        return f"{self.order_line_id}: {self.amount_fen}"
