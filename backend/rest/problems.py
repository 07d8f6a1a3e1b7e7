"""Every error as application/problem+json (RFC 9457) with a stable `code`."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as ModelError
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.db.models import ProtectedError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from backend.core.errors import Refusal
from backend.core.logs import get

log = get(__name__)

CONTENT_TYPE = "application/problem+json"
_CODES = {
    exceptions.ParseError: "malformed",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.AuthenticationFailed: "authentication_failed",
    exceptions.PermissionDenied: "not_allowed",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "throttled",
}
_TITLES = {
    "malformed": "Malformed request",
    "not_authenticated": "Sign in first",
    "authentication_failed": "The token is not valid",
    "not_allowed": "Not allowed",
    "not_found": "Not found",
    "method_not_allowed": "This method is not allowed here",
    "not_acceptable": "No such representation",
    "unsupported_media_type": "Unsupported media type",
    "throttled": "Too many requests",
}


def document(
    *, status_code: int, code: str, title: str, detail: str = "", **more: Any
) -> dict[str, Any]:
    """The problem document; `more` adds members such as `errors`."""
    body: dict[str, Any] = {
        "type": f"urn:tuike:problem:{code}",
        "title": title,
        "status": status_code,
        "detail": detail or title,
        "code": code,
    }
    body.update(more)
    return body


def _response(body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)


def _flat(detail: Any, path: str = "") -> dict[str, list[str]]:
    """DRF's nested error detail as {'lines.0.qty': ['…']}."""
    if isinstance(detail, dict):
        pairs = [(f"{path}.{key}" if path else str(key), inner) for key, inner in detail.items()]
    elif isinstance(detail, list | tuple) and any(isinstance(x, dict | list) for x in detail):
        pairs = [
            (f"{path}.{number}" if path else str(number), x) for number, x in enumerate(detail)
        ]
    else:
        messages = detail if isinstance(detail, list | tuple) else [detail]
        return {path or "non_field_errors": [str(message) for message in messages]}
    flat: dict[str, list[str]] = {}
    for name, inner in pairs:
        if inner not in ({}, []):
            flat.update(_flat(inner, name))
    return flat


def _of_refusal(error: Refusal) -> Response:
    more = {"errors": error.fields} if error.fields else {}
    wait = error.extra.get("retry_after")
    headers = {"Retry-After": str(wait)} if wait else None
    return _response(
        document(
            status_code=error.status,
            code=error.code,
            title=error.title,
            detail=error.detail,
            **more,
            **error.extra,
        ),
        headers,
    )


def _of_validation(detail: Any) -> Response:
    return _response(
        document(
            status_code=422,
            code="invalid",
            title="A field breaks a rule",
            errors=_flat(detail),
        )
    )


def _of_api_exception(error: exceptions.APIException) -> Response:
    headers: dict[str, str] = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    if isinstance(error, exceptions.Throttled):
        headers["Retry-After"] = str(int(getattr(error, "wait", None) or 1))
    code = next((name for kind, name in _CODES.items() if isinstance(error, kind)), "refused")
    title = _TITLES.get(code, "The request was refused")
    return _response(
        document(
            status_code=error.status_code,
            code=code,
            title=str(title),
            detail=str(error.detail),
        ),
        headers,
    )


def _of_database(error: Exception) -> Response | None:
    """What the database refused: the last line of defence, never a 500."""
    if isinstance(error, ProtectedError):
        return _simple(409, "in_use", "Other rows still need this")
    if isinstance(error, IntegrityError):
        log.warning("integrity error reached the door", exc_info=error)
        return _simple(409, "conflict", "The change conflicts with what is stored")
    if isinstance(error, DataError):
        log.warning("data error reached the door", exc_info=error)
        return _simple(422, "invalid", "A value cannot be stored")
    if isinstance(error, OperationalError) and "lock timeout" in str(error):
        return _response(
            document(status_code=409, code="busy", title="Somebody else is changing this"),
            {"Retry-After": "1"},
        )
    if isinstance(error, OperationalError | InterfaceError):
        log.error("the database did not answer", exc_info=error)
        return _response(
            document(status_code=503, code="unavailable", title="Please try again"),
            {"Retry-After": "2"},
        )
    return None


def _simple(status_code: int, code: str, title: str) -> Response:
    return _response(document(status_code=status_code, code=code, title=title))


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. None lets a bug become a 500 (`server_error` below)."""
    response: Response | None
    if isinstance(error, Refusal):
        response = _of_refusal(error)
    elif isinstance(error, exceptions.ValidationError):
        response = _of_validation(error.detail)
    elif isinstance(error, ModelError):
        response = _of_validation(getattr(error, "message_dict", error.messages))
    elif isinstance(error, Http404):
        response = _simple(status.HTTP_404_NOT_FOUND, "not_found", "Not found")
    elif isinstance(error, PermissionDenied):
        response = _simple(status.HTTP_403_FORBIDDEN, "not_allowed", "Not allowed")
    elif isinstance(error, exceptions.APIException):
        response = _of_api_exception(error)
    else:
        response = _of_database(error)
    if response is not None:
        set_rollback()
    return response


def _page(request: HttpRequest, status_code: int, code: str, title: str) -> JsonResponse:
    body = document(
        status_code=status_code,
        code=code,
        title=title,
        request_id=request.META.get("tuike.request_id", ""),
    )
    return JsonResponse(body, status=status_code, content_type=CONTENT_TYPE)


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's handler400: bad host, too many fields."""
    return _page(request, 400, "malformed", "Malformed request")


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Django's handler404: no such path."""
    return _page(request, 404, "not_found", "Not found")


def server_error(request: HttpRequest) -> JsonResponse:
    """Django's handler500: a bug; the request's id finds its log line."""
    return _page(request, 500, "server_error", "Something broke on our side")


def wrong_method(request: HttpRequest) -> JsonResponse:
    """A method that no path of ours knows, such as TRACE."""
    answer = _page(request, 405, "method_not_allowed", "No path knows this method")
    answer["Allow"] = "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE"
    return answer


def plain_http(request: HttpRequest) -> JsonResponse:
    """The API over plain HTTP where HTTPS is asked for."""
    return _page(request, 403, "https_required", "Use HTTPS; take what you sent for overheard")
