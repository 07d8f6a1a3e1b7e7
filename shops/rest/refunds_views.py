"""Doors of after-sales."""

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
from shops import aftersales
from shops.rest import refunds_serializers as s


def page(account: Account, number: str, status: int = 200) -> Response:
    """The refund's page as this party sees it."""
    refund = aftersales.page_of(account=account, number=number)
    actions = aftersales.allowed_actions(refund=refund, account=account)
    return Response(s.RefundPage(refund, context={"allowed_actions": actions}).data, status=status)


class OrderRefundsView(View):
    """Refunds of an order."""

    @extend_schema(
        tags=["refunds"], parameters=[KEY], request=s.RefundFields, responses={201: s.RefundPage}
    )
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        """The buyer asks for money back."""
        fields = self.body(request, s.RefundFields)
        fields.setdefault("lines", {})
        refund = aftersales.request(buyer=caller(request), number=number, at=now(), **fields)
        return page(caller(request), refund.number, status=201)


class RefundsView(View):
    """Refunds asked for, or to be answered."""

    @extend_schema(
        tags=["refunds"],
        parameters=[s.RefundsQuery, *CURSOR],
        responses=page_of("Refund", s.RefundAnswer),
    )
    def get(self, request: Request) -> Response:
        """The caller's refunds, newest first."""
        query = self.query(request, s.RefundsQuery, paged=True)
        found, cursor = keyset(request, aftersales.list_of(account=caller(request), **query))
        return Response(answer(s.RefundAnswer(found, many=True).data, cursor))


class RefundView(View):
    """One refund."""

    @extend_schema(tags=["refunds"], responses=s.RefundPage)
    def get(self, request: Request, number: str) -> Response:
        """The refund, for its buyer and its shop, with what the caller may do now."""
        self.query(request)
        return page(caller(request), number)


class ApproveRefundView(View):
    """The shop agrees."""

    @extend_schema(tags=["refunds"], request=NoFields, responses={200: s.RefundPage})
    def post(self, request: Request, number: str) -> Response:
        """Approves: the money goes back, or the goods are awaited."""
        self.body(request, NoFields)
        aftersales.approve(account=caller(request), number=number, at=now())
        return page(caller(request), number)


class RejectRefundView(View):
    """The shop does not agree."""

    @extend_schema(tags=["refunds"], request=s.RejectFields, responses={200: s.RefundPage})
    def post(self, request: Request, number: str) -> Response:
        """Rejects, with a reason."""
        fields = self.body(request, s.RejectFields)
        aftersales.reject(account=caller(request), number=number, at=now(), **fields)
        return page(caller(request), number)


class WithdrawRefundView(View):
    """The buyer lets it be."""

    @extend_schema(tags=["refunds"], request=NoFields, responses={200: s.RefundPage})
    def post(self, request: Request, number: str) -> Response:
        """Withdraws."""
        self.body(request, NoFields)
        aftersales.withdraw(account=caller(request), number=number, at=now())
        return page(caller(request), number)


class ReturnShipmentView(View):
    """The goods are on their way back."""

    @extend_schema(tags=["refunds"], request=s.ReturnParcelFields, responses={200: s.RefundPage})
    def post(self, request: Request, number: str) -> Response:
        """The buyer names the parcel."""
        fields = self.body(request, s.ReturnParcelFields)
        aftersales.send_back(account=caller(request), number=number, at=now(), **fields)
        return page(caller(request), number)


class ConfirmReturnView(View):
    """The goods are back."""

    @extend_schema(tags=["refunds"], request=NoFields, responses={200: s.RefundPage})
    def post(self, request: Request, number: str) -> Response:
        """The shop has them: the money goes back."""
        self.body(request, NoFields)
        aftersales.confirm_return(account=caller(request), number=number, at=now())
        return page(caller(request), number)
