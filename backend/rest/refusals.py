"""Who was refused what: one log line per refused request, whichever door it was."""

import logging
from typing import cast

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from backend.core.logs import get
from backend.rest.middleware import Answer

log = get(__name__)
# Somebody met a guard: not signed in, not allowed, too often.
_GUARDED = frozenset({401, 403, 429})


class Refusals:
    """A log line for every request that was refused: who asked for what, from where, and the code
    of the refusal. Whoever tries doors is seen, whichever door it is."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if 400 <= response.status_code < 500:
            _note(request, response)
        return response


def _note(request: HttpRequest, response: HttpResponse) -> None:
    body = getattr(response, "data", None)
    level = logging.WARNING if response.status_code in _GUARDED else logging.INFO
    log.log(
        level,
        "refused",
        extra={
            "status": response.status_code,
            "code": body.get("code", "") if isinstance(body, dict) else "",
            "method": request.method,
            "path": request.path[:200],
            "address": BaseThrottle().get_ident(cast(Request, request)),
            "account": getattr(getattr(request, "user", None), "pk", None),
        },
    )
