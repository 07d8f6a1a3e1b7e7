"""Redis as requests use it: a connection a thread, scripts by digest, and short patience.

Redis is a convenience here, whoever asks it goes on without an answer: so nobody waits for one that
is away. A call waits PATIENCE seconds at most, and after a failure this process asks no more for
PAUSE seconds, so that a Redis that hangs costs a moment each second and not one each request.
"""

import hashlib
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from redis import Redis
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import NoScriptError, RedisError
from redis.exceptions import TimeoutError as TooSlow

__all__ = ["Away", "RedisError", "Script", "call", "client", "forget_client"]

PATIENCE = 0.5
PAUSE = 1.0


class Away(RedisError):
    """Redis failed a moment ago and is not asked."""


class _Own(threading.local):
    client: Redis | None = None
    pid = 0


_own = _Own()
_asked_again_at = 0.0


def client() -> Redis:
    """This thread's connection, of its own again after a fork. (A pool's lock and a client made
    for each call cost 80 us of a request, this costs 12.)"""
    if _own.client is None or _own.pid != os.getpid():
        _own.pid = os.getpid()
        _own.client = Redis.from_url(
            settings.REDIS_URL,
            single_connection_client=True,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
        )
    return _own.client


def forget_client() -> None:
    """The next call makes a connection anew, to where the settings say then."""
    _own.client = None


def call(*command: Any) -> Any:
    """One command's answer.

    :raises RedisError: Redis is away, was a moment ago, or refuses the command.
    """
    global _asked_again_at  # noqa: PLW0603 - the process's one memory of an outage
    if _asked_again_at and time.monotonic() < _asked_again_at:
        raise Away("Redis did not answer a moment ago")
    try:
        answer = _ask(command)
    except (Unreachable, TooSlow):
        forget_client()
        _asked_again_at = time.monotonic() + PAUSE
        raise
    _asked_again_at = 0.0
    return answer


def _ask(command: Sequence[Any]) -> Any:
    """A kept connection may be to a server that is no more: then a fresh one is tried, once."""
    kept = _own.client
    try:
        return _send(command)
    except Unreachable:
        if kept is None:
            raise
        forget_client()
        return _send(command)


def _send(command: Sequence[Any]) -> Any:
    return client().execute_command(*command)  # type: ignore[no-untyped-call]


class Script:
    """A Lua script that the server keeps under its digest; it runs whole, and alone."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: Sequence[str], arguments: Sequence[Any] = ()) -> Any:
        """Its answer.

        :raises RedisError: as `call`.
        """
        try:
            return call("EVALSHA", self._digest, len(keys), *keys, *arguments)
        except NoScriptError:
            return call("EVAL", self.text, len(keys), *keys, *arguments)
