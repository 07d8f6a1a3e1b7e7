"""Applications for a shop: written by the account, decided by the staff."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import Invalid, NotFound, WrongState
from backend.core.states import move_one
from backend.core.texts import is_blank, skeleton
from shops.models import Shop, ShopApplication
from shops.models.shop import OwnerType
from shops.onboarding.refusals import (
    ApplicationOpen,
    LicenceInvalid,
    LicenceRequired,
    ShopExists,
    ShopNameTaken,
    need_reason,
)

_SKELETON_LENGTH = ShopApplication._meta.get_field("name_skeleton").max_length or 0
_Status = ShopApplication.Status
_EDITABLE = frozenset({_Status.DRAFT.value, _Status.REJECTED.value})


# ---------------------------------------------------------------- the applicant


def apply(
    *,
    account: Account,
    shop_name: str,
    owner_type: str,
    intro: str = "",
    licence_number: str = "",
    at: datetime,
) -> ShopApplication:
    """A new application, a draft.

    :raises ShopExists: the account has a shop.
    :raises ApplicationOpen: one of its applications is not approved yet.
    :raises LicenceRequired: no licence number, and not an individual.
    :raises LicenceInvalid: the number is no unified social credit code.
    :raises ShopNameTaken: another shop has the name.
    """
    application = ShopApplication(
        account=account,
        shop_name=shop_name,
        intro=intro,
        owner_type=owner_type,
        licence_number=licence_number,
        created_at=at,
    )
    with transaction.atomic():
        # The account's row makes two applications of one account wait for each other.
        Account.objects.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)
        _refuse_second(account)
        _check(application)
        application.save(force_insert=True)
    return application


def change(*, account: Account, application_id: int, changes: Mapping[str, Any]) -> ShopApplication:
    """Changes shop_name, intro, owner_type or licence_number of a draft or rejected application.

    :raises NotFound: not an application of this account.
    :raises WrongState: it is submitted or approved.
    :raises LicenceRequired, LicenceInvalid, ShopNameTaken: as in `apply`.
    """
    with transaction.atomic():
        application = own_editable(account, application_id)
        for name, value in changes.items():
            setattr(application, name, value)
        _check(application)
        application.save(update_fields={*changes, "name_skeleton", "licence_number"})
    return application


def submit(*, account: Account, application_id: int, at: datetime) -> ShopApplication:
    """Hands a draft or rejected application in.

    :raises NotFound: not an application of this account.
    :raises WrongState: it is submitted or approved.
    :raises LicenceRequired, LicenceInvalid, ShopNameTaken: as in `apply`; the world may have
        changed since.
    """
    with transaction.atomic():
        application = own_editable(account, application_id)
        _check(application)
        move_one(
            application,
            transitions=ShopApplication.TRANSITIONS,
            to=_Status.SUBMITTED,
            submitted_at=at,
            reject_reason="",
            decided_at=None,
            decided_by=None,
        )
    return application


def own_application(*, account: Account, application_id: int) -> ShopApplication:
    """One application of the account, with its documents.

    :raises NotFound: not an application of this account.
    """
    found = applications_of(account=account).filter(pk=application_id).first()
    if found is None:
        raise NotFound()
    return found


def applications_of(*, account: Account) -> QuerySet[ShopApplication]:
    """The account's applications with what their answers show; 2 queries at any number."""
    own = ShopApplication.objects.filter(account=account)
    return own.select_related("account__shop").prefetch_related("documents")


# ---------------------------------------------------------------- the staff


def approve(*, application_id: int, by: Account, at: datetime) -> Shop:
    """Approves a submitted application: its shop is open from `at`, with today's platform fee
    (setting PLATFORM_FEE_BPS) frozen on it.

    :raises NotFound: no such application.
    :raises WrongState: it is not submitted; somebody may have been first.
    :raises ShopNameTaken: a shop opened under this name since.
    :raises ShopExists: the account has a shop.
    """
    with transaction.atomic():
        application = _found(application_id)
        move_one(
            application,
            transitions=ShopApplication.TRANSITIONS,
            to=_Status.APPROVED,
            decided_at=at,
            decided_by=by,
        )
        shop = _open_shop(application, at)
        audit.note(
            actor=by, action="shop_application.approve", target=application, at=at, shop=shop.pk
        )
    return shop


