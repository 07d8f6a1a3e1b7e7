"""What a session of staff proves: that it lives, and when its person last showed the second factor.

Stands between the admin's pages and the verbs, so it may ask what time it is.
"""

import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from backend.accounts import lockout, second_factor
from backend.core.clock import now
from backend.core.errors import Refusal

SIGNED_IN = "signed_in_at"
CODE_SHOWN = "code_shown_at"
SHORT = "password_too_short"
_OPEN_TO_CHANGERS = ("admin:password_change", "admin:logout")


def begin(request: HttpRequest, *, code: bool, short_password: bool = False) -> None:
    """A session begins now, with a code or without, and with a password that staff may have or
    one that was given before they were staff."""
    moment = int(now().timestamp())
    request.session[SIGNED_IN] = moment
    if code:
        request.session[CODE_SHOWN] = moment
    if short_password:
        request.session[SHORT] = True


def must_change(request: HttpRequest) -> bool:
    """Whether this person needs a longer password before anything else."""
    return bool(request.session.get(SHORT))


def has_changed(request: HttpRequest) -> None:
    """The password is a new one."""
    request.session.pop(SHORT, None)


def show(request: HttpRequest) -> None:
    """A code was shown just now."""
    request.session[CODE_SHOWN] = int(now().timestamp())


def _age(request: HttpRequest, what: str) -> float:
    moment = request.session.get(what)
    return now().timestamp() - moment if isinstance(moment, int) else float("inf")


def is_alive(request: HttpRequest) -> bool:
    """Whether the session is of today: SESSION_HOURS after the sign-in it is over, however busy."""
    return _age(request, SIGNED_IN) < settings.SESSION_HOURS * 3600


def is_admitted(request: HttpRequest) -> bool:
    """Whether the session's person has shown everything that the admin asks of them."""
    user: Any = request.user
    if not (user.is_active and user.is_staff and is_alive(request)):
        return False
    if must_change(request) and request.path not in map(reverse, _OPEN_TO_CHANGERS):
        return False
    shown = getattr(user, "otp_device", None) is not None
    return shown or not second_factor.is_needed(user)


class SecondFactor:
    """The proof that backend.core.fresh asks for before money is let go."""

    def is_due(self, request: HttpRequest) -> bool:
        """STAFF_CODE_SECONDS after the last code."""
        user: Any = request.user
        if not second_factor.is_needed(user):
            return False
        return _age(request, CODE_SHOWN) > settings.STAFF_CODE_SECONDS

    def problem_of(self, request: HttpRequest, code: str) -> str:
        """Takes a code like the sign-in does, with the same lock-out."""
        user: Any = request.user
        with lockout.one_at_a_time(user.handle):
            problem = take(request, user, code)
        if not problem:
            show(request)
        return problem


def take(request: HttpRequest, account: Any, code: str) -> str:
    """Takes a code, or says why not; a wrong one counts towards the lock. Its device is then
    `account.otp_device`."""
    if lockout.is_locked(request, account.handle):
        return lockout.SignInLocked.title
    try:
        account.otp_device = second_factor.check(
            account=account, code=code, unix=int(time.time()), at=now()
        )
    except Refusal as refusal:
        if isinstance(refusal, second_factor.WrongCode):
            lockout.count_failure(request, account.handle)
        return refusal.detail
    return ""
