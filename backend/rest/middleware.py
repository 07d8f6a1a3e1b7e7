"""A lean stack for the API; sessions, messages and lock-out only where the admin needs them."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from axes.middleware import AxesMiddleware
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django_otp.middleware import OTPMiddleware

Answer = Callable[[HttpRequest], HttpResponse]

ADMIN_PREFIX = "/admin"
_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def is_admin(request: HttpRequest) -> bool:
    """True for the staff's pages, the only ones with sessions."""
    return request.path_info.startswith(ADMIN_PREFIX)


def request_id_of(given: str) -> str:
    """The caller's own id where it is well-formed, a fresh one otherwise."""
    return given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex


class RequestId:
    """Gives each request an id (the caller's X-Request-ID where it is well-formed), in the logs
    and in the answer."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # META and not headers: the first look into those makes all of them.
        request_id = request_id_of(request.META.get("HTTP_X_REQUEST_ID", ""))
        request.META["tuike.request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = self.get_response(request)
        finally:
            structlog.contextvars.clear_contextvars()
        response["X-Request-ID"] = request_id
        return response


class _AdminOnly:
    """Mixed in front of a middleware of Django: passes everything but the admin by."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if is_admin(request):
            return super().__call__(request)  # type: ignore[misc]
        return self.get_response(request)


class AdminSession(_AdminOnly, SessionMiddleware):
    """Sessions, for /admin alone."""


class AdminAuthentication(_AdminOnly, AuthenticationMiddleware):
    """request.user from the session, for /admin alone."""


class AdminSecondFactor(_AdminOnly, OTPMiddleware):
    """request.user.is_verified(), for /admin alone."""


class AdminMessages(_AdminOnly, MessageMiddleware):
    """Flash messages, for /admin alone."""


class AdminAxes(_AdminOnly, AxesMiddleware):
    """The page of a locked sign-in, for /admin alone."""


class AdminZone:
    """Staff read times in the business zone; the API speaks UTC alone."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_admin(request):
            return self.get_response(request)
        with timezone.override(settings.BUSINESS_ZONE):
            return self.get_response(request)
