"""The part of the market that agencies are."""

from datetime import timedelta
from typing import Any

from backend.core.clock import now
from commissions import memberships
from commissions.models import Promoter
from seeds import factories as f


def agencies(world: Any) -> None:
    """The other owner's agency, above the owner's: the inviter is its member, and the promoter is
    asked to be."""
    past = now() - timedelta(days=1)
    upper, lower = (
        f.AgencyFactory.create(owner=world.people[role], created_at=past, share_bps=1_500)
        for role in ("other_owner", "owner")
    )
    f.AgencyEdgeFactory.create(agency=upper, child=lower, from_at=past)
    member = Promoter.objects.get(account=world.people["inviter"])
    world.member = f.AgencyEdgeFactory.create(agency=upper, promoter=member, from_at=past).pk
    asked, _ = memberships.invite(account=upper.owner, handle="promoter", at=past)
    world.agency_invitation, world.agency_bps = asked.pk, 1_500
    world.mark("a member's agency", upper.name, "owner", "other_owner", "promoter", "inviter")
