"""Doors of money out: payee accounts and payouts of the caller."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest.idempotency import idempotent
from backend.rest.paging import answer, keyset
from backend.rest.schema import CURSOR, KEY, page_of
from backend.rest.views import View
from commissions import payees, payouts
from commissions.models import PayeeAccount, Payout
from commissions.rest import finance_serializers as s


class PayeeAccountsView(View):
    """Where the caller is paid."""

    @extend_schema(
        tags=["payouts"],
        parameters=CURSOR,
        responses=page_of("PayeeAccount", s.PayeeAccountAnswer),
    )
    def get(self, request: Request) -> Response:
        """The caller's payee accounts, masked, the newest first; one of them is active."""
        self.query(request, paged=True)
        found, cursor = keyset(request, PayeeAccount.objects.filter(account=caller(request)))
        return Response(answer(s.PayeeAccountAnswer(found, many=True).data, cursor))

    @extend_schema(
        tags=["payouts"], request=s.PayeeAccountFields, responses={201: s.PayeeAccountAnswer}
    )
    def post(self, request: Request) -> Response:
        """Sets where the caller is paid; the account before it is no longer active."""
        payee = payees.add(
            account=caller(request), **self.body(request, s.PayeeAccountFields), at=now()
        )
        return Response(s.PayeeAccountAnswer(payee).data, status=201)


class PayeeAccountView(View):
    """One payee account."""

    @extend_schema(tags=["payouts"], responses={204: None})
    def delete(self, request: Request, payee_id: int) -> Response:
        """Takes it out of use; payouts on their way keep it."""
        payees.remove(account=caller(request), payee_id=payee_id)
        return Response(status=204)


class PayoutsView(View):
    """The caller's payouts."""

    def get_throttles(self) -> list[BaseThrottle]:
        """Asking for money has a limit of its own."""
        self.throttle_scope = "payout" if self.request.method == "POST" else None
        return super().get_throttles()

    @extend_schema(tags=["payouts"], parameters=CURSOR, responses=page_of("Payout", s.PayoutAnswer))
    def get(self, request: Request) -> Response:
        """The caller's payouts, the newest first."""
        self.query(request, paged=True)
        mine = Payout.objects.select_related("payee").filter(account=caller(request))
        found, cursor = keyset(request, mine)
        return Response(answer(s.PayoutAnswer(found, many=True).data, cursor))

    @extend_schema(
        tags=["payouts"],
        parameters=[KEY],
        request=s.PayoutFields,
        responses={201: s.PayoutAnswer},
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Asks for money: held from now on, sent when two members of staff have agreed."""
        payout = payouts.request(
            account=caller(request), **self.body(request, s.PayoutFields), at=now()
        )
        return Response(s.PayoutAnswer(payout).data, status=201)


class PayoutView(View):
    """One payout of the caller."""

    @extend_schema(tags=["payouts"], responses=s.PayoutAnswer)
    def get(self, request: Request, number: str) -> Response:
        """The payout."""
        self.query(request)
        return Response(s.PayoutAnswer(payouts.find(account=caller(request), number=number)).data)


class PayoutCancelView(View):
    """Taking a payout back."""

    throttle_scope = "payout"

    @extend_schema(
        tags=["payouts"],
        parameters=[KEY],
        request=s.PayoutCancelFields,
        responses={200: s.PayoutAnswer},
    )
    @idempotent
    def post(self, request: Request, number: str) -> Response:
        """Cancels a payout that staff have not looked at yet; its money is available again."""
        self.body(request, s.PayoutCancelFields)
        payout = payouts.cancel(account=caller(request), number=number, at=now())
        return Response(s.PayoutAnswer(payout).data)
