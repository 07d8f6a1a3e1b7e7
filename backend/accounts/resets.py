"""Forgotten passwords 忘记密码: a code that staff give to whom they have recognised, for one new
password.

Nothing is sent by mail or text message: whoever holds the mailbox would hold the account. The code
replaces the password alone: an account with a second factor still asks for it at the sign-in.
"""

import hashlib
from datetime import datetime, timedelta

from django.db import transaction

from backend.accounts import passwords
from backend.accounts.models import Account, PasswordReset
from backend.core import audit, ids
from backend.core.errors import Invalid, NotAllowed, NotFound, Refusal

GIVE = "accounts.reset_password"
LIVES = timedelta(hours=1)
LENGTH = 22  # base58: 128 bits


class WrongResetCode(Refusal):
    """Handle and code do not belong together, the code was used, or its hour is over."""

    code = "wrong_reset_code"
    status = 401
    title = "The handle or the code is wrong, or the code's hour is over"


def give(*, account_id: int, by: Account, reason: str, at: datetime) -> str:
    """A code for one new password within the hour, shown this once; it ends the account's code
    before it. The reason says how the person was recognised.

    :raises NotAllowed: `by` lacks accounts.reset_password, or it is an account of staff and `by`
        no superuser, or their own.
    :raises Invalid: no reason given.
    :raises NotFound: no active account.
    """
    account = Account.objects.filter(pk=account_id, is_active=True).first()
    if not by.has_perm(GIVE):
        raise NotAllowed("Giving reset codes needs its own permission.")
    if account is None:
        raise NotFound()
    if account.pk == by.pk or (account.is_staff and not by.is_superuser):
        raise NotAllowed("Superusers reset passwords of staff, and nobody their own.")
    if not reason.strip():
        raise Invalid("Say how you recognised them.", fields={"reason": ["Say how."]})
    text = ids.code(LENGTH)
    with transaction.atomic():
        PasswordReset.objects.update_or_create(
            account=account,
            defaults={"digest": _digest(text), "given_by": by, "expires_at": at + LIVES},
        )
        audit.note(
            actor=by, action="password.reset_code", target=account, at=at, reason=reason.strip()
        )
    return text


def use(*, handle: str, code: str, password: str, at: datetime) -> None:
    """Sets a new password by a code, once; every session and token of the account ends. A password
    that is refused leaves the code as it was.

    :raises WrongResetCode: not a code of this handle, used, or too old.
    :raises WeakPassword: the password breaks a rule.
    """
    found = PasswordReset.objects.select_related("account").filter(
        digest=_digest(code), account__handle=handle.lower(), account__is_active=True
    )
    reset = found.filter(expires_at__gt=at).first()
    if reset is None:
        raise WrongResetCode()
    passwords.check(password, reset.account)
    with transaction.atomic():
        # Of two who use it at once, one finds the row.
        gone, _ = PasswordReset.objects.filter(pk=reset.pk, digest=reset.digest).delete()
        if not gone:
            raise WrongResetCode()
        passwords.give(account=reset.account, password=password, by=reset.account, at=at)


def _digest(code: str) -> bytes:
    return hashlib.sha256(b"tuike reset\n" + code.encode()).digest()
