"""The ledger 账本: append-only double entry. Only commissions/ledger.py writes it, and the
database itself refuses updates, deletes, journals that do not sum to zero and entries of unknown
accounts (migration 0002)."""

from django.db import models
from django.db.models import Q


class LedgerAccount(models.Model):
    """An account of the books. Positive balance = the platform owes it to the owner (credit)."""

    class Owner(models.TextChoices):
        PERSON = "person", "person 个人"
        SHOP = "shop", "shop 店铺"
        PLATFORM = "platform", "platform 平台"
        CHARITY = "charity", "charity 公益"
        PROVIDER = "provider", "payout provider 打款渠道"

    class Kind(models.TextChoices):
        PENDING = "pending", "pending 待结算"
        AVAILABLE = "available", "available 可提现"
        IN_TRANSIT = "in_transit", "payout in transit 提现在途"
        PAYABLE = "payable", "commission payable 应付佣金"
        CASH = "cash", "cash 资金"
        TAX = "tax", "tax payable 应交税费"

    owner_kind = models.CharField(max_length=8, choices=Owner)
    owner_id = models.BigIntegerField(default=0)
    kind = models.CharField(max_length=10, choices=Kind)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner_kind", "owner_id", "kind"], name="ledger_account_once"
            )
        ]
        verbose_name = "ledger account 账户"
        verbose_name_plural = "ledger accounts 账户"

    def __str__(self) -> str:
        return f"{self.owner_kind} {self.owner_id} {self.kind}"


class Journal(models.Model):
    """One balanced posting. The id is made of its cause (kind × 2^56 + subject), so that a cause
    posts at most one journal by the primary key alone."""

    class Kind(models.IntegerChoices):
        ACCRUAL = 1, "accrual 计提"
        REVERSAL = 2, "reversal 冲回"
        SETTLEMENT = 3, "settlement 结算"
        PAYOUT_REQUEST = 4, "payout requested 提现申请"
        PAYOUT_PAID = 5, "payout paid 打款成功"
        PAYOUT_BACK = 6, "payout money back 提现退回"
        TAX_WITHHELD = 7, "tax withheld 代扣税款"
        TAX_REMITTED = 8, "tax remitted 缴纳税款"
        OVERRIDE = 20, "attribution overridden 归因改判"
        WRITE_OFF = 40, "write-off 核销"
        BOUNTY = 41, "bounty 任务奖励"

    id = models.BigIntegerField(primary_key=True)
    kind = models.PositiveSmallIntegerField(choices=Kind)
    subject_id = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = "journal 凭证"
        verbose_name_plural = "journals 凭证"

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.subject_id}"


class Entry(models.Model):
    """One leg of a journal. Keyed by account and cause: a journal touches an account once."""

    pk = models.CompositePrimaryKey("account_id", "journal_id")
    account_id = models.BigIntegerField()
    journal_id = models.BigIntegerField()
    amount_fen = models.BigIntegerField(help_text="positive credits the owner; never zero")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(amount_fen=0), name="entry_not_zero")]
        indexes = [models.Index(fields=["journal_id"], name="entry_journal")]
        verbose_name = "entry 分录"
        verbose_name_plural = "entries 分录"

    def __str__(self) -> str:
        return f"{self.account_id}: {self.amount_fen:+d}"


class Balance(models.Model):
    """Cache of Σ entries of an account, without the deltas not yet folded in."""

    account = models.OneToOneField(
        LedgerAccount, primary_key=True, on_delete=models.PROTECT, related_name="balance"
    )
    balance_fen = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = "balance 余额"
        verbose_name_plural = "balances 余额"

    def __str__(self) -> str:
        return str(self.balance_fen)


class BalanceDelta(models.Model):
    """What entries have added to an account since its balance was folded; written by the
    database's own trigger on entries, one row per account and statement, so that postings never
    queue for a hot balance row."""

    pk = models.CompositePrimaryKey("account_id", "id")
    account_id = models.BigIntegerField()
    id = models.BigIntegerField(help_text="made by the database")
    amount_fen = models.BigIntegerField()

    class Meta:
        verbose_name = "balance delta 余额增量"
        verbose_name_plural = "balance deltas 余额增量"

    def __str__(self) -> str:
        return f"{self.account_id}: {self.amount_fen:+d}"
