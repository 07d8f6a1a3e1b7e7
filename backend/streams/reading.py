"""What streams ask the database, in one thread with one connection."""

from collections.abc import Callable, Collection
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connection

from backend.accounts import tokens
from backend.core.clock import now
from commissions import following
from commissions.following import Moving

Asked = ParamSpec("Asked")
Told = TypeVar("Told")


def _own_connection(ask: Callable[Asked, Told]) -> Callable[Asked, Told]:
    """A connection that has broken is left behind, so that the next question makes a new one."""

    @wraps(ask)
    def wrapper(*args: Asked.args, **more: Asked.kwargs) -> Told:
        close_old_connections()
        try:
            return ask(*args, **more)
        except Exception:
            connection.close()
            raise

    return wrapper


@_own_connection
def sign_in(token: str) -> tuple[int, int] | None:
    """The account's id and the token's, None where the token opens nothing."""
    found = tokens.find(token=token, at=now())
    return (found[0].pk, found[1]) if found else None


@_own_connection
def living(token_ids: Collection[int]) -> set[int]:
    """Which of these tokens still open something."""
    return tokens.still_open(token_ids=token_ids, at=now())


@_own_connection
def balances(account_ids: Collection[int]) -> dict[int, Moving]:
    """As `following.balances`."""
    return following.balances(account_ids)


@_own_connection
def confirmed(account_ids: Collection[int]) -> dict[int, int]:
    """As `following.confirmed`."""
    return following.confirmed(account_ids)
