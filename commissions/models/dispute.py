"""Disputes about an attribution 归因争议, and the recorded override 改判 that settles one."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.core.states import Transitions
from commissions.models.agency import AgencyEdge
from commissions.models.commission import CommissionOrder
from commissions.models.promoter import Promoter


class AttributionDispute(models.Model):
    """Somebody says that a line is owed to somebody else. Staff propose whom it is owed to (maker),
    other staff approve (checker), which writes the override; or it is rejected or withdrawn."""

    class Side(models.TextChoices):
        PROMOTER = "promoter", "promoter or creator 推客或创作者"
        SHOP = "shop", "shop 店铺"
        STAFF = "staff", "staff 平台"

    class Status(models.TextChoices):
        OPEN = "open", "open 待处理"
        PROPOSED = "proposed", "proposed 待复核"
        SETTLED = "settled", "settled 已改判"
        REJECTED = "rejected", "rejected 已驳回"
        WITHDRAWN = "withdrawn", "withdrawn 已撤回"

    TRANSITIONS: Transitions = {
        Status.OPEN: frozenset({Status.PROPOSED, Status.REJECTED, Status.WITHDRAWN}),
        Status.PROPOSED: frozenset(
            {Status.PROPOSED, Status.SETTLED, Status.REJECTED, Status.WITHDRAWN}
        ),
        Status.SETTLED: frozenset(),
        Status.REJECTED: frozenset(),
        Status.WITHDRAWN: frozenset(),
    }
    UNDER_WAY = (Status.OPEN, Status.PROPOSED)

    commission = models.ForeignKey(
        CommissionOrder, on_delete=models.PROTECT, related_name="disputes"
    )
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    side = models.CharField(max_length=8, choices=Side)
    claim = models.CharField(max_length=500)
    evidence = models.JSONField(default=list, help_text="up to ten texts, such as click ids")
    status = models.CharField(max_length=9, choices=Status, default=Status.OPEN)
    opened_at = models.DateTimeField()
    # Whom the line is owed to, as the maker proposes: a promoter, a creator, or nobody.
    proposed_promoter = models.ForeignKey(
        Promoter, null=True, on_delete=models.PROTECT, related_name="+"
    )
    proposed_creator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    proposed_version = models.PositiveIntegerField(
        null=True, help_text="overrides of the commission that the maker had seen"
    )
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    proposed_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, default="", blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["commission"],
                condition=Q(status__in=["open", "proposed"]),
                name="dispute_one_open",
            ),
            models.CheckConstraint(
                condition=~Q(status="settled") | ~Q(decided_by=F("proposed_by")),
                name="dispute_four_eyes",
            ),
            models.CheckConstraint(
                condition=Q(proposed_promoter__isnull=True) | Q(proposed_creator__isnull=True),
                name="dispute_one_winner",
            ),
        ]
        permissions = [
            ("propose_override", "Can propose to whom a disputed line is owed (maker)"),
            ("approve_override", "Can approve an override (checker)"),
        ]
        verbose_name = "attribution dispute 归因争议"
        verbose_name_plural = "attribution disputes 归因争议"

    def __str__(self) -> str:
        return f"dispute {self.pk} of commission {self.commission_id}"


class AttributionOverride(models.Model):
    """The recorded decision that a line is owed to somebody else than its attribution says: whom,
    by which two people, and what moved. The attribution itself stays as it was written.
    Append-only; the newest of a commission stands."""

    commission = models.ForeignKey(
        CommissionOrder, on_delete=models.PROTECT, related_name="overrides", db_index=False
    )
    number = models.PositiveIntegerField(help_text="1, 2 … within the commission")
    dispute = models.OneToOneField(
        AttributionDispute, on_delete=models.PROTECT, related_name="override"
    )
    promoter = models.ForeignKey(
        Promoter, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    inviter = models.ForeignKey(
        Promoter, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    inviter2 = models.ForeignKey(
        Promoter, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    # The edges by which the promoter was an agency's member, and that agency another's.
    membership = models.ForeignKey(
        AgencyEdge, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    affiliation = models.ForeignKey(
        AgencyEdge, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    creator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    before = models.JSONField(help_text="rate, budget and parts as they were: {…, splits: […]}")
    reversed_fen = models.BigIntegerField(
        help_text="by how much what refunds have taken back of the parts is another sum now"
    )
    settled = models.BooleanField(help_text="moved in available, not in pending")
    prepared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["commission", "number"], name="override_once"),
            models.CheckConstraint(
                condition=~Q(prepared_by=F("approved_by")), name="override_four_eyes"
            ),
            models.CheckConstraint(
                condition=Q(promoter__isnull=True) | Q(creator__isnull=True),
                name="override_one_winner",
            ),
            models.CheckConstraint(
                condition=Q(inviter__isnull=True) | Q(promoter__isnull=False),
                name="override_inviter",
            ),
            models.CheckConstraint(
                condition=Q(inviter2__isnull=True, membership__isnull=True)
                | Q(promoter__isnull=False),
                name="override_chain",
            ),
            models.CheckConstraint(
                condition=Q(affiliation__isnull=True) | Q(membership__isnull=False),
                name="override_upper_agency",
            ),
        ]
        verbose_name = "attribution override 归因改判"
        verbose_name_plural = "attribution overrides 归因改判"

    def __str__(self) -> str:
        return f"override {self.number} of commission {self.commission_id}"
