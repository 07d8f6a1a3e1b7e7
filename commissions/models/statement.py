"""Statements 结算单: what the ledger says of a payee in a period, signed."""

from django.db import models
from django.db.models import Q

from commissions.models.settlement import SettlementPeriod


class StatementKey(models.Model):
    """The public half of a key that has signed statements, so that they verify for ever."""

    key_id = models.CharField(max_length=16, unique=True)
    public_key = models.CharField(max_length=64, help_text="Ed25519, hex")
    first_used_at = models.DateTimeField()

    class Meta:
        verbose_name = "statement key 结算单公钥"
        verbose_name_plural = "statement keys 结算单公钥"

    def __str__(self) -> str:
        return self.key_id


class Statement(models.Model):
    """A payee's or a shop's statement of one period: opening balances, lines, closing balances, by
    kind of account. Once it is signed the database refuses every change.

    Its lines are the entries of the ledger that no earlier statement has: those posted in the
    period, and before them those that were committed after their own period was stated (late).
    """

    class Owner(models.TextChoices):
        PERSON = "person", "person 个人"
        SHOP = "shop", "shop 店铺"

    number = models.CharField(max_length=32, unique=True)
    period = models.ForeignKey(SettlementPeriod, on_delete=models.PROTECT, related_name="+")
    owner_kind = models.CharField(max_length=6, choices=Owner)
    owner_id = models.BigIntegerField()
    opening = models.JSONField(default=dict, help_text="fen by kind of account")
    closing = models.JSONField(default=dict, help_text="fen by kind of account")
    sums = models.JSONField(default=dict, help_text="fen by cause and kind of account")
    lines_count = models.PositiveIntegerField(default=0)
    late_count = models.PositiveIntegerField(default=0)
    closed_at = models.DateTimeField()
    # Of before there was this column: 1. What was signed is told as it was signed.
    edition = models.PositiveSmallIntegerField(
        default=1, db_default=1, help_text="how its lines are told; 2: tax names its payout"
    )
    signed_by = models.ForeignKey(
        StatementKey, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    digest = models.CharField(max_length=64, default="", help_text="of the signed file's chain")
    signature = models.CharField(max_length=128, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner_kind", "owner_id", "period"], name="statement_once"
            ),
            models.CheckConstraint(
                condition=Q(digest="", signature="", signed_by__isnull=True)
                | (~Q(digest="") & ~Q(signature="") & Q(signed_by__isnull=False)),
                name="statement_signed_whole",
            ),
        ]
        indexes = [models.Index(fields=["owner_kind", "owner_id", "-id"], name="statement_owner")]
        verbose_name = "statement 结算单"
        verbose_name_plural = "statements 结算单"

    def __str__(self) -> str:
        return self.number


class StatementLine(models.Model):
    """Which entry of the ledger stands where in which statement; an entry stands in one, once."""

    pk = models.CompositePrimaryKey("statement_id", "number")
    statement_id = models.BigIntegerField()
    number = models.PositiveIntegerField(help_text="1, 2 … in the order of posting")
    account_id = models.BigIntegerField()
    journal_id = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account_id", "journal_id"], name="stated_once")
        ]
        verbose_name = "statement line 结算单明细"
        verbose_name_plural = "statement lines 结算单明细"

    def __str__(self) -> str:
        return f"{self.statement_id}/{self.number}"


class StatementDue(models.Model):
    """A statement still to be written; gone when it is. What makes closing resumable."""

    period = models.ForeignKey(SettlementPeriod, on_delete=models.PROTECT, related_name="dues")
    owner_kind = models.CharField(max_length=6, choices=Statement.Owner)
    owner_id = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner_kind", "owner_id", "period"], name="statement_due_once"
            )
        ]
        verbose_name = "statement due 待出结算单"
        verbose_name_plural = "statements due 待出结算单"

    def __str__(self) -> str:
        return f"{self.period_id}: {self.owner_kind} {self.owner_id}"
