"""The door of streams: ASGI without a framework, for there is one path.

`GET /v1/me/earnings/stream` with the API's own token; a stream is text/event-stream (the HTML
standard's server-sent events). It ends by itself after LIFETIME, and clients come back with
Last-Event-ID: who has the newest figures is told nothing twice.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from secrets import SystemRandom
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from backend.core.clock import now
from backend.core.logs import get
from backend.rest.headers import DATA, PERMISSIONS
from backend.rest.problems import CONTENT_TYPE, document
from backend.streams.hub import Follower, Full, Hub

log = get(__name__)
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATH = "/v1/me/earnings/stream"
LIFETIME = 15 * 60.0  # seconds; a tenth less for some, so that they do not all come back at once
HEARTBEAT = 15.0
RETRY_MS = 2_000
_BEARER = re.compile(r"Bearer (tuike_[A-Za-z0-9_-]{43})", re.IGNORECASE)
_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", DATA.encode()),
    (b"permissions-policy", PERMISSIONS.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
if settings.SECURE_HSTS_SECONDS:
    _told = f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains; preload"
    _HEADERS.append((b"strict-transport-security", _told.encode()))


class Refused(Exception):
    """What is answered instead of a stream."""

    def __init__(self, status: int, code: str, title: str, **headers: str) -> None:
        super().__init__(title)
        self.body = document(status_code=status, code=code, title=title)
        self.headers = headers


class Door:
    """The ASGI application."""

    def __init__(self) -> None:
        self.hub = Hub()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        try:
            await self._answer(scope, receive, send)
        except Refused as refused:
            await _refuse(send, refused)

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        given = {name.decode("latin-1").lower(): value for name, value in scope["headers"]}
        if scope["path"] == "/healthz":
            await _say(send, 200, b'{"status":"ok"}', b"application/json")
            return
        _look_over(scope, given)
        follower = await self._admit(given)
        try:
            await self._stream(follower, _text(given, "last-event-id"), receive, send)
        finally:
            self.hub.leave(follower)

    async def _admit(self, given: dict[str, bytes]) -> Follower:
        """Whoever the token is of, as a follower of their own earnings."""
        header = _text(given, "authorization")
        asks = {"WWW-Authenticate": 'Bearer realm="tuike"'}
        if not header:
            raise Refused(401, "not_authenticated", "Sign in first", **asks)
        match = _BEARER.fullmatch(header)
        try:
            found = await self.hub.sign_in(match[1]) if match else None
            if found is None:
                raise Refused(401, "authentication_failed", "The token is not valid", **asks)
            return self.hub.follow(*found)
        except Full as full:
            wait = {"Retry-After": "30"}
            if full.everywhere:
                raise Refused(503, "unavailable", "Too many streams", **wait) from full
            title = "Too many streams of this account"
            raise Refused(429, "throttled", title, **wait) from full
        except Refused:
            raise
        except Exception as error:
            log.warning("a stream was not opened: %s", type(error).__name__)
            wait = {"Retry-After": "2"}
            raise Refused(503, "unavailable", "Come back in a moment", **wait) from error

    async def _stream(self, follower: Follower, last: str, receive: Receive, send: Send) -> None:
        kind = (b"content-type", b"text/event-stream; charset=utf-8")
        # A proxy that collects answers would hold everything back.
        head = [kind, (b"x-accel-buffering", b"no"), *_HEADERS]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await _more(send, f"retry: {RETRY_MS}\n\n")
        leaving = asyncio.ensure_future(_until_gone(receive, follower))
        try:
            await _tell(follower, last, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leaving.cancel()


async def _tell(follower: Follower, last: str, send: Send) -> None:
    """Tells each change until the stream ends."""
    ends = time.monotonic() + LIFETIME * SystemRandom().uniform(0.9, 1)
    while time.monotonic() < ends:
        woken = await _woken(follower, min(HEARTBEAT, max(ends - time.monotonic(), 0.01)))
        if follower.has_left:
            return
        if follower.is_revoked:
            await _more(send, 'event: end\ndata: {"code":"authentication_failed"}\n\n')
            return
        figures = follower.person.figures
        if figures is not None and figures.id != last:
            last = figures.id
            told = json.dumps({"at": now().isoformat(), **figures._asdict()})
            await _more(send, f"id: {last}\nevent: earnings\ndata: {told}\n\n")
        elif not woken:
            await _more(send, ": still here\n\n")


async def _woken(follower: Follower, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await follower.wake.wait()
            follower.wake.clear()
            return True
    return False


async def _until_gone(receive: Receive, follower: Follower) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    follower.has_left = True
    follower.wake.set()


def _text(given: dict[str, bytes], name: str) -> str:
    return given.get(name, b"").decode("latin-1")


def _look_over(scope: Message, given: dict[str, bytes]) -> None:
    """As the middleware of the API does.

    :raises Refused: another host, path, method or parameter, or plain HTTP where it is refused.
    """
    host, _ = split_domain_port(_text(given, "host"))
    if not host or not validate_host(host, settings.ALLOWED_HOSTS):
        raise Refused(400, "malformed", "Malformed request")
    if scope["path"] != PATH:
        raise Refused(404, "not_found", "Not found")
    if settings.SECURE_SSL_REDIRECT and not _is_secure(scope, given):
        raise Refused(403, "https_required", "Use HTTPS")
    if scope["method"] != "GET":
        raise Refused(405, "method_not_allowed", "This method is not allowed here", Allow="GET")
    if scope.get("query_string"):
        raise Refused(400, "bad_query", "A query parameter is not valid")


def _is_secure(scope: Message, given: dict[str, bytes]) -> bool:
    if settings.SECURE_PROXY_SSL_HEADER:
        return _text(given, "x-forwarded-proto").split(",")[0].strip() == "https"
    return bool(scope.get("scheme") == "https")


async def _more(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _refuse(send: Send, refused: Refused) -> None:
    body = json.dumps(refused.body).encode()
    await _say(send, refused.body["status"], body, CONTENT_TYPE.encode(), refused.headers)


async def _say(
    send: Send, status: int, body: bytes, kind: bytes, more: dict[str, str] | None = None
) -> None:
    head = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *_HEADERS]
    head += [(name.lower().encode(), value.encode()) for name, value in (more or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body, "more_body": False})
