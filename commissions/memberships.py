"""Members of agencies 机构成员: invited by the agency, accepted by themselves (K9).

A membership is dated: it holds from the edge that joins until the edge that leaves. The database
lets a member have one agency at a time, also when two are accepted at once (`AgencyEdge`).
"""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import NotFound, Refusal, WrongState
from backend.core.sql import read
from backend.core.states import move_one
from commissions import agencies, promoters
from commissions.models import Agency, AgencyEdge, AgencyInvitation, Promoter

Kind = AgencyEdge.Kind
Member = Promoter | Agency
_WITH_NAMES = ("agency__owner", "promoter__account", "child__owner")


class InviteeUnknown(Refusal):
    """Nobody of this handle can become a member of this agency."""

    code = "invitee_unknown"
    status = 422
    title = "Nobody of this name can be invited"


class AlreadyMember(Refusal):
    """Who has an agency leaves it before joining another."""

    code = "already_member"
    status = 409
    title = "A member of an agency already"


class ShareChanged(Refusal):
    """The agency takes another share than the one that was agreed to."""

    code = "share_changed"
    status = 409
    title = "The agency takes another share"


class TooManyLevels(Refusal):
    """An agency above an agency above an agency: a line has at most five payees."""

    code = "agency_too_many_levels"
    status = 422
    title = "An agency may have one above it, no more"


# ---------------------------------------------------------------- invitations
def invite(
    *, account: Account, handle: str, as_agency: bool = False, at: datetime
) -> tuple[AgencyInvitation, bool]:
    """Asks a promoter, or with `as_agency` another agency, to become a member of the caller's
    agency; an open invitation is answered with itself. Whether it is new comes beside it.

    :raises NotFound: the account owns no agency.
    :raises AgencySuspended: the agency may take nobody in.
    :raises InviteeUnknown: nobody active of this handle, or the caller themselves, or an agency
        that is older than the caller's: the upper one is the older.
    """
    with transaction.atomic():
        agency = agencies.locked(agencies.of(account).pk)
        agencies.must_be_active(agency)
        member = _invitee(agency, handle, as_agency)
        asked = _invitations(member).filter(agency=agency, status="open").first()
        if asked is not None:
            return asked, False
        made = AgencyInvitation.objects.create(agency=agency, invited_at=at, **_member(member))
    return made, True


def _invitee(agency: Agency, handle: str, as_agency: bool) -> Member:
    member: Member | None
    if as_agency:
        younger = Agency.objects.filter(status=Agency.Status.ACTIVE, pk__gt=agency.pk)
        member = younger.filter(owner__handle=handle).first()
    else:
        active = Promoter.objects.filter(status=Promoter.Status.ACTIVE, account__handle=handle)
        member = active.exclude(account=agency.owner_id).first()
    if member is None:
        raise InviteeUnknown(fields={"handle": ["Nobody of this name can be invited."]})
    return member


def withdraw(*, account: Account, invitation_id: int, at: datetime) -> AgencyInvitation:
    """The agency takes an open invitation back.

    :raises NotFound: not an invitation of the caller's agency.
    :raises WrongState: it was answered before.
    """
    asked = AgencyInvitation.objects.filter(agency__owner=account)
    return _answer(asked, invitation_id, AgencyInvitation.Status.WITHDRAWN, at)


def decline(*, account: Account, invitation_id: int, at: datetime) -> AgencyInvitation:
    """Who was asked does not want to.

    :raises NotFound: not an invitation of the caller.
    :raises WrongState: it was answered before.
    """
    return _answer(asked_of(account), invitation_id, AgencyInvitation.Status.DECLINED, at)


def accept(
    *, account: Account, invitation_id: int, share_bps: int, at: datetime
) -> AgencyInvitation:
    """Becomes a member from now on, agreeing to the share that the agency takes.

    :raises NotFound: not an invitation of the caller.
    :raises WrongState: it was answered before.
    :raises AgencySuspended: the agency may take nobody in.
    :raises PromoterFrozen: the caller is not active as a promoter.
    :raises ShareChanged: it takes another share; the invitation stays open.
    :raises AlreadyMember: the caller has an agency, and leaves it first.
    :raises TooManyLevels: one of the two agencies stands below another, or above one, already.
    """
    with transaction.atomic():
        invitation = _answer(asked_of(account), invitation_id, AgencyInvitation.Status.ACCEPTED, at)
        agency = agencies.locked(invitation.agency_id)
        agencies.must_be_active(agency)
        takes = agencies.share_at(agency, at)
        if takes != share_bps:
            raise ShareChanged(f"The agency takes {takes} bps.", share_bps=takes)
        member = invitation.promoter or invitation.child
        assert member is not None, "an invitation of nobody"
        _must_fit(agency, member)
        _join(agency, member, at)
    return invitation


