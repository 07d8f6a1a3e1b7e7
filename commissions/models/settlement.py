"""Settlement 结算: what matured becomes available, netted per payee."""

from django.conf import settings
from django.db import models


class SettlementRun(models.Model):
    """One settled batch: the commission orders carry its id, the postings its journals."""

    as_of = models.DateTimeField(help_text="what matured before this instant")
    started_at = models.DateTimeField()
    orders = models.PositiveIntegerField(default=0)
    amount_fen = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = "settlement run 结算批次"
        verbose_name_plural = "settlement runs 结算批次"

    def __str__(self) -> str:
        return f"settlement {self.pk}"


class SettlementPosting(models.Model):
    """One payee's net amount of a run: the subject of one journal."""

    class Role(models.TextChoices):
        PERSON = "person", "person 个人"
        PLATFORM = "platform", "platform 平台"
        CHARITY = "charity", "charity 公益"

    # A rule of the books compares every posting with what its run's commissions owed whom.
    run = models.ForeignKey(
        SettlementRun,
        on_delete=models.PROTECT,
        related_name="postings",
        db_index=False,
        db_constraint=False,
    )
    payee_kind = models.CharField(max_length=8, choices=Role)
    payee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    amount_fen = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "payee_kind", "payee"],
                name="posting_once",
                nulls_distinct=False,
            )
        ]
        verbose_name = "settlement posting 结算明细"
        verbose_name_plural = "settlement postings 结算明细"

    def __str__(self) -> str:
        return f"{self.payee_kind} {self.amount_fen}"
