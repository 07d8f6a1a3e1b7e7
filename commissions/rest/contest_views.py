"""Doors of leaderboards and bounties."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import business_day, now
from backend.rest import paging
from backend.rest.idempotency import idempotent
from backend.rest.schema import CURSOR, KEY, page_of
from backend.rest.views import View
from commissions import bounties, leaderboards
from commissions.rest import contest_serializers as s


class LeaderboardView(View):
    """Who sold the most."""

    @extend_schema(
        tags=["contests"],
        parameters=[
            OpenApiParameter("period", enum=list(leaderboards.PERIODS), default="week"),
            OpenApiParameter("day", OpenApiTypes.DATE, description="a day of it; today by default"),
            OpenApiParameter("by", enum=list(leaderboards.FIGURES), default="estimated"),
            OpenApiParameter("shop", OpenApiTypes.INT64),
        ],
        responses={200: s.LeaderboardAnswer, 404: None},
    )
    def get(self, request: Request) -> Response:
        """The first 50 of a day, week or month, names masked, and the caller's own place."""
        asked = self.query(request, s.LeaderboardQuery)
        day = asked.get("day") or business_day(now())
        found = leaderboards.board(
            account=caller(request),
            shop_id=asked.get("shop", 0),
            period=leaderboards.period_of(asked.get("period", "week"), day),
            by=asked.get("by", "estimated"),
        )
        return Response(found)


class BountiesView(View):
    """Bounties to be reached."""

    @extend_schema(
        tags=["contests"], parameters=CURSOR, responses=page_of("Bounty", s.BountyAnswer)
    )
    def get(self, request: Request) -> Response:
        """Published bounties, the newest first, with how far the caller has come."""
        self.query(request, paged=True)
        size = paging.page_size(request)
        given = request.query_params.get("cursor")
        before = paging.decode_cursor(given, [int])[0] if given else 2**63 - 1
        found = bounties.seen_by(caller(request), before=before, size=size + 1)
        following = paging.encode_cursor(found[size - 1]["id"]) if len(found) > size else None
        return Response(paging.answer(found[:size], following))


class ShopBountiesView(View):
    """Bounties of a shop."""

    @extend_schema(
        tags=["contests"],
        parameters=[KEY],
        request=s.BountyFields,
        responses={201: s.BountyAnswer},
    )
    @idempotent
    def post(self, request: Request, shop_id: int) -> Response:
        """Offers a bounty out of the shop's own money, published at once; the linter refuses a
        bad one with the clause that it breaks."""
        fields = self.body(request, s.BountyFields)
        account = caller(request)
        made = bounties.offer(account=account, shop_id=shop_id, **fields, at=now())
        return Response(bounties.seen_by(account, before=made.pk + 1, size=1)[0], status=201)
