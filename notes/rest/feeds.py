"""Doors of the feeds, search and topics."""

from datetime import datetime

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.core.texts import skeleton
from backend.rest.paging import BadCursor, answer, keyset, page_size
from backend.rest.permissions import Anyone
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from notes import feed, search, topics
from notes.models import Topic
from notes.rest import answers as a
from notes.rest import serializers as s
from notes.rest.pages import listed, part_of, viewer_of

_FEED = page_of("Feed", a.FeedItem)
_HOT: list[type] = [float, int]
_TIME: list[type] = [datetime, int]
FRESH = 5  # seconds that caches may show everybody the same page of a feed


class DiscoverView(View):
    """Discover."""

    permission_classes = [Anyone]
    shared_seconds = FRESH

    @extend_schema(tags=["feeds"], parameters=[s.DiscoverQuery, *CURSOR], responses=_FEED)
    def get(self, request: Request) -> Response:
        """All published notes by quality and freshness; ?goods=0 leaves out those with cards."""
        query = self.query(request, s.DiscoverQuery, paged=True)
        found = feed.discover(
            viewer=viewer_of(request),
            part=part_of(request, _HOT),
            media=query.get("media", "all"),
            goods=query.get("goods") != "0",
        )
        return listed(found)


class FollowFeedView(View):
    """Follow."""

    @extend_schema(tags=["feeds"], parameters=CURSOR, responses=_FEED)
    def get(self, request: Request) -> Response:
        """Notes of followed accounts and one's own, the newest first."""
        self.query(request, paged=True)
        return listed(feed.follow(viewer=caller(request), part=part_of(request, _TIME)))


class NearbyView(View):
    """Nearby."""

    permission_classes = [Anyone]
    shared_seconds = FRESH

    @extend_schema(tags=["feeds"], parameters=[s.NearbyQuery, *CURSOR], responses=_FEED)
    def get(self, request: Request) -> Response:
        """Published notes of a city."""
        query = self.query(request, s.NearbyQuery, paged=True)
        found = feed.nearby(
            viewer=viewer_of(request),
            part=part_of(request, _HOT),
            city=query.get("city", ""),
            media=query.get("media", "all"),
        )
        return listed(found)


class SearchView(View):
    """Search."""

    permission_classes = [Anyone]
    shared_seconds = FRESH

    @extend_schema(
        tags=["feeds"], parameters=[s.SearchQuery, *CURSOR], responses={200: _FEED, 422: None}
    )
    def get(self, request: Request) -> Response:
        """Notes that hold the words, exact titles first."""
        query = self.query(request, s.SearchQuery, paged=True)
        found = search.notes(
            viewer=viewer_of(request),
            part=part_of(request, [float, float, int]),
            query=query.get("q", ""),
            media=query.get("media", "all"),
        )
        return listed(found)


class TopicsView(View):
    """Topics."""

    permission_classes = [Anyone]

    @extend_schema(
        tags=["topics"],
        parameters=[s.TopicsQuery, *CURSOR],
        responses=page_of("Topic", a.TopicAnswer),
    )
    def get(self, request: Request) -> Response:
        """Topics with published notes, most notes first; ?sort=hot: most participants of the
        last 7 days, one page."""
        query = self.query(request, s.TopicsQuery, paged=True)
        if query.get("sort") == "hot" and "cursor" in request.query_params:
            raise BadCursor("This list has one page.")
        if query.get("sort") == "hot":
            return Response(answer(topics.hot(at=now(), limit=page_size(request)), None))
        rows = Topic.objects.filter(
            note_count__gt=0, skeleton__contains=skeleton(query.get("q", ""))
        )
        found, cursor = keyset(request, rows, by="-note_count")
        return Response(answer(a.TopicAnswer(found, many=True).data, cursor))


class TopicNotesView(View):
    """Notes of a topic."""

    permission_classes = [Anyone]
    shared_seconds = FRESH

    @extend_schema(tags=["topics"], parameters=CURSOR, responses=_FEED)
    def get(self, request: Request, topic_id: int) -> Response:
        """Published notes of the topic by quality and freshness."""
        self.query(request, paged=True)
        part = part_of(request, _HOT)
        return listed(feed.of_topic(viewer=viewer_of(request), part=part, topic_id=topic_id))


class ProductNotesView(View):
    """Notes of a product."""

    permission_classes = [Anyone]
    shared_seconds = FRESH

    @extend_schema(tags=["feeds"], parameters=CURSOR, responses=_FEED)
    def get(self, request: Request, product_id: int) -> Response:
        """Published notes that show the product."""
        self.query(request, paged=True)
        part = part_of(request, _HOT)
        return listed(feed.of_product(viewer=viewer_of(request), part=part, product_id=product_id))


class AccountNotesView(View):
    """Notes of an account."""

    permission_classes = [Anyone]
    shared_seconds = FRESH

    @extend_schema(tags=["feeds"], parameters=CURSOR, responses=_FEED)
    def get(self, request: Request, handle: str) -> Response:
        """Published notes of the account, the newest first."""
        self.query(request, paged=True)
        part = part_of(request, _TIME)
        return listed(feed.of_author(viewer=viewer_of(request), part=part, handle=handle))


class CollectsView(View):
    """What one keeps."""

    @extend_schema(tags=["feeds"], parameters=CURSOR, responses=_FEED)
    def get(self, request: Request) -> Response:
        """Notes that the caller keeps, the last kept first."""
        self.query(request, paged=True)
        return listed(feed.collects(viewer=caller(request), part=part_of(request, [int, int])))
