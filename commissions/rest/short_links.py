"""The door of the short links, and the fast way through it.

A click on a shared link is the most frequent request of all and needs the least: where does the
code lead, and who clicked. `Front` stands before Django and answers the plain ones by one call of
Redis; whatever is unusual about a request, or about Redis, goes on to `RedirectView`. Both give the
same answer: the front takes cookie and headers from what the view and the middleware say.
"""

import re
import time
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpResponse, HttpResponseRedirect, parse_cookie
from django.urls import path, set_urlconf
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from backend.accounts.models import Account
from backend.core.clock import now
from backend.rest.middleware import request_id_of
from backend.rest.permissions import Anyone
from backend.rest.throttles import WINDOW, PerCaller, window_of
from backend.rest.views import View
from backend.rest.visitors import VISITOR_COOKIE
from commissions import touches

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

SCOPE = "redirect"
_YEAR = 365 * 86_400
_PURPOSES = ("Purpose", "Sec-Purpose", "X-Purpose", "X-Moz")

Headers = list[tuple[str, str]]


class AnyAccept:
    """Mixed in where the answer is no JSON: whatever the caller would accept, it is given."""

    answers_any_accept = True

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Never 406."""
        return super().perform_content_negotiation(request, force=True)  # type: ignore[misc]


class RedirectView(AnyAccept, View):
    """The short links."""

    permission_classes = [Anyone]
    throttle_scope = SCOPE

    @extend_schema(tags=["promotion links"], responses={302: None, 410: None}, auth=[])
    def get(self, request: Request, code: str) -> HttpResponse:
        """Leads to the target and records the touch; a look ahead (HEAD, prefetch) does not
        count."""
        landing = touches.record(
            code=code,
            visitor=request.COOKIES.get(VISITOR_COOKIE, ""),
            account=request.user if isinstance(request.user, Account) else None,
            at=now(),
            counts=request.method == "GET" and not _looks_ahead(request),
        )
        return _answer(landing)


def _looks_ahead(request: Request) -> bool:
    said = " ".join(request.headers.get(name, "") for name in _PURPOSES).lower()
    return "prefetch" in said or "preview" in said


def _answer(landing: touches.Landing) -> HttpResponse:
    answer = HttpResponseRedirect(landing.url)
    answer["Cache-Control"] = "no-store"
    if landing.click_id:
        answer.set_cookie(
            VISITOR_COOKIE,
            landing.visitor,
            max_age=_YEAR,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )
    return answer


# ---------------------------------------------------------------- the fast way
_ADDRESS = re.compile(f"/l/({touches.CODE.pattern})")
# Any of these makes a request unusual: a signed-in reader, a look ahead, a path below another.
_UNUSUAL = (
    "HTTP_AUTHORIZATION",
    *(f"HTTP_{name.upper().replace('-', '_')}" for name in _PURPOSES),
    "HTTP_X_HTTP_METHOD_OVERRIDE",
    "SCRIPT_NAME",
)
_SAMPLE = touches.Landing("https://sample.invalid/", "sample", "sample-visitor")
_SAMPLE_KEPT = 60.0  # seconds; the cookie's expiry is that old at most


class _Sample(RedirectView):
    """The view as it answers, without a click."""

    throttle_classes = []

    def get(self, request: Request, code: str) -> HttpResponse:
        """A landing that nobody sees."""
        return _answer(_SAMPLE)


_SAMPLE_PATHS = (path("l/<str:code>", _Sample.as_view()),)


class Front:
    """The WSGI application before Django's: plain clicks are answered here, all else there."""

    def __init__(self, django: WSGIHandler) -> None:
        self._django = django
        self._samples: dict[bool, _Said] = {}  # by whether the request came over HTTPS

    def __call__(self, environ: dict[str, Any], start: "StartResponse") -> Iterable[bytes]:
        """A WSGI answer."""
        found = _ADDRESS.fullmatch(environ["PATH_INFO"])
        if found and environ["REQUEST_METHOD"] == "GET" and not any(map(environ.get, _UNUSUAL)):
            headers = self._passing(found[1], environ)
            if headers:
                start("302 Found", headers)
                return (b"",)
        return self._django(environ, start)

    def _passing(self, code: str, environ: dict[str, Any]) -> Headers | None:
        """The headers of a click's answer; None where the view has to look at it."""
        secure = _is_secure(environ)
        if settings.SECURE_SSL_REDIRECT and not secure:
            return None
        sample = self._sample(secure)
        if sample is None:
            return None
        whose = PerCaller().get_ident(_Envelope(environ))  # type: ignore[arg-type]
        meter, _ = window_of(SCOPE, f"i{whose}")
        cookies = environ.get("HTTP_COOKIE", "")
        visitor = parse_cookie(cookies).get(VISITOR_COOKIE, "") if cookies else ""
        landing = touches.pass_by(
            code=code,
            visitor=visitor,
            at=now(),
            meter=meter,
            most=settings.THROTTLE_PER_MINUTE.get(SCOPE, 0),
            seconds=WINDOW,
        )
        if landing is None:
            return None
        return [
            *sample.headers,
            ("Location", landing.url),
            ("Set-Cookie", sample.cookie.replace(_SAMPLE.visitor, landing.visitor)),
            ("X-Request-ID", request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))),
        ]

    def _sample(self, secure: bool) -> "_Said | None":
        """What the view and the middleware say with every landing; None where they do not let it
        pass."""
        sample = self._samples.get(secure)
        if sample is None or sample.until < time.monotonic():
            sample = self._samples[secure] = self._ask(secure)
        return sample if sample.cookie else None

    def _ask(self, secure: bool) -> "_Said":
        request = WSGIRequest(
            {
                "REQUEST_METHOD": "GET",
                "PATH_INFO": "/l/sample",
                "SERVER_NAME": "sample.invalid",
                "SERVER_PORT": "443" if secure else "80",
                "wsgi.url_scheme": "https" if secure else "http",
                "wsgi.input": BytesIO(),
            }
            | _proxys_word(secure)
        )
        request.urlconf = _SAMPLE_PATHS  # type: ignore[assignment]
        try:
            answer = self._django.get_response(request)
        finally:
            set_urlconf(None)
        passed = answer.status_code == 302 and answer["Location"] == _SAMPLE.url
        return _Said(
            time.monotonic() + _SAMPLE_KEPT,
            [(name, text) for name, text in answer.items() if name not in _OWN],
            answer.cookies[VISITOR_COOKIE].OutputString() if passed else "",
        )


class _Said(NamedTuple):
    """The headers that every landing carries, and its cookie; asked anew after `until`."""

    until: float
    headers: Headers
    cookie: str


class _Envelope:
    """Of a request only what tells whose it is."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.META = environ
        self.headers = {"x-forwarded-for": environ.get("HTTP_X_FORWARDED_FOR")}


_OWN = {"Location", "X-Request-ID"}


def _is_secure(environ: dict[str, Any]) -> bool:
    """As Django's request.is_secure()."""
    if settings.SECURE_PROXY_SSL_HEADER:
        name, wanted = settings.SECURE_PROXY_SSL_HEADER
        said = environ.get(name)
        if said is not None:
            return bool(said.partition(",")[0].strip() == wanted)
    return environ.get("wsgi.url_scheme") == "https"


def _proxys_word(secure: bool) -> dict[str, str]:
    """How a proxy of ours says that a request came over HTTPS."""
    if not (secure and settings.SECURE_PROXY_SSL_HEADER):
        return {}
    name, value = settings.SECURE_PROXY_SSL_HEADER
    return {name: value}
