"""Erasure 注销: everything about a person goes, the books stay.

The account's row, its ids, its orders and every entry of the ledger remain, and say nobody's name.
Rooms above register what of theirs stands in the way, and how they take the person out of it: all
of it in one transaction, so that nobody is half erased.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.db import transaction

from backend.accounts import passwords, tokens
from backend.accounts.models import (
    AccessToken,
    Account,
    Address,
    Authenticator,
    PasswordReset,
    RecoveryCodes,
)
from backend.core import audit, ids
from backend.core.errors import Invalid, NotAllowed, NotFound, Refusal
from backend.core.models import IdempotencyKey

ERASE = "accounts.erase_account"
NAME = "已注销"  # what others read where the person's name stood: "account closed"


@dataclass(frozen=True, slots=True)
class Room:
    """What a room says about erasing: what stands in the way, in words and numbers, and how its
    rows forget a person. Both run inside the transaction of `erase`."""

    in_the_way: Callable[[Account], dict[str, int]]
    forget: Callable[[Account, datetime], None]


_rooms: list[Room] = []


class ErasureBlocked(Refusal):
    """Something of the account has not ended: an order, a refund, a payout, money, a shop; `open`
    says what and how many."""

    code = "erasure_blocked"
    status = 409
    title = "Something of this account has not ended"


class StaffAccount(Refusal):
    """An account of staff ends by being switched off; its acts keep their actor."""

    code = "staff_account"
    status = 409
    title = "Accounts of staff are not erased"


def tell_rooms(room: Room) -> None:
    """Registers a room, at start-up."""
    if room not in _rooms:
        _rooms.append(room)


def erase(*, account_id: int, by: Account, reason: str, at: datetime) -> None:
    """Takes a person out of the house, by their own wish (`by` is they) or by a decision of staff.
    Nothing brings them back; the handle is free again.

    :raises NotAllowed: `by` is somebody else and lacks accounts.erase_account.
    :raises Invalid: staff give no reason.
    :raises NotFound: no such account, or erased before.
    :raises StaffAccount: it is staff.
    :raises ErasureBlocked: something of it has not ended.
    """
    own = by.pk == account_id
    if not own and not by.has_perm(ERASE):
        raise NotAllowed("Erasing accounts needs its own permission.")
    if not own and not reason.strip():
        raise Invalid("Say why.", fields={"reason": ["Say why."]})
    with transaction.atomic():
        account = _locked(account_id)
        open_ = {name: count for room in _rooms for name, count in room.in_the_way(account).items()}
        open_ = {name: count for name, count in open_.items() if count}
        if open_:
            said = ", ".join(f"{name}: {count}" for name, count in sorted(open_.items()))
            raise ErasureBlocked(f"Still open: {said}.", open=open_)
        for room in _rooms:
            room.forget(account, at)
        _forget(account, at)
        audit.note(actor=by, action="account.erase", target=account, at=at, reason=reason.strip())


def erase_own(*, account: Account, current: str, at: datetime) -> None:
    """A person leaves for good, with their password once more.

    :raises CurrentPasswordWrong: `current` is not it.
    :raises StaffAccount, ErasureBlocked: as `erase`.
    """
    if not account.check_password(current):
        raise passwords.CurrentPasswordWrong(
            fields={"current_password": [passwords.CurrentPasswordWrong.title]}
        )
    erase(account_id=account.pk, by=account, reason="", at=at)


def _locked(account_id: int) -> Account:
    # The whole lock, not no_key: an order placed meanwhile refers to this row, so it waits for us
    # or we see it.
    row = Account.objects.select_for_update(of=("self",)).filter(pk=account_id, erased_at=None)
    account = row.first()
    if account is None:
        raise NotFound()
    if account.is_staff:
        raise StaffAccount()
    return account


def _forget(account: Account, at: datetime) -> None:
    """What accounts themselves know of a person."""
    tokens.end_everything(account=account, at=at)
    AccessToken.objects.filter(account=account).update(label="")
    for kind in (Address, PasswordReset, IdempotencyKey):
        kind._default_manager.filter(account=account).delete()
    AccessAttempt.objects.filter(username=account.handle).delete()
    LogEntry.objects.filter(
        content_type__app_label="accounts",
        content_type__model="account",
        object_id=str(account.pk),
    ).update(object_repr=NAME, change_message="")
    for device in (Authenticator, RecoveryCodes):
        device._default_manager.filter(user=account).delete()
    account.set_unusable_password()
    account.handle = f"gone.{ids.code(16).lower()}"
    account.display_name = NAME
    account.bio = account.city_code = account.phone = account.gender = ""
    account.birth_year = account.real_name_verified_at = account.last_login = None
    account.verification = Account.Verification.NONE
    account.follower_count = account.following_count = account.note_count = 0
    account.is_active = False
    account.erased_at = at
    account.save(
        update_fields=[
            "password", "handle", "display_name", "bio", "city_code", "phone", "gender",
            "birth_year", "real_name_verified_at", "last_login", "verification",
            "follower_count", "following_count", "note_count", "is_active", "erased_at",
        ]
    )  # fmt: skip
