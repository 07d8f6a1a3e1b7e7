"""Limits that hold under parallel requests: one atomic script in Redis per request.

DRF's own throttle reads a list and writes it back; 10 of 40 parallel requests passed a limit
of 5 there. A fixed window of one minute, counted by INCR, lets 5 pass.
"""

import ipaddress
import time
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from backend.core.logs import get
from backend.core.redis import RedisError, Script

log = get(__name__)

WINDOW = 60  # seconds
COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
"""
_count = Script(COUNT + "return count")


def window_of(scope: str, caller: str) -> tuple[str, int]:
    """The key under which a caller's calls of this minute are counted, and the seconds until the
    minute ends."""
    window, gone = divmod(int(time.time()), WINDOW)
    return f"throttle:{scope}:{caller}:{window}", WINDOW - gone


def hit(scope: str, caller: str) -> tuple[int, int]:
    """Counts one call; returns (calls in this window, seconds until it ends).

    :raises RedisError: Redis is away.
    """
    key, left = window_of(scope, caller)
    return int(_count([key], [WINDOW])), left


class PerCaller(BaseThrottle):
    """The limit of a view: its `throttle_scope`, or 'account' / 'anonymous'.

    Counted for the account, or for the address without one; a view that says
    `throttle_by_address` is counted for the address whoever asks: else every account that somebody
    makes would buy them further tries at somebody else's password.

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
        named = signed_in and not getattr(view, "throttle_by_address", False)
        caller = f"a{user.pk}" if named else f"i{self.get_ident(request)}"
        try:
            count, self.left = hit(scope, caller)
        except RedisError:
            log.warning("the throttle's Redis did not answer; the call passes")
            return True
        return count <= limit

    def get_ident(self, request: Request) -> str:
        """The caller's address as DRF finds it (NUM_PROXIES); of IPv6 the /64 that a provider gives
        to one customer."""
        address = str(super().get_ident(request))[:64]
        if ":" not in address:
            return address
        try:
            found = ipaddress.IPv6Address(address.partition("%")[0])
        except ValueError:
            return address
        return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))

    def wait(self) -> float | None:
        """Seconds until the window ends."""
        return float(self.left)