def asked_of(account: Account) -> QuerySet[AgencyInvitation]:
    """The invitations of the caller: as a promoter, or for the own agency."""
    mine = Q(pk__in=[])
    for kind, own in (
        ("promoter", Promoter.objects.filter(account=account)),
        ("child", Agency.objects.filter(owner=account)),
    ):
        # By number, not by a join: the index of each is looked at.
        number = own.values_list("pk", flat=True).first()
        mine |= Q(**{kind: number}) if number else Q(pk__in=[])
    return AgencyInvitation.objects.filter(mine).select_related(*_WITH_NAMES)


def _answer(
    asked: QuerySet[AgencyInvitation], invitation_id: int, to: str, at: datetime
) -> AgencyInvitation:
    with transaction.atomic():
        invitation = asked.filter(pk=invitation_id).first()
        if invitation is None:
            raise NotFound()
        move_one(invitation, transitions=AgencyInvitation.TRANSITIONS, to=to, answered_at=at)
    return invitation


def _must_fit(agency: Agency, member: Member) -> None:
    """Two levels of agencies, no more: with promoter and inviters a line has five payees."""
    if isinstance(member, Promoter):
        if member.status != Promoter.Status.ACTIVE:
            raise promoters.PromoterFrozen()
        return
    if current(agency) is not None or members(member).filter(child__isnull=False).exists():
        raise TooManyLevels()


# ---------------------------------------------------------------- membership
def _member(member: Member) -> dict[str, Any]:
    return {"promoter" if isinstance(member, Promoter) else "child": member}


def _invitations(member: Member) -> QuerySet[AgencyInvitation]:
    return AgencyInvitation.objects.filter(**_member(member))


def _last(member: Member) -> AgencyEdge | None:
    edges = AgencyEdge.objects.filter(**_member(member)).select_related("agency__owner")
    return edges.order_by("-number").first()


def current(member: Member) -> AgencyEdge | None:
    """By which edge a promoter or an agency is a member now, or None."""
    last = _last(member)
    return last if last is not None and last.kind == Kind.JOINED else None


def members(agency: Agency) -> QuerySet[AgencyEdge]:
    """The edges of an agency's members of now: joined, and no later edge of the same member."""
    after = AgencyEdge.objects.filter(number=OuterRef("number") + 1)
    return AgencyEdge.objects.filter(
        ~Exists(after.filter(promoter=OuterRef("promoter"))),
        ~Exists(after.filter(child=OuterRef("child"))),
        agency=agency,
        kind=Kind.JOINED,
    )


_PAGE = """
SELECT e.id, CASE WHEN e.child_id IS NULL THEN 'promoter' ELSE 'agency' END AS kind, a.handle,
    coalesce(child.name, a.display_name) AS name, e.from_at AS since,
    coalesce(c.lines, 0) AS lines, coalesce(c.gmv_fen, 0) AS gmv_fen,
    coalesce(c.part_fen, 0) AS gross_fen, coalesce(c.passed_on_fen, 0) AS passed_on_fen, c.as_of
FROM commissions_agencyedge e
LEFT JOIN commissions_promoter p ON p.id = e.promoter_id
LEFT JOIN commissions_agency child ON child.id = e.child_id
JOIN accounts_account a ON a.id = coalesce(p.account_id, child.owner_id)
LEFT JOIN commissions_agencycount c ON c.edge_id = e.id
WHERE e.agency_id = %(agency)s AND e.kind = 'joined' AND e.id < %(before)s
  AND NOT EXISTS (SELECT 1 FROM commissions_agencyedge later WHERE later.number = e.number + 1
                  AND later.promoter_id = e.promoter_id)
  AND NOT EXISTS (SELECT 1 FROM commissions_agencyedge later WHERE later.number = e.number + 1
                  AND later.child_id = e.child_id)
ORDER BY e.id DESC LIMIT %(size)s
"""


def page(account: Account, *, before: int = 2**63 - 1, size: int = 20) -> list[dict[str, Any]]:
    """The members of the caller's agency with edge ids below `before`, the newest first, each with
    what its membership came to in the 30 days before `as_of`: gross (the member's part) and what of
    it was passed on; one statement.

    :raises NotFound: the account owns no agency.
    """
    agency = agencies.of(account)
    found = read(_PAGE, {"agency": agency.pk, "before": before, "size": size})
    for row in found:
        row["kept_fen"] = row["gross_fen"] - row["passed_on_fen"]
    return found


