"""Doors of webhooks: endpoints, their secrets, what was told."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest import paging
from backend.rest.fields import NoFields
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from backend.webhooks import endpoints, replays
from backend.webhooks.endpoints import Wanted
from backend.webhooks.models import WebhookEndpoint
from backend.webhooks.rest import serializers as s

TAGS = ["webhooks"]


def _with_secret(endpoint: WebhookEndpoint, secret: str) -> dict[str, Any]:
    return {**s.WebhookAnswer(endpoint).data, "secret": secret}


class WebhooksView(View):
    """The caller's endpoints."""

    @extend_schema(tags=TAGS, parameters=CURSOR, responses=page_of("Webhook", s.WebhookAnswer))
    def get(self, request: Request) -> Response:
        """The caller's endpoints, the newest first."""
        self.query(request, paged=True)
        found, cursor = paging.keyset(request, endpoints.of(caller(request)))
        return Response(paging.answer(s.WebhookAnswer(found, many=True).data, cursor))

    @extend_schema(tags=TAGS, request=s.WebhookFields, responses={201: s.WebhookSecretAnswer})
    def post(self, request: Request) -> Response:
        """Adds an endpoint; its secret is shown this once."""
        fields = self.body(request, s.WebhookFields)
        made, secret = endpoints.add(account=caller(request), wanted=Wanted(**fields), at=now())
        return Response(_with_secret(made, secret), status=201)


class WebhookView(View):
    """One endpoint."""

    @extend_schema(tags=TAGS, responses=s.WebhookAnswer)
    def get(self, request: Request, endpoint_id: int) -> Response:
        """An endpoint and how it does."""
        self.query(request)
        found = endpoints.find(account=caller(request), endpoint_id=endpoint_id)
        return Response(s.WebhookAnswer(found).data)

    @extend_schema(tags=TAGS, request=s.WebhookChanges, responses=s.WebhookAnswer)
    def patch(self, request: Request, endpoint_id: int) -> Response:
        """Other address, kinds or description; what waits goes to the new address."""
        fields = self.body(request, s.WebhookChanges)
        found = endpoints.change(
            account=caller(request), endpoint_id=endpoint_id, at=now(), **fields
        )
        return Response(s.WebhookAnswer(found).data)

    @extend_schema(tags=TAGS, responses={204: None})
    def delete(self, request: Request, endpoint_id: int) -> Response:
        """Takes the endpoint away for good."""
        endpoints.remove(account=caller(request), endpoint_id=endpoint_id, at=now())
        return Response(status=204)


class DisableView(View):
    """Stopping."""

    @extend_schema(tags=TAGS, request=NoFields, responses=s.WebhookAnswer)
    def post(self, request: Request, endpoint_id: int) -> Response:
        """Tells the endpoint nothing until it is enabled."""
        self.body(request, NoFields)
        account = caller(request)
        found = endpoints.disable(endpoint_id=endpoint_id, account=account, by=account, at=now())
        return Response(s.WebhookAnswer(found).data)


class EnableView(View):
    """Beginning again."""

    @extend_schema(tags=TAGS, request=NoFields, responses=s.WebhookAnswer)
    def post(self, request: Request, endpoint_id: int) -> Response:
        """Tells the endpoint again: what waits, and what happens from now on."""
        self.body(request, NoFields)
        account = caller(request)
        found = endpoints.enable(endpoint_id=endpoint_id, account=account, by=account, at=now())
        return Response(s.WebhookAnswer(found).data)


class RotateView(View):
    """A new secret."""

    @extend_schema(tags=TAGS, request=NoFields, responses=s.WebhookSecretAnswer)
    def post(self, request: Request, endpoint_id: int) -> Response:
        """A new secret, shown this once; for 24 hours the one before it signs as well."""
        self.body(request, NoFields)
        found, secret = endpoints.rotate(account=caller(request), endpoint_id=endpoint_id, at=now())
        return Response(_with_secret(found, secret))


class TryView(View):
    """A test event."""

    @extend_schema(tags=TAGS, request=NoFields, responses={201: s.WebhookDeliveryAnswer})
    def post(self, request: Request, endpoint_id: int) -> Response:
        """Tells the endpoint webhook.test, which means nothing."""
        self.body(request, NoFields)
        made = replays.test_event(account=caller(request), endpoint_id=endpoint_id, at=now())
        return Response(s.WebhookDeliveryAnswer(made).data, status=201)


class ReplayView(View):
    """Telling again, since a time."""

    @extend_schema(tags=TAGS, request=s.WebhookReplayFields, responses=s.WebhookReplayAnswer)
    def post(self, request: Request, endpoint_id: int) -> Response:
        """Tells again what was recorded since then and has ended."""
        since = self.body(request, s.WebhookReplayFields)["since"]
        done = replays.replay_since(
            account=caller(request), endpoint_id=endpoint_id, since=since, at=now()
        )
        return Response({"deliveries": done})


class DeliveriesView(View):
    """What was told."""

    @extend_schema(
        tags=TAGS,
        parameters=[s.WebhookDeliveryQuery, *CURSOR],
        responses=page_of("WebhookDelivery", s.WebhookDeliveryAnswer),
    )
    def get(self, request: Request, endpoint_id: int) -> Response:
        """What was and is to be told to the endpoint, the newest first."""
        asked = self.query(request, s.WebhookDeliveryQuery, paged=True)
        mine = replays.deliveries_of(account=caller(request), endpoint_id=endpoint_id)
        found, cursor = paging.keyset(request, mine.filter(**asked))
        return Response(paging.answer(s.WebhookDeliveryAnswer(found, many=True).data, cursor))


class DeliveryView(View):
    """One event that was told."""

    @extend_schema(tags=TAGS, responses=s.WebhookDeliveryDetail)
    def get(self, request: Request, endpoint_id: int, delivery_id: int) -> Response:
        """What is told of one event, and its last 50 tries."""
        self.query(request)
        row, attempts = replays.with_attempts(
            account=caller(request), endpoint_id=endpoint_id, delivery_id=delivery_id
        )
        shown = s.WebhookDeliveryAnswer(row).data
        tries = s.WebhookAttemptAnswer(attempts, many=True).data
        return Response({**shown, "data": row.data, "attempts": tries})


class DeliveryReplayView(View):
    """Telling one event again."""

    @extend_schema(tags=TAGS, request=NoFields, responses=s.WebhookDeliveryAnswer)
    def post(self, request: Request, endpoint_id: int, delivery_id: int) -> Response:
        """Tells one event again, under its id."""
        self.body(request, NoFields)
        row = replays.replay(
            account=caller(request), endpoint_id=endpoint_id, delivery_id=delivery_id, at=now()
        )
        return Response(s.WebhookDeliveryAnswer(row).data)
