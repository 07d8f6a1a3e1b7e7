"""Doors of accounts: sign up, sign in, profile, addresses."""

import time
from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from backend.accounts import lockout, profiles, signin, tokens
from backend.accounts.authentication import caller
from backend.accounts.models import Account, Address
from backend.accounts.rest import serializers as s
from backend.accounts.rest.tries import tried
from backend.core.clock import now
from backend.core.errors import NotFound
from backend.rest.paging import answer, keyset
from backend.rest.permissions import Anyone
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View


def _me(account: Account) -> dict[str, object]:
    body = dict(s.Me(account).data)
    body["capabilities"] = profiles.capabilities(account)
    return body


class SignUpView(View):
    """Accounts."""

    permission_classes = [Anyone]
    throttle_scope = "sign-up"
    throttle_by_address = True

    @extend_schema(tags=["accounts"], request=s.SignUp, responses={201: s.PublicAccount})
    def post(self, request: Request) -> Response:
        """Sign up."""
        account = signin.sign_up(**self.body(request, s.SignUp))
        return Response(s.PublicAccount(account).data, status=201)


class AccountView(View):
    """One account."""

    permission_classes = [Anyone]

    @extend_schema(tags=["accounts"], responses=s.PublicAccount)
    def get(self, request: Request, handle: str) -> Response:
        """The public profile."""
        self.query(request)
        account = Account.objects.filter(handle=handle.lower()[:31], is_active=True).first()
        if account is None:
            raise NotFound()
        return Response(s.PublicAccount(account).data)


class TokenView(View):
    """Bearer tokens."""

    def get_permissions(self) -> Any:
        """Signing in is open to anyone; signing out needs the token."""
        return [Anyone()] if self.request.method == "POST" else super().get_permissions()

    def get_throttles(self) -> list[BaseThrottle]:
        """Signing in has a limit of its own, signing out has none of it."""
        self.throttle_by_address = self.request.method == "POST"
        self.throttle_scope = "sign-in" if self.request.method == "POST" else None
        return super().get_throttles()

    @extend_schema(tags=["accounts"], request=s.SignIn, responses={201: s.Token}, auth=[])
    def post(self, request: Request) -> Response:
        """Sign in: a token, shown this once; one sent along ends. After five wrong passwords in a
        quarter of an hour the name is locked for the caller's network until it has passed."""
        fields = self.body(request, s.SignIn)
        text, account = tried(
            request,
            fields["handle"].lower(),
            lambda: signin.sign_in(**fields, unix=int(time.time()), at=now()),
        )
        how = "code" if fields.get("code") else "password"
        address = lockout.address_of(request._request)
        signin.note_success(account=account, door="api", address=address, at=now(), how=how)
        if request.auth is not None:
            tokens.revoke(token_id=cast(int, request.auth), account=caller(request), at=now())
        return Response({"token": text, "account": account.handle}, status=201)

    @extend_schema(tags=["accounts"], responses={204: None})
    def delete(self, request: Request) -> Response:
        """Sign out: ends this token."""
        tokens.revoke(token_id=cast(int, request.auth), account=caller(request), at=now())
        return Response(status=204)


class MeView(View):
    """The caller's own account."""

    @extend_schema(tags=["accounts"], responses=s.Me)
    def get(self, request: Request) -> Response:
        """Profile and capabilities."""
        self.query(request)
        return Response(_me(caller(request)))

    @extend_schema(tags=["accounts"], request=s.ProfileChange, responses=s.Me)
    def patch(self, request: Request) -> Response:
        """Changes the profile."""
        account = profiles.change(
            account=caller(request), changes=self.body(request, s.ProfileChange)
        )
        return Response(_me(account))


class AddressesView(View):
    """Delivery addresses."""

    @extend_schema(
        tags=["accounts"], parameters=CURSOR, responses=page_of("Address", s.AddressAnswer)
    )
    def get(self, request: Request) -> Response:
        """The caller's addresses."""
        self.query(request, paged=True)
        found, cursor = keyset(request, Address.objects.filter(account=caller(request)))
        return Response(answer(s.AddressAnswer(found, many=True).data, cursor))

    @extend_schema(tags=["accounts"], request=s.AddressFields, responses={201: s.AddressAnswer})
    def post(self, request: Request) -> Response:
        """A new address."""
        address = profiles.add_address(
            account=caller(request), fields=self.body(request, s.AddressFields)
        )
        return Response(s.AddressAnswer(address).data, status=201)


class AddressView(View):
    """One address."""

    @extend_schema(tags=["accounts"], responses={204: None})
    def delete(self, request: Request, address_id: int) -> Response:
        """Deletes it."""
        profiles.remove_address(account=caller(request), address_id=address_id)
        return Response(status=204)
