"""Lock-out 锁定: how often somebody may guess, at the admin's door and at the API's.

django-axes counts failures in PostgreSQL; here are its limits (of a name from one network, of a
name, of a network), the caller's address, and what it lacks: tries of one name wait for each other.
Checked side by side, forty at once would all be checked before the fifth was counted.
"""

import hashlib
import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Sum
from django.http import HttpRequest

from backend.accounts.models import Account, FailedSignIn
from backend.core import audit
from backend.core.errors import NotAllowed, NotFound, Refusal
from backend.core.sql import rows

T = TypeVar("T")
COOL_OFF = int(settings.AXES_COOLOFF_TIME * 3600)  # seconds
_ADDRESSES = 64  # bits of an IPv6 address that a provider gives to one customer


class SignInLocked(Refusal):
    """Too many failed sign-ins: none is tried for a quarter of an hour, right or wrong."""

    code = "sign_in_locked"
    status = 429
    title = "Too many failed sign-ins 登录失败次数过多"


# ---------------------------------------------------------------- whose try it is
def address_of(request: HttpRequest) -> str:
    """The caller's address: with NUM_PROXIES proxies of ours in front the one that the first of
    them saw, without them the connection's own; what else X-Forwarded-For says is not believed."""
    remote = str(request.META.get("REMOTE_ADDR") or "")
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR") or "")
    if settings.NUM_PROXIES and forwarded:
        seen = [part.strip() for part in forwarded.split(",")]
        remote = seen[-min(settings.NUM_PROXIES, len(seen))]
    try:
        return str(ipaddress.ip_address(remote.split("%")[0]))
    except ValueError:
        return ""


def network_of(request: HttpRequest) -> str | None:
    """The address under which failures are counted: one customer has a /64 of IPv6."""
    text = address_of(request)
    if not text:
        return None
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        network = ipaddress.ip_network((address, _ADDRESSES), strict=False)
        return str(network.network_address)
    return text


# ---------------------------------------------------------------- counting
class Handler(AxesDatabaseHandler):
    """Axes with a limit of its own for each of the three counts."""

    def get_failures(self, request: HttpRequest, credentials: Any = None) -> int:
        """The failures of this name from this network; AXES_FAILURE_LIMIT at least where one of
        the wider counts is full."""
        pair, name, network = (
            found.aggregate(sum=Sum("failures_since_start"))["sum"] or 0
            for found in self.get_user_attempts(request, credentials)
        )
        full = name >= settings.SIGN_IN_LIMIT_NAME or network >= settings.SIGN_IN_LIMIT_ADDRESS
        return max(pair, settings.AXES_FAILURE_LIMIT) if full else pair

    def reset_user_attempts(self, request: HttpRequest, credentials: Any = None) -> int:
        """A sign-in forgives the failures of its own name and network, and nobody else's: who has
        an account of their own must not clear the way for guessing at others."""
        pair = self.filter_user_attempts(request, credentials)[0]
        count, _ = pair.delete()
        return int(count)

    def user_login_failed(
        self, sender: Any, credentials: Any, request: Any = None, **more: Any
    ) -> None:
        """Counts a failure; the request says afterwards that it was counted."""
        counted = request is not None and not request.axes_locked_out
        super().user_login_failed(sender, credentials, request, **more)
        if counted:
            request.sign_in_failed = True


def was_counted(request: HttpRequest) -> bool:
    """Whether this request was a failure that counts, not a try during a lock."""
    return bool(getattr(request, "sign_in_failed", False))


def is_locked(request: HttpRequest, name: str) -> bool:
    """Whether nothing is tried for this name from here."""
    return not AxesProxyHandler.is_allowed(request, {"username": name})


def count_failure(request: HttpRequest, name: str) -> None:
    """Counts a failed try: a wrong code, or a wrong password at the API's door."""
    AxesProxyHandler.user_login_failed(
        sender=__name__, credentials={"username": name}, request=request
    )


@contextmanager
def one_at_a_time(name: str) -> Iterator[None]:
    """Tries of one name wait for each other, in a transaction that the block must leave without
    an exception, or its failure is not counted.

    :raises SignInLocked: so many wait that this one's turn does not come.
    """
    key = hashlib.sha256(b"tuike sign-in\n" + name.lower().encode("utf-8", "replace")).digest()
    number = int.from_bytes(key[:8], "big", signed=True)
    with transaction.atomic():
        try:
            rows("SELECT pg_advisory_xact_lock(%s::bigint)", [number])
        except OperationalError as error:
            raise SignInLocked(retry_after=1) from error
        yield


def guarded(
    request: HttpRequest, name: str, attempt: Callable[[], T], failures: tuple[type[Refusal], ...]
) -> T:
    """Runs a try of a name unless it is locked; a refusal of the kinds `failures` counts.

    :raises SignInLocked: nothing is tried for this name from here.
    """
    with one_at_a_time(name):
        if is_locked(request, name):
            raise SignInLocked(retry_after=COOL_OFF)
        try:
            done = attempt()
        except failures as refusal:
            refused = refusal
        else:
            AxesProxyHandler.get_implementation().reset_user_attempts(request, {"username": name})
            return done
        count_failure(request, name)
    raise refused


# ---------------------------------------------------------------- unlocking
def lift(*, attempt_id: int, by: Account, reason: str, at: datetime) -> None:
    """Forgets the failures of a row, so that its name is tried again from its address.

    :raises NotAllowed: `by` is no superuser.
    :raises NotFound: no such row; it may have aged away.
    """
    if not by.is_superuser:
        raise NotAllowed("Superusers unlock.")
    with transaction.atomic():
        row = FailedSignIn.objects.filter(pk=attempt_id).first()
        if row is None:
            raise NotFound()
        told = {"name": row.username, "address": row.ip_address}
        audit.note(actor=by, action="sign_in.unlock", target=row, at=at, reason=reason, **told)
        row.delete()


def lift_name(*, handle: str, reason: str, at: datetime) -> int:
    """Forgets every failure of a name, from the command line; how many rows.

    :raises NotFound: no such account.
    """
    account = Account.objects.filter(handle=handle.lower()).first()
    if account is None:
        raise NotFound("No such account.")
    with transaction.atomic():
        count, _ = FailedSignIn.objects.filter(username=account.handle).delete()
        audit.note(actor=None, action="sign_in.unlock", target=account, at=at, reason=reason)
    return int(count)
