"""Money out: payees' accounts, payouts 提现, attempts and batches."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.core.states import Transitions
from commissions.models.payout_rule import PayoutRule


class PayeeAccount(models.Model):
    """Where a person's money goes. Name and number are encrypted; what is shown is masked."""

    class Provider(models.TextChoices):
        BANK_FILE = "bank_file", "bank batch file 银行批量文件"
        SANDBOX = "sandbox", "sandbox 沙箱"
        WECHAT = "wechat", "WeChat Pay 微信零钱"
        ALIPAY = "alipay", "Alipay 支付宝"

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payee_accounts"
    )
    provider = models.CharField(max_length=9, choices=Provider)
    holder_name_sealed = models.BinaryField()
    number_sealed = models.BinaryField()
    number_masked = models.CharField(max_length=40)
    fingerprint = models.CharField(
        max_length=64, help_text="HMAC of provider and number: finds the same account twice"
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(is_active=True), name="payee_one_active"
            )
        ]
        indexes = [models.Index(fields=["fingerprint"], name="payee_fingerprint")]
        permissions = [("unmask_payeeaccount", "Can see payees' names and numbers in clear")]
        verbose_name = "payee account 收款账户"
        verbose_name_plural = "payee accounts 收款账户"

    def __str__(self) -> str:
        return self.number_masked


class PayoutBatch(models.Model):
    """A file for the bank: which payouts went out together."""

    class Status(models.TextChoices):
        BUILT = "built", "built 已生成"
        ANSWERED = "answered", "answered 已回盘"

    TRANSITIONS: Transitions = {
        Status.BUILT: frozenset({Status.ANSWERED}),
        Status.ANSWERED: frozenset(),
    }

    number = models.CharField(max_length=32, unique=True)
    provider = models.CharField(max_length=9)
    status = models.CharField(max_length=8, choices=Status, default=Status.BUILT)
    payouts_count = models.PositiveIntegerField()
    total_fen = models.BigIntegerField()
    built_at = models.DateTimeField()
    built_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "payout batch 打款批次"
        verbose_name_plural = "payout batches 打款批次"

    def __str__(self) -> str:
        return self.number


