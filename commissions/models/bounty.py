"""Bounties 任务奖励: a fixed reward for selling, out of a funded amount, within half-open dates."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.core.states import Transitions


class Bounty(models.Model):
    """Whoever sells `goal` (orders, or fen of net sales) within [starts_at, ends_at) is paid
    `reward_fen`, once, `hold_days` after the end, out of `budget_fen`; who reaches the goal first
    is promised it first. The funder is the shop, or the platform where there is none. Nothing
    is ever paid for recruiting: the table knows no such goal."""

    class Goal(models.TextChoices):
        ORDERS = "orders", "orders 订单数"
        SALES = "sales", "net sales in fen 净销售额"

    class Status(models.TextChoices):
        DRAFT = "draft", "draft 草稿"
        PUBLISHED = "published", "published 已发布"
        ENDED = "ended", "ended 已结束"

    TRANSITIONS: Transitions = {
        Status.DRAFT: frozenset({Status.PUBLISHED}),
        Status.PUBLISHED: frozenset({Status.ENDED}),
        Status.ENDED: frozenset(),
    }

    title = models.CharField(max_length=60)
    shop = models.ForeignKey(
        "shops.Shop", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    goal = models.CharField(max_length=6, choices=Goal)
    target = models.BigIntegerField(help_text="orders, or fen")
    reward_fen = models.BigIntegerField()
    budget_fen = models.BigIntegerField(help_text="Σ rewards never exceeds it")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(help_text="not included")
    hold_days = models.PositiveSmallIntegerField(default=15)
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(goal__in=["orders", "sales"], target__gt=0), name="bounty_goal"
            ),
            models.CheckConstraint(
                condition=Q(reward_fen__gt=0, budget_fen__gte=F("reward_fen")),
                name="bounty_budget",
            ),
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="bounty_period"),
        ]
        indexes = [models.Index(fields=["id"], name="bounty_open", condition=Q(status="published"))]
        verbose_name = "bounty 任务奖励"
        verbose_name_plural = "bounties 任务奖励"

    def __str__(self) -> str:
        return self.title


class BountyAward(models.Model):
    """A promoter has reached a bounty's goal: the reward is promised, and paid when its hold is
    over and the goal still stands; otherwise it is void, with the reason."""

    class Status(models.TextChoices):
        PROMISED = "promised", "promised 待发放"
        PAID = "paid", "paid 已发放"
        VOID = "void", "void 已失效"

    class Reason(models.TextChoices):
        NONE = "", "—"
        GOAL_LOST = "goal_lost", "refunds took the goal back 退款后未达标"

    TRANSITIONS: Transitions = {
        Status.PROMISED: frozenset({Status.PAID, Status.VOID}),
        Status.PAID: frozenset(),
        Status.VOID: frozenset(),
    }

    bounty = models.ForeignKey(
        Bounty, on_delete=models.PROTECT, related_name="awards", db_index=False
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    reward_fen = models.BigIntegerField()
    reached = models.BigIntegerField(help_text="orders or fen when it was promised")
    status = models.CharField(max_length=8, choices=Status, default=Status.PROMISED)
    reason = models.CharField(max_length=20, choices=Reason, default="", blank=True)
    promised_at = models.DateTimeField()
    matures_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bounty", "account"], name="bounty_award_once"),
            models.CheckConstraint(condition=Q(reward_fen__gt=0), name="bounty_award_reward"),
            models.CheckConstraint(
                condition=Q(status="promised", finished_at__isnull=True)
                | (~Q(status="promised") & Q(finished_at__isnull=False)),
                name="bounty_award_finished",
            ),
        ]
        indexes = [
            models.Index(
                fields=["matures_at", "id"], name="bounty_award_due", condition=Q(status="promised")
            )
        ]
        verbose_name = "bounty award 奖励"
        verbose_name_plural = "bounty awards 奖励"

    def __str__(self) -> str:
        return f"award {self.pk}"
