"""Doors of checkouts and of the payment providers."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest.idempotency import idempotent
from backend.rest.permissions import Anyone
from backend.rest.schema import KEY
from backend.rest.views import View
from shops import checkout, orders, payments
from shops.rest import orders_serializers as s


class QuoteView(View):
    """Prices."""

    @extend_schema(tags=["checkouts"], request=s.QuoteRequest, responses=s.QuoteAnswer)
    def post(self, request: Request) -> Response:
        """What a basket would come to now; nothing is held."""
        found = checkout.quote(
            buyer=caller(request), at=now(), **self.body(request, s.QuoteRequest)
        )
        return Response(s.QuoteAnswer(found).data)


class CheckoutsView(View):
    """Checkouts."""

    @extend_schema(
        tags=["checkouts"],
        parameters=[KEY],
        request=s.CheckoutRequest,
        responses={201: s.CheckoutAnswer, 404: None},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Places one order per shop and holds their stock until expires_at."""
        buyer = caller(request)
        placed = checkout.place(buyer=buyer, at=now(), **self.body(request, s.CheckoutRequest))
        found = orders.checkout_page(buyer=buyer, number=placed.number)
        return Response(s.CheckoutAnswer(found, context={"account_id": buyer.pk}).data, status=201)


class CheckoutView(View):
    """One checkout."""

    @extend_schema(tags=["checkouts"], responses=s.CheckoutAnswer)
    def get(self, request: Request, number: str) -> Response:
        """The checkout and its orders, for its buyer."""
        self.query(request)
        buyer = caller(request)
        found = orders.checkout_page(buyer=buyer, number=number)
        return Response(s.CheckoutAnswer(found, context={"account_id": buyer.pk}).data)


class PayView(View):
    """The way to the provider."""

    @extend_schema(tags=["checkouts"], request=s.PayRequest, responses={200: s.PayAnswer})
    def post(self, request: Request, number: str) -> Response:
        """What the client needs in order to pay. May be repeated: the checkout is the key."""
        fields = self.body(request, s.PayRequest)
        started = payments.start(checkout_number=number, buyer=caller(request), at=now(), **fields)
        return Response(started)


class CallbackView(View):
    """What providers tell us."""

    authentication_classes = []
    permission_classes = [Anyone]
    throttle_scope = "provider"
    others_write = True

    @extend_schema(
        tags=["payments"],
        request=s.CallbackBody,
        responses={200: s.CallbackAnswer, 422: None},
        auth=[],
    )
    def post(self, request: Request, provider: str) -> Response:
        """A signed notice (Standard Webhooks); the same notice again changes nothing."""
        notice = payments.take_callback(
            provider=provider, headers=request.headers, body=request.body, at=now()
        )
        return Response({"outcome": notice.outcome})
