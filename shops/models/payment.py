"""Money in: payments 支付 and the providers' notices."""

from django.db import models
from django.db.models import F, Q

from backend.core.states import Transitions
from shops.models.order import Checkout


class Payment(models.Model):
    """One payment of a checkout that a provider has confirmed. A checkout has at most one; money
    that comes for a checkout that is no longer open is sent back whole."""

    class Status(models.TextChoices):
        ACCEPTED = "accepted", "accepted 已入账"
        RETURNING = "returning", "returning 退回中"
        RETURNED = "returned", "returned 已退回"

    TRANSITIONS: Transitions = {
        Status.ACCEPTED: frozenset(),
        Status.RETURNING: frozenset({Status.RETURNED}),
        Status.RETURNED: frozenset(),
    }

    checkout = models.ForeignKey(Checkout, on_delete=models.PROTECT, related_name="payments")
    provider = models.CharField(max_length=20)
    transaction_id = models.CharField(max_length=64)
    amount_fen = models.BigIntegerField()
    payer = models.CharField(max_length=64, default="", blank=True)
    status = models.CharField(max_length=9, choices=Status, default=Status.ACCEPTED)
    paid_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="when the provider was last asked to send it back"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "transaction_id"], name="payment_transaction_once"
            ),
            models.UniqueConstraint(
                fields=["checkout"], condition=Q(status="accepted"), name="payment_one_accepted"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payment_amount"),
        ]
        indexes = [
            # What the job has still to send back: small however long the history grows.
            models.Index(
                F("asked_at").asc(nulls_first=True),
                "id",
                name="payment_to_return",
                condition=Q(status="returning"),
            ),
            # Who else has been paid for by this payer.
            models.Index(fields=["payer"], name="payment_payer", condition=~Q(payer="")),
        ]
        verbose_name = "payment 支付"
        verbose_name_plural = "payments 支付"

    def __str__(self) -> str:
        return self.transaction_id


class PaymentNotice(models.Model):
    """The inbox of callbacks: one row per notice id, so a replay does nothing."""

    provider = models.CharField(max_length=20)
    notice_id = models.CharField(max_length=64)
    body = models.JSONField()
    outcome = models.CharField(max_length=40, default="", blank=True)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "notice_id"], name="notice_once")
        ]
        verbose_name = "payment notice 支付通知"
        verbose_name_plural = "payment notices 支付通知"

    def __str__(self) -> str:
        return self.notice_id
