"""Reads the Authorization header."""

import re

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from backend.accounts import tokens
from backend.accounts.models import Account
from backend.core.clock import now

_BEARER = re.compile(r"Bearer (tuike_[A-Za-z0-9_-]{43})", re.IGNORECASE)


def caller(request: Request) -> Account:
    """The signed-in account of a request whose permission has already asked for one."""
    assert isinstance(request.user, Account)
    return request.user


class BearerToken(BaseAuthentication):
    """`Authorization: Bearer tuike_…`; request.auth is the token's id."""

    def authenticate(self, request: Request) -> tuple[Account, int] | None:
        """The account and token id, or None without the header.

        :raises AuthenticationFailed: malformed, unknown, expired or revoked.
        """
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        match = _BEARER.fullmatch(header)
        found = tokens.find(token=match[1], at=now()) if match else None
        if found is None:
            raise AuthenticationFailed("The token is not valid.")
        return found

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return 'Bearer realm="tuike"'
