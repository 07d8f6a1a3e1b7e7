"""Agencies 机构: founding one, and the share it takes (K9).

An agency takes a share of its members' part, never of the sale: the shop pays the same, and so do
the inviters. Its members are promoters, or agencies that it stands above. Nobody becomes a member
but by an invitation of the agency and the own consent to the share it takes; a larger share begins
AGENCY_NOTICE_DAYS after it was said, so that who does not agree leaves before.

Edges and shares are dated and append-only; a line takes those of the moment its order was placed.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import NotFound, Refusal
from backend.core.states import move_one
from commissions.models import Agency, AgencyShare


class AlreadyAgency(Refusal):
    """The account has an agency."""

    code = "already_agency"
    status = 409
    title = "The account has an agency already"


class AgencySuspended(Refusal):
    """The agency is suspended: it takes nobody in and is passed on nothing."""

    code = "agency_suspended"
    status = 403
    title = "The agency is suspended"


def found(*, account: Account, name: str, share_bps: int, at: datetime) -> Agency:
    """Makes an account the owner of an agency that takes `share_bps` of its members' part.

    :raises AlreadyAgency: it has one.
    """
    with transaction.atomic():
        try:
            with transaction.atomic():
                agency = Agency.objects.create(owner=account, name=name, created_at=at)
        except IntegrityError as error:
            raise AlreadyAgency() from error
        AgencyShare.objects.create(
            agency=agency, number=1, share_bps=share_bps, from_at=at, recorded_at=at
        )
        audit.note(actor=account, action="agency.found", target=agency, at=at, share_bps=share_bps)
    return agency


def of(account: Account) -> Agency:
    """The agency that this account owns.

    :raises NotFound: it owns none.
    """
    agency = Agency.objects.filter(owner=account).first()
    if agency is None:
        raise NotFound()
    return agency


def share_at(agency: Agency, at: datetime) -> int:
    """What the agency takes at an instant, in bps; the last said of what has begun holds."""
    begun = AgencyShare.objects.filter(agency=agency, from_at__lte=at).order_by("-number").first()
    return begun.share_bps if begun else 0


def shares_of(agency_ids: Collection[int], at: datetime) -> dict[int, int]:
    """What each of these agencies takes at an instant, in bps; one query."""
    begun = AgencyShare.objects.filter(agency__in=set(agency_ids), from_at__lte=at)
    last = begun.order_by("agency_id", "-number").distinct("agency_id")
    return {share.agency_id: share.share_bps for share in last}


def shares(agency: Agency, at: datetime) -> tuple[int, AgencyShare | None]:
    """What the agency takes now, and the change that has been said and not begun."""
    last = AgencyShare.objects.filter(agency=agency).order_by("-number").first()
    return share_at(agency, at), last if last and last.from_at > at else None


def set_share(*, account: Account, share_bps: int, at: datetime) -> AgencyShare:
    """Changes what the caller's agency takes: a smaller share at once, a larger one after the
    days of notice. It replaces a change that has not begun.

    :raises NotFound: the account owns no agency.
    """
    with transaction.atomic():
        agency = locked(of(account).pk)
        last = AgencyShare.objects.filter(agency=agency).latest("number")
        larger = share_bps > share_at(agency, at)
        notice = timedelta(days=settings.AGENCY_NOTICE_DAYS if larger else 0)
        made = AgencyShare.objects.create(
            agency=agency,
            number=last.number + 1,
            share_bps=share_bps,
            from_at=at + notice,
            recorded_at=at,
        )
        audit.note(
            actor=account,
            action="agency.share",
            target=agency,
            at=at,
            share_bps=share_bps,
            from_at=made.from_at.isoformat(),
        )
    return made


def suspend(*, agency_id: int, by: Any, reason: str, at: datetime) -> Agency:
    """Staff stop an agency: what its members sell from now on they keep whole; what was passed on
    stays the agency's.

    :raises NotFound: no such agency.
    :raises WrongState: not active.
    """
    return _decide(
        agency_id, Agency.Status.SUSPENDED, "agency.suspend", by=by, reason=reason, at=at
    )


def reopen(*, agency_id: int, by: Any, reason: str, at: datetime) -> Agency:
    """Lets a suspended agency go on.

    :raises NotFound: no such agency.
    :raises WrongState: not suspended.
    """
    return _decide(agency_id, Agency.Status.ACTIVE, "agency.reopen", by=by, reason=reason, at=at)


def forget(*, account: Account, at: datetime) -> None:
    """Takes the name off the account's agency, where it has one, and suspends it. Runs inside the
    transaction of an erasure."""
    agency = Agency.objects.select_for_update(no_key=True, of=("self",)).filter(owner=account)
    for row in agency.order_by("pk"):
        row.name, row.status = "", Agency.Status.SUSPENDED
        row.save(update_fields=["name", "status"])
        audit.note(actor=account, action="agency.forget", target=row, at=at)


def _decide(agency_id: int, to: str, action: str, *, by: Any, reason: str, at: datetime) -> Agency:
    with transaction.atomic():
        agency = locked(agency_id)
        move_one(agency, transitions=Agency.TRANSITIONS, to=to)
        audit.note(actor=by, action=action, target=agency, at=at, reason=reason)
    return agency


def locked(agency_id: int) -> Agency:
    """The agency, held until the transaction ends.

    :raises NotFound: no such agency.
    """
    agency = (
        Agency.objects.select_for_update(no_key=True, of=("self",)).filter(pk=agency_id).first()
    )
    if agency is None:
        raise NotFound()
    return agency


def must_be_active(agency: Agency) -> None:
    """:raises AgencySuspended: the agency takes nobody in."""
    if agency.status != Agency.Status.ACTIVE:
        raise AgencySuspended()
