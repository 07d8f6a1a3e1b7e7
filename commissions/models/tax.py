"""Income tax withheld from payouts 个人所得税预扣: tables, identities, filings, remittances."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.core.states import Transitions


class TaxTable(models.Model):
    """A dated table of one method, with the source it was taken from; never edited. The brackets
    are [{"up_to_fen": …, "rate_bps": …, "quick_fen": …}, …], the last one without an end."""

    class Method(models.TextChoices):
        LABOUR = "labour", "labour remuneration, per payment 劳务报酬按次预扣"
        CUMULATIVE = "cumulative", "cumulative, platform enterprises 累计预扣法"

    method = models.CharField(max_length=10, choices=Method)
    effective_from = models.DateField()
    source = models.CharField(max_length=300)
    small_fen = models.BigIntegerField(help_text="up to this a fixed sum is deducted")
    small_deduction_fen = models.BigIntegerField()
    expense_bps = models.PositiveIntegerField(help_text="share deducted as expenses")
    monthly_fen = models.BigIntegerField(help_text="deducted for each month with payments")
    brackets = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["method", "effective_from"], name="tax_table_once"),
            models.CheckConstraint(
                condition=Q(small_fen__gte=0, small_deduction_fen__gte=0, monthly_fen__gte=0)
                & Q(expense_bps__lte=10_000),
                name="tax_table_amounts",
            ),
        ]
        verbose_name = "tax table 税率表"
        verbose_name_plural = "tax tables 税率表"

    def __str__(self) -> str:
        return f"{self.method} from {self.effective_from}"


class TaxIdentity(models.Model):
    """Who a payee is to the tax office: real name and identity number, sealed. A new one takes the
    place of the old; what was withheld keeps the one it was withheld under."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="tax_identities"
    )
    real_name_sealed = models.BinaryField()
    number_sealed = models.BinaryField()
    number_masked = models.CharField(max_length=20)
    fingerprint = models.CharField(
        max_length=64, help_text="HMAC of the number: one person, one account"
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(is_active=True), name="tax_identity_one_active"
            ),
            models.UniqueConstraint(
                fields=["fingerprint"], condition=Q(is_active=True), name="tax_identity_one_account"
            ),
        ]
        permissions = [("unmask_taxidentity", "Can see names and identity numbers in clear")]
        verbose_name = "tax identity 纳税人身份"
        verbose_name_plural = "tax identities 纳税人身份"

    def __str__(self) -> str:
        return self.number_masked


class TaxWithholding(models.Model):
    """What is withheld from one payout and how it was computed; fixed when the payout is asked
    for, so what is shown is what is paid. It counts while its payout is on its way or paid."""

    payout = models.OneToOneField(
        "commissions.Payout", on_delete=models.PROTECT, related_name="withholding"
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    identity = models.ForeignKey(TaxIdentity, on_delete=models.PROTECT, related_name="+")
    table = models.ForeignKey(TaxTable, on_delete=models.PROTECT, related_name="+")
    income_fen = models.BigIntegerField(help_text="of this payment, before the fee")
    earlier_income_fen = models.BigIntegerField(help_text="of the year, without this payment")
    earlier_tax_fen = models.BigIntegerField(help_text="withheld in the year, without this one")
    months = models.PositiveSmallIntegerField(help_text="of the year with payments; 0: per payment")
    taxable_fen = models.BigIntegerField()
    rate_bps = models.PositiveIntegerField()
    quick_fen = models.BigIntegerField()
    tax_fen = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(tax_fen__gte=0, tax_fen__lt=F("income_fen")),
                name="tax_withholding_within_payment",
            )
        ]
        indexes = [models.Index(fields=["account", "id"], name="tax_withholding_account")]
        verbose_name = "tax withheld 代扣税款"
        verbose_name_plural = "taxes withheld 代扣税款"

    def __str__(self) -> str:
        return f"tax of payout {self.payout_id}"


