"""Promoters 推客: joining, who invited whom, freezing and leaving.

Joining is free and asks for nothing: no fee, no purchase, no followers (I4, I8).
"""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from backend.accounts.models import Account
from backend.core import audit, ids
from backend.core.errors import NotFound, Refusal
from backend.core.states import move_one
from commissions.models import Promoter, SponsorEdge

CODE_LENGTH = 8
Status = Promoter.Status


class AlreadyPromoter(Refusal):
    """The account joined before."""

    code = "already_promoter"
    status = 409
    title = "The account is a promoter already"


class InviteUnknown(Refusal):
    """No active promoter has this invite code."""

    code = "invite_unknown"
    status = 422
    title = "The invite code is not known"


class NotPromoter(Refusal):
    """The act is for promoters; joining is free."""

    code = "not_promoter"
    status = 403
    title = "Join as a promoter first"


class PromoterFrozen(Refusal):
    """The promoter is frozen and may not promote for now."""

    code = "promoter_frozen"
    status = 403
    title = "The promoter is frozen"


class SponsorImpossible(Refusal):
    """A sponsor joined before those whom they invited: the tree has no cycle."""

    code = "sponsor_impossible"
    status = 422
    title = "A sponsor must have joined earlier"


class AlreadyBound(Refusal):
    """Who has, or had, an inviter does not choose another: staff move people in the tree."""

    code = "already_bound"
    status = 409
    title = "The promoter had an inviter before"


class EdgeOutOfTurn(Refusal):
    """A change of the tree holds from after the one before it, and not from tomorrow."""

    code = "edge_out_of_turn"
    status = 422
    title = "From after the last change until now"


def join(*, account: Account, invite_code: str = "", at: datetime) -> Promoter:
    """Makes an account a promoter, under the one whose invite code it brings; who left comes
    back as who they were, under the inviter they had.

    :raises InviteUnknown: the code is nobody's, or of somebody who is not active.
    :raises AlreadyPromoter: the account joined before.
    """
    with transaction.atomic():
        known = Promoter.objects.filter(account=account).first()
        if known is not None:
            return _come_back(known, at)
        sponsor = _inviter(invite_code) if invite_code else None
        try:
            with transaction.atomic():
                promoter = Promoter.objects.create(
                    account=account,
                    sponsor=sponsor,
                    invite_code=ids.code(CODE_LENGTH),
                    joined_at=at,
                )
        except IntegrityError as error:
            raise AlreadyPromoter() from error
        SponsorEdge.objects.create(
            promoter=promoter, sponsor=sponsor, from_at=at, recorded_at=at, reason="joined"
        )
    return promoter


def _come_back(promoter: Promoter, at: datetime) -> Promoter:
    if promoter.status != Status.LEFT:
        raise AlreadyPromoter()
    move_one(
        promoter,
        transitions=Promoter.TRANSITIONS,
        to=Status.ACTIVE,
        only_from={Status.LEFT},
    )
    audit.note(actor=promoter.account, action="promoter.return", target=promoter, at=at)
    return promoter


def _inviter(invite_code: str) -> Promoter:
    found = Promoter.objects.filter(invite_code=invite_code, status=Status.ACTIVE).first()
    if found is None:
        raise InviteUnknown(fields={"invite_code": ["Nobody has this code."]})
    return found


def of(account: Account) -> Promoter:
    """The promoter that this account is.

    :raises NotFound: it never joined.
    """
    promoter = Promoter.objects.select_related("sponsor__account").filter(account=account).first()
    if promoter is None:
        raise NotFound()
    return promoter


def active(account: Account) -> Promoter:
    """The promoter that this account is, fit to promote.

    :raises NotPromoter: it never joined, or left.
    :raises PromoterFrozen: it is frozen.
    """
    promoter = Promoter.objects.filter(account=account).exclude(status=Status.LEFT).first()
    if promoter is None:
        raise NotPromoter()
    if promoter.status == Status.FROZEN:
        raise PromoterFrozen()
    return promoter


def freeze(*, promoter_id: int, by: Any, reason: str, at: datetime) -> Promoter:
    """Stops a promoter: no new links, no commission on lines accrued from now on. What is earned
    stays theirs: it matures, settles and may be paid out; nothing is held by freezing.

    :raises NotFound: no such promoter.
    :raises WrongState: not active.
    """
    return _decide(promoter_id, Status.FROZEN, "promoter.freeze", by=by, reason=reason, at=at)


