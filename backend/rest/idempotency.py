"""Idempotency-Key: a money-moving POST that is sent twice happens once.

The key's row is written in the same transaction as the work, so there is no moment at which
the work is done and the key is not known. A second request with the same key waits for the
first (PostgreSQL's unique index makes it wait), then gets the first one's answer.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from backend.core.clock import now
from backend.core.errors import Refusal
from backend.core.models import IdempotencyKey
from backend.core.sql import rows
from backend.rest.renderers import Ready, encode

KEPT = timedelta(hours=24)
View = Callable[..., Response]


class KeyRequired(Refusal):
    """The operation needs an Idempotency-Key header."""

    code = "idempotency_key_required"
    status = 400
    title = "Send an Idempotency-Key header"


class BadKey(Refusal):
    """The key is empty, too long, or not plain ASCII."""

    code = "idempotency_key_malformed"
    status = 400
    title = "Idempotency-Key must be 1 to 128 visible ASCII characters"


class KeyReused(Refusal):
    """The key was used for another request."""

    code = "idempotency_key_reused"
    status = 422
    title = "This Idempotency-Key was used with another request"


def _key_of(request: Request) -> str:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        raise KeyRequired()
    if not 1 <= len(key) <= 128 or not key.isascii() or not key.isprintable() or " " in key:
        raise BadKey()
    return key


def _fingerprint(operation: str, request: Request) -> str:
    body = encode(request.data)
    return hashlib.sha256(operation.encode() + b"\n" + body).hexdigest()


_CLAIM = """
INSERT INTO core_idempotencykey (account_id, key, operation, fingerprint, created_at)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (account_id, key) DO NOTHING RETURNING id
"""


def idempotent(view: View) -> View:
    """Decorates a view's method: requires the key, runs the work once, replays its answer.

    The work's transaction is this one: a refusal raised inside rolls everything back, the key
    as well, so the client may mend the request and send it again under the same key.
    """

    @wraps(view)
    def wrapper(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = _key_of(request)
        operation = f"{request.method} {request.path}"[:300]
        fingerprint = _fingerprint(operation, request)
        account_id = request.user.pk
        assert account_id is not None, "an idempotent operation needs a signed-in caller"
        with transaction.atomic():
            claimed = rows(_CLAIM, [account_id, key, operation, fingerprint, now()])
            if not claimed:
                return _replay(account_id, key, fingerprint)
            response = view(self, request, *args, **kwargs)
            assert response.status_code < 400, "a refusal is raised, never returned"
            body = encode(response.data)
            IdempotencyKey.objects.filter(pk=claimed[0]["id"]).update(
                status_code=response.status_code, answer=body
            )
        return response

    return wrapper


def _replay(account_id: int, key: str, fingerprint: str) -> Response:
    kept = IdempotencyKey.objects.get(account_id=account_id, key=key)
    if kept.fingerprint != fingerprint:
        raise KeyReused()
    assert kept.answer is not None
    assert kept.status_code is not None
    return Response(
        Ready(bytes(kept.answer)),
        status=kept.status_code,
        headers={"Idempotent-Replayed": "true"},
    )


def forget_old(*, at: datetime) -> int:
    """Deletes keys older than 24 hours; returns how many. The beat calls it."""
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=at - KEPT).delete()
    return deleted
