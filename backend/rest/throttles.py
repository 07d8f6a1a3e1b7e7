"""Limits that hold under parallel requests: one atomic script in Redis per request.

DRF's own throttle reads a list and writes it back; 10 of 40 parallel requests passed a limit
of 5 there. A fixed window of one minute, counted by INCR, lets 5 pass.
"""

import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from backend.core.logs import get

log = get(__name__)

_SCRIPT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('TTL', KEYS[1])}
"""
WINDOW = 60  # seconds


def _client() -> Any:
    return cache._cache.get_client(None, write=True)  # type: ignore[attr-defined]


def hit(scope: str, caller: str) -> tuple[int, int]:
    """Counts one call; returns (calls in this window, seconds until it ends)."""
    window = int(time.time()) // WINDOW
    count, left = _client().eval(_SCRIPT, 1, f"throttle:{scope}:{caller}:{window}", WINDOW)
    return int(count), max(1, int(left))


class PerCaller(BaseThrottle):
    """The limit of a view: its `throttle_scope`, or 'account' / 'anonymous'.

    Where Redis is away the call passes: a limiter that is down must not take the shop down;
    sign-in of staff has its own lock-out in PostgreSQL.
    """

    left = 0

    def allow_request(self, request: Request, view: Any) -> bool:
        """Counts the call against its limit."""
        user = request.user
        signed_in = bool(user and user.is_authenticated)
        scope = getattr(view, "throttle_scope", None) or ("account" if signed_in else "anonymous")
        limit = settings.THROTTLE_PER_MINUTE.get(scope, 0)
        if not limit:
            return True
        caller = f"a{user.pk}" if signed_in else f"i{self.get_ident(request)}"
        try:
            count, self.left = hit(scope, caller)
        except RedisError:
            log.warning("the throttle's Redis did not answer; the call passes")
            return True
        return count <= limit

    def wait(self) -> float | None:
        """Seconds until the window ends."""
        return float(self.left)