def unfreeze(*, promoter_id: int, by: Any, reason: str, at: datetime) -> Promoter:
    """Lets a frozen promoter promote again.

    :raises NotFound: no such promoter.
    :raises WrongState: not frozen.
    """
    return _decide(
        promoter_id,
        Status.ACTIVE,
        "promoter.unfreeze",
        by=by,
        reason=reason,
        at=at,
        only_from={Status.FROZEN},
    )


def leave(*, account: Account, at: datetime, by: Any = None, reason: str = "") -> Promoter:
    """The account promotes no more, by its own wish or by staff (`by`). What is earned stays
    theirs: it matures, settles and may be paid out.

    :raises NotFound: it never joined.
    :raises WrongState: it left before.
    """
    promoter = of(account)
    return _decide(
        promoter.pk, Status.LEFT, "promoter.leave", by=by or account, reason=reason, at=at
    )


def bind(*, account: Account, invite_code: str, at: datetime) -> Promoter:
    """A promoter without an inviter gets one by an invite code: once, and for what is sold from
    now on.

    :raises NotPromoter: the account never joined, or left.
    :raises PromoterFrozen: it is frozen.
    :raises InviteUnknown: the code is nobody's, or of somebody who is not active.
    :raises AlreadyBound: there is an inviter, or there was one.
    :raises SponsorImpossible: the inviter joined later, or is the promoter.
    """
    with transaction.atomic():
        promoter = _locked(active(account).pk)
        sponsor = _inviter(invite_code)
        if SponsorEdge.objects.filter(promoter=promoter, sponsor__isnull=False).exists():
            raise AlreadyBound()
        _move(promoter, sponsor.pk, from_at=at, at=at, reason="bound")
        audit.note(actor=account, action="promoter.bind", target=promoter, at=at, after=sponsor.pk)
    return promoter


def change_sponsor(
    *,
    promoter_id: int,
    sponsor_id: int | None,
    by: Any,
    reason: str,
    at: datetime,
    from_at: datetime | None = None,
) -> Promoter:
    """Puts a promoter under another inviter, or under none, from `from_at` on (now, where nothing
    is said). A date in the past corrects what the tree says of those days, and moves no line:
    every order keeps the inviter that was known when it was placed.

    :raises NotFound: no such promoter or sponsor.
    :raises SponsorImpossible: the sponsor joined later, or is the promoter.
    :raises EdgeOutOfTurn: `from_at` is before the last change, or in the future.
    """
    with transaction.atomic():
        promoter = _locked(promoter_id)
        if sponsor_id is not None and not Promoter.objects.filter(pk=sponsor_id).exists():
            raise NotFound()
        before = promoter.sponsor_id
        _move(promoter, sponsor_id, from_at=from_at or at, at=at, reason=reason)
        audit.note(
            actor=by,
            action="promoter.change_sponsor",
            target=promoter,
            at=at,
            reason=reason,
            before=before,
            after=sponsor_id,
        )
    return promoter


def _move(
    promoter: Promoter, sponsor_id: int | None, *, from_at: datetime, at: datetime, reason: str
) -> None:
    """The locked promoter's next edge."""
    if sponsor_id is not None and sponsor_id >= promoter.pk:
        raise SponsorImpossible()
    last = SponsorEdge.objects.filter(promoter=promoter).order_by("-from_at", "-id").first()
    begun = last.from_at if last else promoter.joined_at
    if from_at > at or (from_at < begun and from_at != at):
        raise EdgeOutOfTurn()
    promoter.sponsor_id, promoter.sponsored_at = sponsor_id, at
    promoter.save(update_fields=["sponsor", "sponsored_at"])
    SponsorEdge.objects.create(
        promoter=promoter,
        sponsor_id=sponsor_id,
        from_at=max(from_at, begun),
        recorded_at=at,
        reason=reason,
    )


def _decide(
    promoter_id: int,
    to: str,
    action: str,
    *,
    by: Any,
    reason: str,
    at: datetime,
    only_from: set[str] | None = None,
) -> Promoter:
    with transaction.atomic():
        promoter = _locked(promoter_id)
        before = promoter.status
        move_one(promoter, transitions=Promoter.TRANSITIONS, to=to, only_from=only_from)
        audit.note(
            actor=by, action=action, target=promoter, at=at, reason=reason, before=str(before)
        )
    return promoter


def _locked(promoter_id: int) -> Promoter:
    rows = Promoter.objects.select_for_update(no_key=True, of=("self",))
    promoter = rows.filter(pk=promoter_id).first()
    if promoter is None:
        raise NotFound()
    return promoter


def capabilities(account: Account) -> list[str]:
    """What this room adds to an account's capabilities: `tuike`."""
    joined = Promoter.objects.filter(account=account, status=Status.ACTIVE).exists()
    return ["tuike"] if joined else []
