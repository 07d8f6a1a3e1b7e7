"""Promoters 推客 and who invited whom."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.core.states import Transitions


class Promoter(models.Model):
    """An account that shares links. Joining is free and needs no followers (I4, I8): there is no
    entry-fee object anywhere in this system.

    `sponsor` is the inviter 邀请人. CHECK (sponsor_id < id): a sponsor joined earlier, so a cycle
    cannot be written, not even by two people who bind each other at the same moment.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "active 正常"
        FROZEN = "frozen", "frozen 冻结"
        LEFT = "left", "left 已退出"

    class Tier(models.TextChoices):
        STANDARD = "standard", "standard 普通"
        SILVER = "silver", "silver 银牌"
        GOLD = "gold", "gold 金牌"

    TRANSITIONS: Transitions = {
        Status.ACTIVE: frozenset({Status.FROZEN, Status.LEFT}),
        Status.FROZEN: frozenset({Status.ACTIVE, Status.LEFT}),
        Status.LEFT: frozenset({Status.ACTIVE}),
    }

    account = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="promoter"
    )
    sponsor = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="invited",
        db_index=False,
    )
    invite_code = models.CharField(max_length=12, unique=True)
    status = models.CharField(max_length=6, choices=Status, default=Status.ACTIVE)
    # As it is now; what it was at an instant says TierChange.
    tier = models.CharField(
        max_length=8, choices=Tier, default=Tier.STANDARD, db_default="standard"
    )
    joined_at = models.DateTimeField()
    sponsored_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="when the inviter last changed after joining; an order placed before asks the "
        "dated edges",
    )

    # Written by the database with the first edge: who never was a member has no agency to look for.
    member_since = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(sponsor__isnull=True) | Q(sponsor__lt=F("id")),
                name="promoter_no_cycle",
            )
        ]
        indexes = [
            models.Index(fields=["sponsor", "-id"], name="promoter_team", include=["status"])
        ]
        verbose_name = "promoter 推客"
        verbose_name_plural = "promoters 推客"

    def __str__(self) -> str:
        return f"promoter {self.pk}"


class SponsorEdge(models.Model):
    """Who was whose inviter, from when: dated rows, append-only, so the tree of any past instant
    can be asked."""

    promoter = models.ForeignKey(
        Promoter, on_delete=models.PROTECT, related_name="edges", db_index=False
    )
    sponsor = models.ForeignKey(Promoter, null=True, on_delete=models.PROTECT, related_name="+")
    from_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    reason = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        indexes = [models.Index(fields=["promoter", "-from_at", "-id"], name="edge_as_of")]
        constraints = [
            models.CheckConstraint(
                condition=Q(sponsor__isnull=True) | Q(sponsor__lt=F("promoter")),
                name="edge_no_cycle",
            )
        ]
        verbose_name = "sponsor edge 邀请关系"
        verbose_name_plural = "sponsor edges 邀请关系"

    def __str__(self) -> str:
        return f"{self.promoter_id} under {self.sponsor_id}"


class TierChange(models.Model):
    """A promoter's tier from an instant on: dated rows, append-only, so a line takes the tier of
    the moment it was placed at."""

    promoter = models.ForeignKey(
        Promoter, on_delete=models.PROTECT, related_name="tier_changes", db_index=False
    )
    tier = models.CharField(max_length=8, choices=Promoter.Tier)
    from_at = models.DateTimeField()
    reason = models.CharField(max_length=300, default="", blank=True)

    class Meta:
        indexes = [models.Index(fields=["promoter", "-from_at", "-id"], name="tier_as_of")]
        verbose_name = "tier change 等级变更"
        verbose_name_plural = "tier changes 等级变更"

    def __str__(self) -> str:
        return f"{self.promoter_id} {self.tier}"