def reject(*, application_id: int, by: Account, reason: str, at: datetime) -> ShopApplication:
    """Rejects a submitted application; the applicant reads the reason and may submit again.

    :raises NotFound: no such application.
    :raises WrongState: it is not submitted.
    :raises ReasonRequired: no reason.
    """
    need_reason(reason)
    with transaction.atomic():
        application = _found(application_id)
        move_one(
            application,
            transitions=ShopApplication.TRANSITIONS,
            to=_Status.REJECTED,
            reject_reason=reason,
            decided_at=at,
            decided_by=by,
        )
        audit.note(
            actor=by, action="shop_application.reject", target=application, at=at, reason=reason
        )
    return application


# ---------------------------------------------------------------- private


def _refuse_second(account: Account) -> None:
    if Shop.objects.filter(account=account).exists():
        raise ShopExists()
    if ShopApplication.objects.filter(account=account).exclude(status=_Status.APPROVED).exists():
        raise ApplicationOpen()


def _check(application: ShopApplication) -> None:
    """The rules of what an application says; writes the forms that are compared."""
    application.name_skeleton = _skeleton_of(application.shop_name)
    application.licence_number = _licence_of(application)
    taken = Shop.objects.filter(name_skeleton=application.name_skeleton)
    if taken.exclude(status=Shop.Status.CLOSED).exists():
        raise _name_taken()


def _skeleton_of(name: str) -> str:
    # One compatibility character may unfold into 18: the comparable form has its own limit.
    form = skeleton(name)
    if is_blank(name) or len(form) > _SKELETON_LENGTH:
        raise Invalid(fields={"shop_name": ["This cannot be a shop's name."]})
    return form


def _licence_of(application: ShopApplication) -> str:
    number = application.licence_number
    if is_blank(number):
        if application.owner_type != OwnerType.INDIVIDUAL:
            raise LicenceRequired(fields={"licence_number": ["Required for this owner type."]})
        return ""
    from stdnum.cn import uscc  # 30 ms of every start: it reads its own documentation

    try:
        return str(uscc.validate(number))
    except ValueError:
        raise LicenceInvalid(
            fields={"licence_number": ["Not a unified social credit code."]}
        ) from None


def _name_taken() -> ShopNameTaken:
    return ShopNameTaken(fields={"shop_name": ["Another shop has this name."]})


def own_editable(account: Account, application_id: int) -> ShopApplication:
    """The account's application, locked, in a state in which it may be changed.

    :raises NotFound: not an application of this account.
    :raises WrongState: it is submitted or approved.
    """
    locked = ShopApplication.objects.select_for_update(no_key=True, of=("self",))
    application = locked.filter(pk=application_id, account=account).first()
    if application is None:
        raise NotFound()
    if application.status not in _EDITABLE:
        raise WrongState(
            f"The application is {application.status}.",
            state=application.status,
            wanted=sorted(_EDITABLE),
        )
    return application


def _found(application_id: int) -> ShopApplication:
    application = ShopApplication.objects.filter(pk=application_id).first()
    if application is None:
        raise NotFound()
    return application


def _open_shop(application: ShopApplication, at: datetime) -> Shop:
    """The shop of an approved application. Two approvals of one name at the same moment both
    see it free; the unique index lets one of them through."""
    try:
        with transaction.atomic():
            return Shop.objects.create(
                account_id=application.account_id,
                name=application.shop_name,
                name_skeleton=application.name_skeleton,
                intro=application.intro,
                owner_type=application.owner_type,
                licence_number=application.licence_number,
                fee_bps=settings.PLATFORM_FEE_BPS,
                opened_at=at,
            )
    except IntegrityError as error:
        if "shop_name_once" in str(error):
            raise _name_taken() from error
        if Shop.objects.filter(account_id=application.account_id).exists():
            raise ShopExists() from error
        raise
