"""Doors of orders and parcels."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.accounts.models import Account
from backend.core.clock import now
from backend.rest.fields import NoFields
from backend.rest.idempotency import idempotent
from backend.rest.paging import answer, keyset
from backend.rest.schema import CURSOR, KEY, page_of
from backend.rest.views import View
from shops import orders, shipments
from shops.rest import orders_serializers as s


def page(account: Account, number: str, status: int = 200) -> Response:
    """The order's page as this party sees it."""
    order = orders.page_of(account=account, number=number)
    actions = orders.allowed_actions(order=order, account=account, at=now())
    context = {"account_id": account.pk, "allowed_actions": actions}
    return Response(s.OrderPage(order, context=context).data, status=status)


class OrdersView(View):
    """Orders bought or sold."""

    @extend_schema(
        tags=["orders"],
        parameters=[s.OrdersQuery, *CURSOR],
        responses=page_of("Order", s.OrderAnswer),
    )
    def get(self, request: Request) -> Response:
        """The caller's orders, newest first."""
        query = self.query(request, s.OrdersQuery, paged=True)
        account = caller(request)
        found, cursor = keyset(request, orders.list_of(account=account, **query))
        context = {"account_id": account.pk}
        return Response(answer(s.OrderAnswer(found, many=True, context=context).data, cursor))


class OrderView(View):
    """One order."""

    @extend_schema(tags=["orders"], responses=s.OrderPage)
    def get(self, request: Request, number: str) -> Response:
        """The order, for its buyer and its shop, with what the caller may do now."""
        self.query(request)
        return page(caller(request), number)


class CancelView(View):
    """The buyer's second thoughts."""

    @extend_schema(
        tags=["orders"], parameters=[KEY], request=NoFields, responses={200: s.OrderPage}
    )
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        """Cancels the unpaid order and the other orders of its checkout."""
        self.body(request, NoFields)
        orders.cancel(buyer=caller(request), number=number, at=now())
        return page(caller(request), number)


class ReceiveView(View):
    """The buyer's word that it has come."""

    @extend_schema(
        tags=["orders"], parameters=[KEY], request=NoFields, responses={200: s.OrderPage}
    )
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        """Everything has arrived: the after-sale windows begin."""
        self.body(request, NoFields)
        orders.receive(buyer=caller(request), number=number, at=now())
        return page(caller(request), number)


class ShipmentsView(View):
    """Parcels of an order."""

    @extend_schema(
        tags=["orders"], parameters=[KEY], request=s.ShipmentFields, responses={201: s.OrderPage}
    )
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        """Sends a parcel; without lines everything that is left."""
        fields = self.body(request, s.ShipmentFields)
        fields.setdefault("lines", {})
        shipments.ship(account=caller(request), number=number, at=now(), **fields)
        return page(caller(request), number, status=201)
