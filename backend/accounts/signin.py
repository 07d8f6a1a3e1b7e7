"""Sign up, sign in, and what the audit trail says of the staff's signing in."""

from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.sessions.backends.db import SessionStore
from django.db import IntegrityError, transaction

from backend.accounts import passwords, second_factor, tokens
from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import NotFound, Refusal
from backend.core.logs import get

log = get(__name__)


class HandleTaken(Refusal):
    """Another account has this handle."""

    code = "handle_taken"
    status = 422
    title = "This handle is taken"


class WrongPassword(Refusal):
    """Handle and password do not belong together; which of them is wrong is not said."""

    code = "wrong_password"
    status = 401
    title = "Handle or password is wrong"


def sign_up(*, handle: str, password: str, display_name: str, **profile: str) -> Account:
    """A new account.

    :raises HandleTaken: the handle, case-folded, is in use.
    :raises WeakPassword: the password breaks a rule.
    """
    account = Account(handle=handle.lower(), display_name=display_name, **profile)
    passwords.check(password, account)
    account.set_password(password)
    try:
        with transaction.atomic():
            account.save(force_insert=True)
    except IntegrityError as error:
        raise HandleTaken(fields={"handle": ["This handle is taken."]}) from error
    return account


_NOBODY: list[str] = []


def sign_in(
    *, handle: str, password: str, unix: int, at: datetime, code: str = "", label: str = ""
) -> tuple[str, Account]:
    """A token for an account whose password is right; staff who need a second factor give its
    code too (`unix`: the real clock's seconds, which codes follow). Known and unknown handles take
    the same time: an unknown one is checked against a password nobody has.

    :raises WrongPassword: no active account with this handle and password.
    :raises SecondFactorNeeded: the account has a second factor and no code came.
    :raises SecondFactorMissing: the account needs a second factor and has none.
    :raises WrongCode: the code is wrong.
    :raises TooManyCodes: too soon after wrong codes.
    """
    account = Account.objects.filter(handle=handle.lower(), is_active=True).first()
    if account is None:
        if not _NOBODY:
            _NOBODY.append(make_password("nobody's password"))
        check_password(password, _NOBODY[0])
        raise WrongPassword()
    if not account.check_password(password):
        raise WrongPassword()
    if second_factor.is_needed(account):
        if not second_factor.has(account):
            raise second_factor.SecondFactorMissing()
        if not code:
            raise second_factor.SecondFactorNeeded()
        second_factor.check(account=account, code=code, unix=unix, at=at)
    text, _ = tokens.issue(account=account, at=at, label=label)
    return text, account


def note_success(*, account: Account, door: str, address: str, at: datetime, how: str) -> None:
    """Records a sign-in: staff in the audit trail, everybody in the log. `door`: admin or api;
    `how`: password, code or recovery code."""
    log.info("%s signed in at the %s from %s by %s", account.handle, door, address, how)
    if account.is_staff:
        audit.note(
            actor=account,
            action="sign_in",
            target=account,
            at=at,
            door=door,
            address=address,
            how=how,
        )


def note_failure(*, handle: str, door: str, address: str, at: datetime, locked: bool) -> None:
    """Records a failed sign-in: those of staff in the audit trail, all in the log. `locked`: it
    was the one that locked the door. Tries during a lock are not recorded: their number is up to
    whoever makes them."""
    account = Account.objects.filter(handle=handle.lower()[:31]).first()
    # What is nobody's name may be somebody's password, typed a line too high.
    name = account.handle if account else "[unknown]"
    log.warning("a sign-in as %s failed at the %s from %s", name, door, address)
    if account and account.is_staff:
        action = "sign_in.locked" if locked else "sign_in.failed"
        audit.note(actor=None, action=action, target=account, at=at, door=door, address=address)


def end_everything(*, account: Account, by: Account | None, at: datetime, reason: str = "") -> int:
    """Signs the account out everywhere, browsers and API; how many tokens ended."""
    with transaction.atomic():
        ended = tokens.end_everything(account=account, at=at)
        audit.note(
            actor=by,
            action="sign_out.everywhere",
            target=account,
            at=at,
            reason=reason,
            tokens_ended=ended,
        )
    return ended


def end_token(*, account: Account, token_id: int, current: str, at: datetime) -> None:
    """Ends one of the account's tokens.

    :raises CurrentPasswordWrong: `current` is not the account's password.
    :raises NotFound: not a token of this account that opens something.
    """
    if not account.check_password(current):
        raise passwords.CurrentPasswordWrong(
            fields={"current_password": [passwords.CurrentPasswordWrong.title]}
        )
    if not tokens.revoke(token_id=token_id, account=account, at=at):
        raise NotFound()


def forget_old_sessions() -> None:
    """Deletes the rows of sessions that have ended, by the real clock, which they follow."""
    SessionStore.clear_expired()
