"""Sign up and sign in."""

from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from backend.accounts import tokens
from backend.accounts.models import Account
from backend.core.errors import Invalid, Refusal


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


class WeakPassword(Invalid):
    """The password is too short, too common or too like the handle."""

    code = "weak_password"
    title = "The password is too weak"


def sign_up(*, handle: str, password: str, display_name: str, **profile: str) -> Account:
    """A new account.

    :raises HandleTaken: the handle, case-folded, is in use.
    :raises WeakPassword: the password breaks a rule.
    """
    account = Account(handle=handle.lower(), display_name=display_name, **profile)
    try:
        validate_password(password, account)
    except ValidationError as error:
        raise WeakPassword(fields={"password": list(error.messages)}) from error
    account.set_password(password)
    try:
        with transaction.atomic():
            account.save(force_insert=True)
    except IntegrityError as error:
        raise HandleTaken(fields={"handle": ["This handle is taken."]}) from error
    return account


_NOBODY: list[str] = []


def sign_in(*, handle: str, password: str, at: datetime, label: str = "") -> tuple[str, Account]:
    """A token for an account whose password is right. Known and unknown handles take the same
    time: an unknown one is checked against a password nobody has.

    :raises WrongPassword: no active account with this handle and password.
    """
    account = Account.objects.filter(handle=handle.lower(), is_active=True).first()
    if account is None:
        if not _NOBODY:
            _NOBODY.append(make_password("nobody's password"))
        check_password(password, _NOBODY[0])
        raise WrongPassword()
    if not account.check_password(password):
        raise WrongPassword()
    text, _ = tokens.issue(account=account, at=at, label=label)
    return text, account