def _join(agency: Agency, member: Member, at: datetime) -> AgencyEdge:
    last = _last(member)
    if last is not None and last.kind == Kind.JOINED:
        raise AlreadyMember()
    return _write(agency, member, last, kind=Kind.JOINED, at=at, reason="accepted")


def _write(
    agency: Agency, member: Member, last: AgencyEdge | None, *, kind: str, at: datetime, reason: str
) -> AgencyEdge:
    """The member's next edge: of two who write it at once the key lets one."""
    try:
        with transaction.atomic():
            return AgencyEdge.objects.create(
                agency=agency,
                number=last.number + 1 if last else 1,
                kind=kind,
                from_at=max(at, last.from_at) if last else at,
                recorded_at=at,
                reason=reason,
                **_member(member),
            )
    except IntegrityError as error:
        raise AlreadyMember() if kind == Kind.JOINED else WrongState() from error


def leave(*, account: Account, at: datetime) -> AgencyEdge:
    """The caller, as a promoter, leaves the agency from now on; what was sold before stays
    divided as it was.

    :raises NotFound: no promoter, or no member.
    """
    return _leave(promoters.of(account), at, by=account, reason="left")


def leave_upper(*, account: Account, at: datetime) -> AgencyEdge:
    """The caller's agency leaves the one above it.

    :raises NotFound: no agency, or none above it.
    """
    return _leave(agencies.of(account), at, by=account, reason="left")


def dismiss(*, account: Account, edge_id: int, at: datetime) -> AgencyEdge:
    """The caller's agency ends somebody's membership, by the edge that began it.

    :raises NotFound: not a member of the caller's agency.
    """
    edges = members(agencies.of(account)).select_related("promoter", "child")
    edge = edges.filter(pk=edge_id).first()
    member = edge and (edge.promoter or edge.child)
    if not member:
        raise NotFound()
    return _leave(member, at, by=account, reason="dismissed")


def _leave(member: Member, at: datetime, *, by: Account, reason: str) -> AgencyEdge:
    with transaction.atomic():
        edge = current(member)
        if edge is None:
            raise NotFound()
        made = _write(edge.agency, member, edge, kind=Kind.LEFT, at=at, reason=reason)
        audit.note(actor=by, action="agency.leave", target=edge.agency, at=at, reason=reason)
    return made


# ---------------------------------------------------------------- what people are shown
def agency_of(account: Account, *, at: datetime) -> dict[str, Any]:
    """The caller's own agency: what it takes, what it will take, and the one above it.

    :raises NotFound: the account owns none.
    """
    agency = agencies.of(account)
    edge = current(agency)
    return {**_shown(agency, at), "upper": _membership(edge, at) if edge else None}


def membership_of(account: Account, *, at: datetime) -> dict[str, Any]:
    """The agency of which the caller, as a promoter, is a member.

    :raises NotFound: no promoter, or no member.
    """
    edge = current(promoters.of(account))
    if edge is None:
        raise NotFound()
    return _membership(edge, at)


def _membership(edge: AgencyEdge, at: datetime) -> dict[str, Any]:
    return {"agency": _shown(edge.agency, at), "since": edge.from_at}


def _shown(agency: Agency, at: datetime) -> dict[str, Any]:
    takes, following = agencies.shares(agency, at)
    return {
        "id": agency.pk,
        "name": agency.name,
        "owner": agency.owner.handle,
        "status": agency.status,
        "share_bps": takes,
        "next_share_bps": following.share_bps if following else None,
        "next_share_at": following.from_at if following else None,
    }


def invitations_shown(found: list[AgencyInvitation], at: datetime) -> list[dict[str, Any]]:
    """Invitations, each with what its agency takes now: what whoever accepts agrees to."""
    shares = agencies.shares_of([one.agency_id for one in found], at)
    return [
        {
            "id": one.pk,
            "agency": one.agency.name,
            "owner": one.agency.owner.handle,
            "invited": _invited(one).handle,
            "as_agency": one.child_id is not None,
            "share_bps": shares.get(one.agency_id, 0),
            "status": one.status,
            "invited_at": one.invited_at,
            "answered_at": one.answered_at,
        }
        for one in found
    ]


def _invited(invitation: AgencyInvitation) -> Account:
    if invitation.child is not None:
        return invitation.child.owner
    assert invitation.promoter is not None, "an invitation of nobody"
    return invitation.promoter.account


def sent_by(account: Account) -> QuerySet[AgencyInvitation]:
    """The invitations of the caller's agency.

    :raises NotFound: the account owns none.
    """
    asked = AgencyInvitation.objects.filter(agency=agencies.of(account))
    return asked.select_related(*_WITH_NAMES)
