"""The goods-note permission 带货权限: an author asks to show others' goods.

The one rule of the house that reads followers (D2): 1,000 of them (GOODS_NOTE_MIN_FOLLOWERS)
and a verified real name, judged when the application is made.
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import NotFound, Refusal
from backend.core.states import move_one
from notes.models import GoodsNoteApplication
from shops.onboarding.refusals import ReasonRequired

Status = GoodsNoteApplication.Status


class FollowersBelowMinimum(Refusal):
    """The account has too few followers to apply."""

    code = "followers_below_minimum"
    status = 403
    title = "The account has too few followers to apply"


class RealNameRequired(Refusal):
    """The account's real name is not verified."""

    code = "real_name_required"
    status = 403
    title = "Verify the account's real name first"


class AlreadyOpen(Refusal):
    """The account has an application that waits or was approved."""

    code = "already_open"
    status = 409
    title = "An application waits or was approved already"


def reason_of(reason: str) -> str:
    """The reason without white space at its ends.

    :raises ReasonRequired: nothing was given, or more than 300 characters.
    """
    plain = reason.strip()
    if not plain or len(plain) > 300:
        raise ReasonRequired(fields={"reason": ["1 to 300 characters."]})
    return plain


def apply_for_goods_notes(*, account: Account, at: datetime) -> GoodsNoteApplication:
    """Asks for the permission to show others' goods.

    :raises RealNameRequired: the real name is not verified.
    :raises FollowersBelowMinimum: fewer followers than required; says both numbers.
    :raises AlreadyOpen: an application waits or was approved.
    """
    with transaction.atomic():
        account = Account.objects.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)
        if account.follower_count < settings.GOODS_NOTE_MIN_FOLLOWERS:
            raise FollowersBelowMinimum(
                required=settings.GOODS_NOTE_MIN_FOLLOWERS, actual=account.follower_count
            )
        if account.real_name_verified_at is None:
            raise RealNameRequired()
        waiting = GoodsNoteApplication.objects.filter(
            account=account, status__in=[Status.SUBMITTED, Status.APPROVED]
        )
        if waiting.exists():
            raise AlreadyOpen()
        return GoodsNoteApplication.objects.create(
            account=account, follower_count_at_apply=account.follower_count, submitted_at=at
        )


def approve_goods_notes(*, application_id: int, by: Account, at: datetime) -> GoodsNoteApplication:
    """Grants the permission.

    :raises NotFound: no such application.
    :raises WrongState: it does not wait any more.
    """
    return _decide(application_id, Status.APPROVED, by, at, "")


def reject_goods_notes(
    *, application_id: int, by: Account, reason: str, at: datetime
) -> GoodsNoteApplication:
    """Refuses the permission; the account may apply again.

    :raises ReasonRequired: no reason was given.
    :raises NotFound: no such application.
    :raises WrongState: it does not wait any more.
    """
    return _decide(application_id, Status.REJECTED, by, at, reason_of(reason))


def revoke_goods_notes(
    *, application_id: int, by: Account, reason: str, at: datetime
) -> GoodsNoteApplication:
    """Takes the permission back; others' cards come back as unavailable at the next reading.

    :raises ReasonRequired: no reason was given.
    :raises NotFound: no such application.
    :raises WrongState: it is not approved.
    """
    return _decide(application_id, Status.REVOKED, by, at, reason_of(reason))


def _decide(
    application_id: int, to: str, by: Account, at: datetime, reason: str
) -> GoodsNoteApplication:
    with transaction.atomic():
        application = GoodsNoteApplication.objects.filter(pk=application_id).first()
        if application is None:
            raise NotFound()
        move_one(
            application,
            transitions=GoodsNoteApplication.TRANSITIONS,
            to=to,
            reason=reason,
            decided_at=at,
            decided_by=by,
        )
        audit.note(actor=by, action=f"goods_notes.{to}", target=application, at=at, reason=reason)
    return application


def has_permission(account: Account) -> bool:
    """True where the account may show others' goods."""
    return GoodsNoteApplication.objects.filter(account=account, status=Status.APPROVED).exists()


def capability(account: Account) -> list[str]:
    """What this room says about an account: goods_notes."""
    return ["goods_notes"] if has_permission(account) else []
