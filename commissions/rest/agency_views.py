"""Doors of agencies: for who owns one, and for who is asked to join."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest import paging
from backend.rest.fields import NoFields
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from commissions import agencies, memberships
from commissions.models import AgencyInvitation
from commissions.rest import agency_serializers as s

INVITATIONS = page_of("AgencyInvitation", s.InvitationAnswer)


def _page(request: Request, asked: QuerySet[AgencyInvitation]) -> Response:
    found, cursor = paging.keyset(request, asked)
    return Response(paging.answer(memberships.invitations_shown(found, now()), cursor))


def _one(invitation: AgencyInvitation, status: int = 200) -> Response:
    return Response(memberships.invitations_shown([invitation], now())[0], status=status)


class AgenciesView(View):
    """Founding an agency."""

    @extend_schema(tags=["agencies"], request=s.AgencyFields, responses={201: s.AgencyAnswer})
    def post(self, request: Request) -> Response:
        """Found an agency: any account, once."""
        account = caller(request)
        agencies.found(account=account, **self.body(request, s.AgencyFields), at=now())
        return Response(memberships.agency_of(account, at=now()), status=201)


class MyAgencyView(View):
    """The caller's agency."""

    @extend_schema(tags=["agencies"], responses={200: s.AgencyAnswer, 404: None})
    def get(self, request: Request) -> Response:
        """The caller's own agency; 404 for who has none."""
        self.query(request)
        return Response(memberships.agency_of(caller(request), at=now()))


class ShareView(View):
    """What the agency takes."""

    @extend_schema(
        tags=["agencies"],
        request=s.AgencyShareFields,
        responses={200: s.AgencyShareAnswer, 404: None},
    )
    def put(self, request: Request) -> Response:
        """Changes the share: a smaller one now, a larger one after the days of notice."""
        fields = self.body(request, s.AgencyShareFields)
        made = agencies.set_share(account=caller(request), **fields, at=now())
        return Response(s.AgencyShareAnswer(made).data)


class UpperView(View):
    """The agency above the caller's."""

    @extend_schema(tags=["agencies"], responses={204: None, 404: None})
    def delete(self, request: Request) -> Response:
        """The caller's agency leaves the one above it."""
        memberships.leave_upper(account=caller(request), at=now())
        return Response(status=204)


class MembersView(View):
    """Who belongs to the caller's agency."""

    @extend_schema(
        tags=["agencies"],
        parameters=CURSOR,
        responses={200: page_of("AgencyMember", s.MemberAnswer), 404: None},
    )
    def get(self, request: Request) -> Response:
        """The members, the newest first, with what each came to in the last 30 days."""
        self.query(request, paged=True)
        size = paging.page_size(request)
        given = request.query_params.get("cursor")
        before = paging.decode_cursor(given, [int])[0] if given else 2**63 - 1
        found = memberships.page(caller(request), before=before, size=size + 1)
        following = paging.encode_cursor(found[size - 1]["id"]) if len(found) > size else None
        return Response(paging.answer(found[:size], following))


class MemberView(View):
    """One member."""

    @extend_schema(tags=["agencies"], responses={204: None})
    def delete(self, request: Request, edge_id: int) -> Response:
        """Ends the membership from now on."""
        memberships.dismiss(account=caller(request), edge_id=edge_id, at=now())
        return Response(status=204)


class SentView(View):
    """Invitations of the caller's agency."""

    @extend_schema(
        tags=["agencies"],
        operation_id="me_agency_invitations_sent_list",
        parameters=CURSOR,
        responses={200: INVITATIONS, 404: None},
    )
    def get(self, request: Request) -> Response:
        """Whom the agency has asked, the newest first."""
        self.query(request, paged=True)
        return _page(request, memberships.sent_by(caller(request)))

    @extend_schema(
        tags=["agencies"],
        request=s.InvitationFields,
        responses={201: s.InvitationAnswer, 200: s.InvitationAnswer, 404: None, 403: None},
    )
    def post(self, request: Request) -> Response:
        """Ask somebody: 201 where it is new, 200 with the open invitation asked again."""
        fields = self.body(request, s.InvitationFields)
        invitation, made = memberships.invite(account=caller(request), **fields, at=now())
        return _one(invitation, 201 if made else 200)


class WithdrawView(View):
    """Taking an invitation back."""

    @extend_schema(tags=["agencies"], request=NoFields, responses=s.InvitationAnswer)
    def post(self, request: Request, invitation_id: int) -> Response:
        """Takes an open invitation back."""
        self.body(request, NoFields)
        account = caller(request)
        return _one(memberships.withdraw(account=account, invitation_id=invitation_id, at=now()))


class AskedView(View):
    """Invitations to the caller."""

    @extend_schema(tags=["agencies"], parameters=CURSOR, responses=INVITATIONS)
    def get(self, request: Request) -> Response:
        """Who has asked the caller, as a promoter or for the own agency."""
        self.query(request, paged=True)
        return _page(request, memberships.asked_of(caller(request)))


class AcceptView(View):
    """Joining an agency."""

    @extend_schema(tags=["agencies"], request=s.Consent, responses=s.InvitationAnswer)
    def post(self, request: Request, invitation_id: int) -> Response:
        """Become a member from now on, for the share that is named."""
        fields = self.body(request, s.Consent)
        account = caller(request)
        return _one(
            memberships.accept(account=account, invitation_id=invitation_id, **fields, at=now())
        )


class DeclineView(View):
    """Not joining an agency."""

    @extend_schema(tags=["agencies"], request=NoFields, responses=s.InvitationAnswer)
    def post(self, request: Request, invitation_id: int) -> Response:
        """Say no."""
        self.body(request, NoFields)
        account = caller(request)
        return _one(memberships.decline(account=account, invitation_id=invitation_id, at=now()))


class MembershipView(View):
    """The agency of the caller, as a promoter."""

    @extend_schema(tags=["agencies"], responses={200: s.MembershipAnswer, 404: None})
    def get(self, request: Request) -> Response:
        """The agency that the caller is a member of; 404 for who is none."""
        self.query(request)
        return Response(memberships.membership_of(caller(request), at=now()))

    @extend_schema(tags=["agencies"], responses={204: None, 404: None})
    def delete(self, request: Request) -> Response:
        """Leaves the agency from now on; what was sold before stays divided."""
        memberships.leave(account=caller(request), at=now())
        return Response(status=204)
