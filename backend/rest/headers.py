"""What every answer tells the browser, and what no request may be: one place for both.

The API's answers are data: nothing of them may run, be framed, or be kept. The staff's pages and
the API page need scripts of their own server; which rule of theirs is wider than one would wish,
and why, stands beside it (docs/security.md, V3.4.3).
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from backend.rest import problems
from backend.rest.middleware import Answer, is_admin

_NOTHING = "base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
DATA = f"default-src 'none'; form-action 'none'; sandbox; {_NOTHING}"
# Alpine, which the theme is built with, evaluates its attributes: 'unsafe-eval'. The theme and
# the charts carry style attributes: inline styles. No inline script runs.
ADMIN = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; "
    f"form-action 'self'; {_NOTHING}"
)
API_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    f"img-src 'self' data:; connect-src 'self'; form-action 'none'; {_NOTHING}"
)
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in ("camera", "microphone", "geolocation", "payment", "usb", "browsing-topics")
)
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
API = "/v1/"
# Files that anybody may have, under names that change with their contents.
_SHARED = (settings.STATIC_URL, settings.MEDIA_URL)
_BODILESS = frozenset({204, 304})
_SIGN_OUT = {("POST", "/admin/logout/"), ("DELETE", "/v1/auth/token")}


def _policy(request: HttpRequest) -> str:
    if is_admin(request):
        return ADMIN
    return API_PAGE if request.path_info == "/docs" else DATA


class Headers:
    """Content-Security-Policy, Permissions-Policy, Cache-Control and their kin on every answer,
    wherever it was made; what a view has set itself stays."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        shared = request.path_info.startswith(_SHARED)
        headers = response.headers
        headers.setdefault("Content-Security-Policy", _policy(request))
        headers.setdefault("Permissions-Policy", PERMISSIONS)
        headers.setdefault(
            "Cross-Origin-Resource-Policy", "cross-origin" if shared else "same-origin"
        )
        if not shared:
            headers.setdefault("Cache-Control", "no-store")
        if not response.streaming and response.status_code not in _BODILESS:
            # Without it the server sends chunks.
            headers.setdefault("Content-Length", str(len(response.content)))
        if (request.method, request.path_info) in _SIGN_OUT and response.status_code < 400:
            headers["Clear-Site-Data"] = '"cache", "storage"'
        return response


class Transport:
    """Refuses methods that nobody here means (TRACE), and plain HTTP on the API: a redirect would
    let a client go on sending its token in clear without ever noticing."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in METHODS:
            return problems.wrong_method(request)
        plain = settings.SECURE_SSL_REDIRECT and not request.is_secure()
        if plain and request.path_info.startswith(API):
            return problems.plain_http(request)
        return self.get_response(request)