class TaxFiling(models.Model):
    """A month that was declared to the tax office: how many payments, how much, and under which
    receipt. Never edited."""

    month = models.DateField(unique=True, help_text="its first day")
    begins_at = models.DateTimeField(help_text="of the business zone when it was filed")
    ends_at = models.DateTimeField()
    payments = models.PositiveIntegerField()
    income_fen = models.BigIntegerField()
    tax_fen = models.BigIntegerField()
    receipt = models.CharField(max_length=80, help_text="the tax office's own number")
    filed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    filed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(income_fen__gte=F("tax_fen"), tax_fen__gte=0)
                & Q(begins_at__lt=F("ends_at"), ends_at__lte=F("filed_at")),
                name="tax_filing_sums",
            )
        ]
        permissions = [("file_tax", "Can export and file the tax withheld")]
        verbose_name = "tax filing 扣缴申报"
        verbose_name_plural = "tax filings 扣缴申报"

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"


class TaxRemittance(models.Model):
    """A payment to the tax office of what was withheld in a month, told by a maker with the tax
    office's receipt and agreed to by a checker; its journal moves what the platform owes the tax
    office to the platform's own cash. The amount is what the ledger says, never typed in. What is
    withheld late, in a month that was remitted, is a second remittance of that month: a delta."""

    class Kind(models.TextChoices):
        WHOLE = "whole", "the month 当月税款"
        DELTA = "delta", "what came later 补缴"

    class Channel(models.TextChoices):
        AGREEMENT = "agreement", "tripartite debit agreement 三方协议扣款"
        TRANSFER = "transfer", "bank transfer 银行端缴款"
        COUNTER = "counter", "at the tax office 办税厅缴款"

    class Status(models.TextChoices):
        RECORDED = "recorded", "recorded 已登记"
        APPROVED = "approved", "approved 已复核"
        REJECTED = "rejected", "rejected 已驳回"

    TRANSITIONS: Transitions = {
        Status.RECORDED: frozenset({Status.APPROVED, Status.REJECTED}),
        Status.APPROVED: frozenset(),
        Status.REJECTED: frozenset(),
    }

    month = models.DateField(help_text="its first day")
    begins_at = models.DateTimeField(help_text="of the business zone when it was recorded")
    ends_at = models.DateTimeField()
    kind = models.CharField(max_length=5, choices=Kind)
    channel = models.CharField(max_length=9, choices=Channel)
    amount_fen = models.BigIntegerField(help_text="withheld in the month and not remitted before")
    paid_on = models.DateField(help_text="the day on the receipt")
    receipt = models.CharField(max_length=80, help_text="the tax office's own number")
    status = models.CharField(max_length=8, choices=Status, default=Status.RECORDED)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    recorded_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_note = models.CharField(max_length=300, default="", blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0, month__day=1, paid_on__gt=F("month"))
                & Q(begins_at__lt=F("ends_at"), ends_at__lte=F("recorded_at"))
                & ~Q(receipt=""),
                name="tax_remittance_facts",
            ),
            models.CheckConstraint(
                condition=Q(status="recorded", decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(status="recorded") & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="tax_remittance_decided",
            ),
            # Who records and who agrees are two people (K6).
            models.CheckConstraint(
                condition=~Q(status="approved") | ~Q(decided_by=F("recorded_by")),
                name="tax_remittance_four_eyes",
            ),
            models.UniqueConstraint(
                fields=["month"], condition=Q(status="recorded"), name="tax_remittance_one_open"
            ),
            # A receipt may be of several months, of each of them once.
            models.UniqueConstraint(
                fields=["month", "receipt"],
                condition=~Q(status="rejected"),
                name="tax_remittance_receipt_once",
            ),
        ]
        permissions = [
            ("record_remittance", "Can record what was paid to the tax office (maker)"),
            ("approve_remittance", "Can agree to a tax remittance (checker)"),
        ]
        verbose_name = "tax remittance 税款缴纳"
        verbose_name_plural = "tax remittances 税款缴纳"

    def __str__(self) -> str:
        return f"tax of {self.month:%Y-%m}, {self.kind}"
