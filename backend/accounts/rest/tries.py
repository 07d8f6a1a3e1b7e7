"""A try of somebody's password or code at the API's doors."""

from collections.abc import Callable
from typing import TypeVar

from rest_framework.request import Request

from backend.accounts import lockout, passwords, resets, second_factor, signin
from backend.core.clock import now

_WRONG = (
    signin.WrongPassword,
    second_factor.WrongCode,
    passwords.CurrentPasswordWrong,
    resets.WrongResetCode,
)
_T = TypeVar("_T")


def tried(request: Request, handle: str, attempt: Callable[[], _T]) -> _T:
    """A try of somebody's password: counted where it is wrong, refused while its name is locked."""
    plain = request._request
    try:
        return lockout.guarded(plain, handle, attempt, _WRONG)
    except _WRONG:
        signin.note_failure(
            handle=handle,
            door="api",
            address=lockout.address_of(plain),
            at=now(),
            locked=bool(getattr(plain, "axes_locked_out", False)),
        )
        raise
