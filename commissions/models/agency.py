"""Agencies 机构: who belongs to which since when, and the share each takes of its members."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from backend.core.states import Transitions
from commissions.models.promoter import Promoter


class Agency(models.Model):
    """Somebody who looks after promoters, or after other agencies, and is passed on a share of
    what these members get. The owner's account is the payee and never changes."""

    class Status(models.TextChoices):
        ACTIVE = "active", "active 正常"
        SUSPENDED = "suspended", "suspended 停用"

    TRANSITIONS: Transitions = {
        Status.ACTIVE: frozenset({Status.SUSPENDED}),
        Status.SUSPENDED: frozenset({Status.ACTIVE}),
    }

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="agency"
    )
    name = models.CharField(max_length=40)
    status = models.CharField(max_length=9, choices=Status, default=Status.ACTIVE)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "agency 机构"
        verbose_name_plural = "agencies 机构"

    def __str__(self) -> str:
        return self.name


class AgencyShare(models.Model):
    """What an agency takes of its members' part, in bps, from when: append-only. The last of
    those that have begun holds."""

    agency = models.ForeignKey(
        Agency, on_delete=models.PROTECT, related_name="shares", db_index=False
    )
    number = models.PositiveIntegerField()
    share_bps = models.PositiveIntegerField()
    from_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["agency", "number"], name="agency_share_once"),
            models.CheckConstraint(
                condition=Q(share_bps__lte=10_000, number__gte=1, from_at__gte=F("recorded_at")),
                name="agency_share_range",
            ),
        ]
        verbose_name = "agency share 机构分成"
        verbose_name_plural = "agency shares 机构分成"

    def __str__(self) -> str:
        return f"{self.agency_id}: {self.share_bps} bps"


# A member is a promoter or an agency.
_ONE_MEMBER = Q(promoter__isnull=False, child__isnull=True) | Q(
    promoter__isnull=True, child__isnull=False
)
# The upper agency is the older one, as in the tree of promoters: no circle can be written.
_OLDER = Q(child__isnull=True) | Q(agency__lt=F("child"))


class AgencyEdge(models.Model):
    """A member joined an agency, or left it: dated rows, append-only. From `from_at` on, until the
    next row of the same member begins.

    A member's rows are numbered: the odd ones join, the even ones leave (CHECK), each follows the
    one before it and leaves the agency that that one joined (a trigger), and no number comes twice
    (unique). So a member has one agency at a time, also when two are accepted at once.
    """

    class Kind(models.TextChoices):
        JOINED = "joined", "joined 加入"
        LEFT = "left", "left 退出"

    agency = models.ForeignKey(
        Agency, on_delete=models.PROTECT, related_name="edges", db_index=False
    )
    promoter = models.ForeignKey(
        Promoter, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    child = models.ForeignKey(
        Agency, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=6, choices=Kind)
    from_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    reason = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["promoter", "number"],
                name="agency_member_once",
                condition=Q(promoter__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["child", "number"],
                name="agency_child_once",
                condition=Q(child__isnull=False),
            ),
            models.CheckConstraint(condition=_ONE_MEMBER, name="agency_edge_member"),
            models.CheckConstraint(condition=_OLDER, name="agency_edge_no_cycle"),
        ]
        indexes = [models.Index(fields=["agency", "-id"], name="agency_edges")]
        verbose_name = "agency edge 机构关系"
        verbose_name_plural = "agency edges 机构关系"

    def __str__(self) -> str:
        return f"{self.promoter_id or self.child_id} {self.kind} {self.agency_id}"


class AgencyInvitation(models.Model):
    """An agency asks a promoter, or another agency, to become its member; only they can accept."""

    class Status(models.TextChoices):
        OPEN = "open", "open 待答复"
        ACCEPTED = "accepted", "accepted 已接受"
        DECLINED = "declined", "declined 已拒绝"
        WITHDRAWN = "withdrawn", "withdrawn 已撤回"

    TRANSITIONS: Transitions = {
        Status.OPEN: frozenset({Status.ACCEPTED, Status.DECLINED, Status.WITHDRAWN}),
        Status.ACCEPTED: frozenset(),
        Status.DECLINED: frozenset(),
        Status.WITHDRAWN: frozenset(),
    }

    agency = models.ForeignKey(
        Agency, on_delete=models.PROTECT, related_name="invitations", db_index=False
    )
    promoter = models.ForeignKey(
        Promoter, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    child = models.ForeignKey(
        Agency, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    status = models.CharField(max_length=9, choices=Status, default=Status.OPEN)
    invited_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["promoter", "agency"],
                name="agency_invites_once",
                condition=Q(status="open", promoter__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["child", "agency"],
                name="agency_invites_child_once",
                condition=Q(status="open", child__isnull=False),
            ),
            models.CheckConstraint(condition=_ONE_MEMBER, name="agency_invitation_member"),
            models.CheckConstraint(condition=_OLDER, name="agency_invitation_no_cycle"),
        ]
        indexes = [
            models.Index(fields=["agency", "-id"], name="agency_invitations"),
            models.Index(
                fields=["promoter", "-id"],
                name="agency_asked",
                condition=Q(promoter__isnull=False),
            ),
            models.Index(
                fields=["child", "-id"], name="agency_asked_child", condition=Q(child__isnull=False)
            ),
        ]
        verbose_name = "agency invitation 机构邀请"
        verbose_name_plural = "agency invitations 机构邀请"

    def __str__(self) -> str:
        return f"invitation {self.pk}"