class Payout(models.Model):
    """A promise of money to a person. Its money leaves `available` when it is requested and is
    held in transit until the channel's final answer."""

    class Status(models.TextChoices):
        REQUESTED = "requested", "requested 已申请"
        PREPARED = "prepared", "prepared 已初审"
        CHECKED = "checked", "approved once, needs a second checker 待二次复核"
        APPROVED = "approved", "approved 已复核"
        SENDING = "sending", "sending 打款中"
        UNKNOWN = "unknown", "unknown result 结果未知"
        PAID = "paid", "paid 已到账"
        FAILED = "failed", "failed 失败"
        REJECTED = "rejected", "rejected 已驳回"
        CANCELLED = "cancelled", "cancelled 已撤销"

    TRANSITIONS: Transitions = {
        Status.REQUESTED: frozenset({Status.PREPARED, Status.REJECTED, Status.CANCELLED}),
        Status.PREPARED: frozenset({Status.CHECKED, Status.APPROVED, Status.REJECTED}),
        Status.CHECKED: frozenset({Status.APPROVED, Status.REJECTED}),
        Status.APPROVED: frozenset({Status.SENDING, Status.REJECTED}),  # rejected only while held
        Status.SENDING: frozenset({Status.PAID, Status.FAILED, Status.UNKNOWN}),
        Status.UNKNOWN: frozenset({Status.PAID, Status.FAILED}),
        Status.PAID: frozenset(),
        Status.FAILED: frozenset(),
        Status.REJECTED: frozenset(),
        Status.CANCELLED: frozenset(),
    }

    number = models.CharField(
        max_length=32, unique=True, help_text="the channel's idempotency key, for life"
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="payouts",
        db_index=False,
    )
    payee = models.ForeignKey(PayeeAccount, on_delete=models.PROTECT, related_name="payouts")
    amount_fen = models.BigIntegerField(help_text="taken from available")
    fee_fen = models.BigIntegerField(default=0)
    tax_fen = models.BigIntegerField(default=0, help_text="withheld for the tax office")
    rule = models.ForeignKey(
        PayoutRule,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="the rule it was asked under; none: the settings",
    )
    status = models.CharField(max_length=9, choices=Status, default=Status.REQUESTED)
    reason = models.CharField(max_length=300, default="", blank=True)
    requested_at = models.DateTimeField()
    prepared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    prepared_at = models.DateTimeField(null=True, blank=True)
    needs_second = models.BooleanField(default=False, help_text="two checkers must agree")
    checked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="the first of two checkers",
    )
    checked_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    send_from = models.DateTimeField(
        null=True, blank=True, help_text="approved, and not sent before this instant"
    )
    held_at = models.DateTimeField(null=True, blank=True)
    held_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    held_reason = models.CharField(max_length=300, default="", blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    batch = models.ForeignKey(
        PayoutBatch, null=True, on_delete=models.PROTECT, related_name="payouts"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0, fee_fen__gte=0) & Q(fee_fen__lt=F("amount_fen")),
                name="payout_amount",
            ),
            models.CheckConstraint(
                condition=Q(tax_fen__gte=0) & Q(tax_fen__lt=F("amount_fen") - F("fee_fen")),
                name="payout_something_arrives",
            ),
            # Maker and checker are two people, by the database (K6).
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | (Q(prepared_by__isnull=False) & ~Q(approved_by=F("prepared_by"))),
                name="payout_four_eyes",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("account")),
                name="payout_not_own",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["approved", "sending", "unknown", "paid"])
                | Q(approved_by__isnull=False),
                name="payout_approved_by_somebody",
            ),
            # Over the limit of the rule there are three people, none of them the payee.
            models.CheckConstraint(
                condition=Q(needs_second=False)
                | Q(approved_by__isnull=True)
                | Q(checked_by__isnull=False),
                name="payout_second_checker",
            ),
            models.CheckConstraint(
                condition=Q(checked_by__isnull=True)
                | (
                    Q(needs_second=True, prepared_by__isnull=False)
                    & ~Q(checked_by=F("prepared_by"))
                    & ~Q(checked_by=F("account"))
                    & (Q(approved_by__isnull=True) | ~Q(approved_by=F("checked_by")))
                ),
                name="payout_six_eyes",
            ),
            models.CheckConstraint(
                condition=Q(prepared_by__isnull=True) | ~Q(prepared_by=F("account")),
                name="payout_maker_not_payee",
            ),
            # What is held is neither on its way nor at its end, and somebody has said why.
            models.CheckConstraint(
                condition=Q(held_at__isnull=True, held_by__isnull=True, held_reason="")
                | (
                    Q(held_at__isnull=False, held_by__isnull=False)
                    & ~Q(held_reason="")
                    & Q(status__in=["requested", "prepared", "checked", "approved"])
                ),
                name="payout_held",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="payout_account"),
            models.Index(fields=["requested_at"], name="payout_requested"),
            models.Index(
                fields=["finished_at"], condition=Q(status="paid"), name="payout_paid_when"
            ),
            models.Index(fields=["status", "id"], name="payout_status"),
        ]
        permissions = [
            ("prepare_payout", "Can prepare payouts (maker)"),
            ("approve_payout", "Can approve payouts (checker)"),
            ("hold_payout", "Can hold payouts and release them"),
        ]
        verbose_name = "payout 提现"
        verbose_name_plural = "payouts 提现"

    def __str__(self) -> str:
        return self.number

    @property
    def net_fen(self) -> int:
        """What arrives: the amount less the fee and the tax."""
        return self.amount_fen - self.fee_fen - self.tax_fen


class PayoutAttempt(models.Model):
    """One try of a payout at a provider; committed before the provider is called, outside any
    transaction. Every try of a payout uses the payout's own number, so the channel itself
    refuses to pay it twice."""

    class Outcome(models.TextChoices):
        PENDING = "pending", "pending 处理中"
        PAID = "paid", "paid 成功"
        FAILED = "failed", "failed 失败"
        UNKNOWN = "unknown", "unknown 未知"

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="attempts")
    kind = models.CharField(max_length=5, default="send", help_text="send or query")
    outcome = models.CharField(max_length=7, choices=Outcome, default=Outcome.PENDING)
    answer = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["payout"], condition=Q(kind="send"), name="payout_sent_once"
            )
        ]
        indexes = [
            models.Index(fields=["started_at"], condition=Q(kind="send"), name="payout_sent_at")
        ]
        verbose_name = "payout attempt 打款尝试"
        verbose_name_plural = "payout attempts 打款尝试"

    def __str__(self) -> str:
        return f"{self.kind} {self.outcome}"


class SandboxTransfer(models.Model):
    """The sandbox channel's own books: what the pretended bank has really paid. Written on a
    connection of its own, as a bank's would be."""

    number = models.CharField(max_length=32, unique=True)
    amount_fen = models.BigIntegerField()
    number_masked = models.CharField(max_length=40)
    state = models.CharField(max_length=7)
    calls = models.PositiveIntegerField(default=1)
    at = models.DateTimeField()

    class Meta:
        verbose_name = "sandbox transfer 沙箱转账"
        verbose_name_plural = "sandbox transfers 沙箱转账"

    def __str__(self) -> str:
        return self.number
