"""Doors of the tree of promoters: one's own inviter and team, and what staff may ask of it."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest import paging
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from commissions import compliance, promoters, team
from commissions.rest import team_serializers as s
from commissions.rest.promoting_serializers import PromoterAnswer


class InviterView(View):
    """The caller's inviter."""

    @extend_schema(
        tags=["promoters"],
        request=s.InviterFields,
        responses={200: PromoterAnswer, 403: None, 409: None},
    )
    def put(self, request: Request) -> Response:
        """Name the inviter later: once, for who joined without one."""
        fields = self.body(request, s.InviterFields)
        account = caller(request)
        promoters.bind(account=account, **fields, at=now())
        return Response(PromoterAnswer(promoters.of(account)).data)


class TeamView(View):
    """The caller's team."""

    @extend_schema(
        tags=["promoters"],
        parameters=[*CURSOR, OpenApiParameter("level", enum=["1", "2"], default="1")],
        responses={200: page_of("TeamMember", s.TeamMember), 404: None},
    )
    def get(self, request: Request) -> Response:
        """Whom the caller invited (level 1), or whom these invited (level 2), the newest first."""
        level = int(self.query(request, s.TeamQuery, paged=True)["level"])
        size = paging.page_size(request)
        given = request.query_params.get("cursor")
        before = paging.decode_cursor(given, [int])[0] if given else 2**63 - 1
        account = caller(request)
        found = team.page(account, level=level, at=now(), before=before, size=size + 1)
        following = paging.encode_cursor(found[size - 1]["id"]) if len(found) > size else None
        return Response(paging.answer(found[:size], following))


class TeamSummaryView(View):
    """The caller's team in numbers."""

    @extend_schema(tags=["promoters"], responses={200: s.TeamSummary, 404: None})
    def get(self, request: Request) -> Response:
        """People, who is active, GMV and commission of the last 30 days, level by level."""
        self.query(request)
        return Response(team.totals(caller(request), at=now()))


class UplinesView(View):
    """Who stood above a promoter."""

    @extend_schema(
        tags=["promoters"],
        parameters=[
            OpenApiParameter("at", {"type": "string", "format": "date-time"}),
            OpenApiParameter("known_at", {"type": "string", "format": "date-time"}),
        ],
        responses=s.UplinesAnswer,
    )
    def get(self, request: Request, promoter_id: int) -> Response:
        """At an instant, as it was known at another; for staff who may see promoters."""
        asked = self.query(request, s.UplinesQuery)
        instants = {"at": asked.get("at", now()), "known_at": asked.get("known_at", now())}
        found = team.uplines(promoter_id=promoter_id, by=caller(request), **instants)
        return Response({"promoter": promoter_id, **instants, "uplines": found})


class FindingsView(View):
    """The last compliance report."""

    @extend_schema(
        tags=["compliance"],
        parameters=CURSOR,
        responses=page_of("ComplianceFinding", s.FindingAnswer),
    )
    def get(self, request: Request) -> Response:
        """Trees of promoters with 30 people or 3 levels, counted with the root."""
        self.query(request, paged=True)
        found, cursor = paging.keyset(request, compliance.findings(by=caller(request)))
        return Response(paging.answer(s.FindingAnswer(found, many=True).data, cursor))
