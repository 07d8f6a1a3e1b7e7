"""Doors of live sessions: announce, start, end, call off, show goods; enter."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest.fields import NoFields
from backend.rest.paging import answer, keyset
from backend.rest.permissions import AnyoneReads
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from backend.rest.visitors import visitor_of
from notes import live
from notes.rest import answers as a
from notes.rest import serializers as s
from notes.rest.pages import viewer_of


def _room(session_id: int, status: int = 200) -> Response:
    return Response(live.room(session_id=session_id, at=now()), status=status)


class LiveSessionsView(View):
    """Live sessions."""

    permission_classes = [AnyoneReads]

    @extend_schema(
        tags=["live"],
        parameters=[s.LiveQuery, *CURSOR],
        responses=page_of("LiveSession", a.LiveItem),
    )
    def get(self, request: Request) -> Response:
        """Sessions on air, or in another state, the newest first."""
        query = self.query(request, s.LiveQuery, paged=True)
        found, cursor = keyset(request, live.on_air(query.get("status", "live")))
        return Response(answer(a.LiveItem(found, many=True).data, cursor))

    @extend_schema(tags=["live"], request=s.LiveAnnouncement, responses={201: a.LiveRoom})
    def post(self, request: Request) -> Response:
        """Announces a session of one's own."""
        fields = self.body(request, s.LiveAnnouncement)
        made = live.schedule(host=caller(request), **fields)
        return _room(made.pk, 201)


class LiveSessionView(View):
    """One live session."""

    shared_seconds = 0

    permission_classes = [AnyoneReads]

    @extend_schema(tags=["live"], responses=a.LiveRoom)
    def get(self, request: Request, session_id: int) -> Response:
        """Enters a session: who enters one on air that shows goods has been touched by it."""
        self.query(request)
        return Response(
            live.enter(
                session_id=session_id,
                viewer=viewer_of(request),
                visitor=visitor_of(request),
                counts=request.method == "GET",
                at=now(),
            )
        )


class LiveStartView(View):
    """Going on air."""

    @extend_schema(tags=["live"], request=NoFields, responses={200: a.LiveRoom})
    def post(self, request: Request, session_id: int) -> Response:
        """Starts one's announced session."""
        self.body(request, NoFields)
        live.start(account=caller(request), session_id=session_id, at=now())
        return _room(session_id)


class LiveEndView(View):
    """Going off air."""

    @extend_schema(tags=["live"], request=NoFields, responses={200: a.LiveRoom})
    def post(self, request: Request, session_id: int) -> Response:
        """Ends one's session that is on air."""
        self.body(request, NoFields)
        live.end(account=caller(request), session_id=session_id, at=now())
        return _room(session_id)


class LiveCancelView(View):
    """Calling off."""

    @extend_schema(tags=["live"], request=NoFields, responses={204: None})
    def post(self, request: Request, session_id: int) -> Response:
        """Calls one's announced session off; nobody finds it any more."""
        self.body(request, NoFields)
        live.cancel(account=caller(request), session_id=session_id)
        return Response(status=204)


class LiveProductsView(View):
    """Goods of a live session."""

    @extend_schema(tags=["live"], request=s.LiveCardFields, responses={201: a.LiveRoom})
    def post(self, request: Request, session_id: int) -> Response:
        """Shows a product, by the rules of a note's cards."""
        fields = self.body(request, s.LiveCardFields)
        live.add_product(
            account=caller(request), session_id=session_id, product_id=fields["product"], at=now()
        )
        return _room(session_id, 201)
