"""Doors to one's own sign-in: password, tokens, and leaving for good."""

from typing import cast

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts import erasure, passwords, resets, signin, tokens
from backend.accounts.authentication import caller
from backend.accounts.rest import serializers as s
from backend.accounts.rest.tries import tried
from backend.core.clock import now
from backend.rest.paging import answer, keyset
from backend.rest.permissions import Anyone
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View


class PasswordView(View):
    """The caller's password."""

    throttle_scope = "sign-in"

    @extend_schema(tags=["accounts"], request=s.PasswordChange, responses={204: None})
    def post(self, request: Request) -> Response:
        """Changes it. Every token ends, this one too, and every session in the admin."""
        fields = self.body(request, s.PasswordChange)
        account = caller(request)
        tried(
            request,
            account.handle,
            lambda: passwords.change(
                account=account,
                current=fields["current_password"],
                password=fields["password"],
                at=now(),
            ),
        )
        return Response(status=204)


class TokensView(View):
    """All tokens of the caller."""

    @extend_schema(tags=["accounts"], parameters=CURSOR, responses=page_of("Token", s.TokenAnswer))
    def get(self, request: Request) -> Response:
        """Where the caller is signed in: the tokens that open something, the newest first."""
        self.query(request)
        found, cursor = keyset(request, tokens.living(account=caller(request), at=now()))
        context = {"current": cast(int, request.auth)}
        return Response(answer(s.TokenAnswer(found, many=True, context=context).data, cursor))

    @extend_schema(tags=["accounts"], responses={204: None})
    def delete(self, request: Request) -> Response:
        """Sign out everywhere: ends every token, this one too, and every session in the admin."""
        account = caller(request)
        signin.end_everything(account=account, by=account, at=now())
        return Response(status=204)


class TokenEndView(View):
    """One token of the caller."""

    throttle_scope = "sign-in"

    @extend_schema(tags=["accounts"], request=s.PasswordAgain, responses={204: None})
    def post(self, request: Request, token_id: int) -> Response:
        """Ends one of the caller's tokens, for the password once more: who has found a token must
        not shut its owner out."""
        fields = self.body(request, s.PasswordAgain)
        account = caller(request)
        tried(
            request,
            account.handle,
            lambda: signin.end_token(
                account=account, token_id=token_id, current=fields["current_password"], at=now()
            ),
        )
        return Response(status=204)


class PasswordResetView(View):
    """Forgotten passwords."""

    permission_classes = [Anyone]
    throttle_scope = "sign-in"
    throttle_by_address = True
    throttle_by_address = True

    @extend_schema(tags=["accounts"], request=s.PasswordReset, responses={204: None}, auth=[])
    def post(self, request: Request) -> Response:
        """Sets a new password by a code that staff gave. Every token and session of the account
        ends; a second factor stays."""
        fields = self.body(request, s.PasswordReset)
        tried(request, fields["handle"].lower(), lambda: resets.use(**fields, at=now()))
        return Response(status=204)


class ErasureView(View):
    """Leaving for good."""

    throttle_scope = "sign-in"

    @extend_schema(tags=["accounts"], request=s.PasswordAgain, responses={204: None})
    def post(self, request: Request) -> Response:
        """Takes everything about the caller out of the house, for ever; orders and books stay
        without a name. Refused while an order, refund, payout, shop or money is open."""
        fields = self.body(request, s.PasswordAgain)
        account = caller(request)
        tried(
            request,
            account.handle,
            lambda: erasure.erase_own(
                account=account, current=fields["current_password"], at=now()
            ),
        )
        return Response(status=204)
