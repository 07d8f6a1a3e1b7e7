"""What jobs have counted about promoters: their last 30 days, and the trees that the law counts."""

from django.db import models

from commissions.models.agency import AgencyEdge
from commissions.models.promoter import Promoter


class PromoterCount(models.Model):
    """What a promoter has sold in the 30 days before `as_of`: a cache that
    `commissions.count_promoters` writes anew from the commission orders. Only who sold has one."""

    promoter = models.OneToOneField(
        Promoter, primary_key=True, on_delete=models.PROTECT, related_name="count"
    )
    lines = models.PositiveIntegerField()
    gmv_fen = models.BigIntegerField(help_text="of the lines, less what was refunded")
    commission_fen = models.BigIntegerField(help_text="the promoter's part, passed on or kept")
    as_of = models.DateTimeField()

    class Meta:
        verbose_name = "promoter count 推客统计"
        verbose_name_plural = "promoter counts 推客统计"

    def __str__(self) -> str:
        return f"{self.promoter_id}: {self.lines}"


class AgencyCount(models.Model):
    """What a membership has come to in the 30 days before `as_of`: of the lines that were sold
    under it. Written anew by `commissions.count_promoters`; only what sold has one."""

    edge = models.OneToOneField(
        AgencyEdge, primary_key=True, on_delete=models.PROTECT, related_name="count"
    )
    lines = models.PositiveIntegerField()
    gmv_fen = models.BigIntegerField(help_text="of the lines, less what was refunded")
    part_fen = models.BigIntegerField(help_text="the member's part, passed on or kept")
    passed_on_fen = models.BigIntegerField(help_text="of the part, to the agency and those above")
    as_of = models.DateTimeField()

    class Meta:
        verbose_name = "agency count 机构统计"
        verbose_name_plural = "agency counts 机构统计"

    def __str__(self) -> str:
        return f"{self.edge_id}: {self.lines}"


class ComplianceFinding(models.Model):
    """A tree of promoters that reached, on a day, what the law counts: people and levels, both
    with the root (docs/compliance.md). One row a root and day."""

    class Reached(models.TextChoices):
        BOTH = "both", "30 people and 3 levels 人数和层级"
        PEOPLE = "people", "30 people 人数"
        LEVELS = "levels", "3 levels 层级"

    root = models.ForeignKey(Promoter, on_delete=models.PROTECT, related_name="+", db_index=False)
    day = models.DateField()
    people = models.PositiveIntegerField()
    levels = models.PositiveIntegerField()
    reached = models.CharField(max_length=6, choices=Reached)
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["root", "day"], name="compliance_once_a_day"),
            models.CheckConstraint(
                condition=models.Q(people__gte=1, levels__gte=1), name="compliance_counts"
            ),
        ]
        indexes = [models.Index(fields=["day", "-people"], name="compliance_day")]
        verbose_name = "compliance finding 合规提示"
        verbose_name_plural = "compliance findings 合规提示"

    def __str__(self) -> str:
        return f"root {self.root_id} on {self.day}"
