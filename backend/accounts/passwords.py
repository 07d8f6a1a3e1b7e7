"""What a password must be, and how one is changed.

Length and lists, no rules about kinds of characters, no expiry: eight characters, twelve for staff,
128 at most; none of the 20,000 most common ones, none like the account's own names, none made of
the market's words.
"""

import re
from datetime import datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from backend.accounts import tokens
from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import Invalid

STAFF_LEAST = 12
# What somebody would try first here. docs/operations/staff.md names them.
OUR_WORDS = (
    "tuike",
    "推客",
    "xiaohongshu",
    "小红书",
    "commission",
    "marketplace",
    "password",
    "payout",
    "promoter",
    "finance",
    "admin",
    "staff",
    "shop",
    "demo",
    "test",
)
_OURS = re.compile("|".join(OUR_WORDS))
_PADDING = re.compile(r"[\W\d_]+")
_LEAST_OF_OWN = 4


class WeakPassword(Invalid):
    """The password is too short, too common, or too like the account's or the market's names."""

    code = "weak_password"
    title = "The password is too weak"


class CurrentPasswordWrong(Invalid):
    """Who changes the password must know the one before it."""

    code = "wrong_current_password"
    title = "The present password is not this"


class LongForStaff:
    """Twelve characters for whoever enters the admin."""

    def validate(self, password: str, user: Any = None) -> None:
        """Refuses a shorter one of staff.

        :raises ValidationError: shorter than twelve.
        """
        if getattr(user, "is_staff", False) and len(password) < STAFF_LEAST:
            raise ValidationError(f"Passwords of staff have at least {STAFF_LEAST} characters.")

    def get_help_text(self) -> str:
        """What the page says."""
        return f"Passwords of staff have at least {STAFF_LEAST} characters."


class NotOurNames:
    """No password made of nothing but the market's own words, the account's handle, digits and
    marks."""

    def validate(self, password: str, user: Any = None) -> None:
        """Refuses tuike2026!, admin-finance-1, linda_linda and the like.

        :raises ValidationError: hardly a letter of it is its own.
        """
        folded = password.casefold()
        handle = str(getattr(user, "handle", "")).casefold()
        without = _OURS.sub("", folded.replace(handle, "") if handle else folded)
        own = _PADDING.sub("", without)
        if without != folded and len(own) < _LEAST_OF_OWN:
            raise ValidationError("This password is made of the names of this place or your own.")

    def get_help_text(self) -> str:
        """What the page says."""
        return "Not made of the names of this place or your own."


def check(password: str, account: Account) -> None:
    """Holds a new password against every rule.

    :raises WeakPassword: it breaks one.
    """
    try:
        validate_password(password, account)
    except ValidationError as error:
        raise WeakPassword(fields={"password": list(error.messages)}) from error


def give(*, account: Account, password: str, by: Account | None, at: datetime) -> None:
    """A new password that somebody has checked. Every session of the account ends with it, and
    every token; `by` is the account itself, a superuser, or nobody for the command line."""
    account.set_password(password)
    with transaction.atomic():
        account.save(update_fields=["password"])
        note_given(account=account, by=by, at=at)


def note_given(*, account: Account, by: Account | None, at: datetime) -> None:
    """What follows from a new password: the account's tokens end (its sessions have: they carry
    the old one's digest), and the audit trail says who gave it."""
    with transaction.atomic():
        ended = tokens.revoke_all(account=account, at=at)
        audit.note(actor=by, action="password.change", target=account, at=at, tokens_ended=ended)


def change(*, account: Account, current: str, password: str, at: datetime) -> None:
    """The account's own change of its password.

    :raises CurrentPasswordWrong: `current` is not it.
    :raises WeakPassword: the new one breaks a rule.
    """
    if not account.check_password(current):
        raise CurrentPasswordWrong(fields={"current_password": [CurrentPasswordWrong.title]})
    check(password, account)
    give(account=account, password=password, by=account, at=at)
