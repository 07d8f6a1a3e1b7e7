"""Disputes about an attribution 归因争议: opened by who was in question for a line or by its shop,
with evidence; settled by a recorded override of two people, or rejected, or withdrawn.

While one is under way, a commission that has not settled is held: its clock stands still.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import NotAllowed, NotFound, Refusal
from backend.core.sql import rows, run
from backend.core.states import move_one
from commissions import overrides
from commissions.models import (
    AttributionDispute,
    AttributionOverride,
    CommissionOrder,
    CommissionSplit,
    Promoter,
)
from commissions.overrides import Winner
from commissions.settlement import DISPUTE, still_held

Status = AttributionDispute.Status
Side = AttributionDispute.Side
PROPOSE = "commissions.propose_override"
APPROVE = "commissions.approve_override"
MAX_EVIDENCE = 10
MAX_CLAIM, MAX_REASON = 500, 300


class DisputeOpen(Refusal):
    """One dispute of a line at a time."""

    code = "dispute_open"
    status = 409
    title = "A dispute about this line is under way"


class ClaimMissing(Refusal):
    """Whoever disputes says why; whoever decides too."""

    code = "dispute_needs_words"
    status = 422
    title = "Say why, in 1 to 500 characters, with at most 10 pieces of evidence"


class WinnerUnknown(Refusal):
    """The proposed winner is no promoter, or no account, of this handle."""

    code = "winner_unknown"
    status = 422
    title = "There is no such promoter or creator"


class SameDecider(NotAllowed):
    """Who proposed an override cannot be who approves it."""

    code = "override_maker_is_checker"
    title = "Maker and checker must be two people"


class OwnDispute(NotAllowed):
    """Nobody decides about a line that they earn, would earn, owe, or have disputed."""

    code = "own_dispute"
    title = "You are a party of this dispute"


# A line's commission order, for who may dispute it: the shop's owner, its payees, and everybody
# who was looked at when it was attributed.
_DISPUTABLE = """
SELECT c.id, shop.account_id = %(me)s::bigint AS owns
FROM commissions_commissionorder c
JOIN commissions_attribution a ON a.id = c.attribution_id
JOIN shops_orderline l ON l.id = c.order_line_id
JOIN shops_order o ON o.id = l.order_id
JOIN shops_shop shop ON shop.id = c.shop_id
LEFT JOIN commissions_promoter p ON p.account_id = %(me)s::bigint
WHERE o.number = %(number)s AND l.id = %(line)s::bigint AND (%(staff)s::boolean
   OR shop.account_id = %(me)s::bigint
   OR a.creator_id = %(me)s::bigint OR p.id IN (a.promoter_id, a.inviter_id)
   OR EXISTS (SELECT 1 FROM commissions_commissionsplit s
        WHERE s.commission_id = c.id AND s.payee_id = %(me)s::bigint)
   OR EXISTS (SELECT 1 FROM jsonb_to_recordset(a.losers) AS lost(kind text, id bigint)
        WHERE CASE lost.kind
            WHEN 'referral' THEN EXISTS (SELECT 1 FROM commissions_promotionlink k
                WHERE k.id = lost.id AND k.promoter_id = p.id)
            WHEN 'note' THEN EXISTS (SELECT 1 FROM notes_note n
                WHERE n.id = lost.id AND n.author_id = %(me)s::bigint)
            WHEN 'live' THEN EXISTS (SELECT 1 FROM notes_livesession n
                WHERE n.id = lost.id AND n.host_id = %(me)s::bigint)
            WHEN 'lock' THEN EXISTS (SELECT 1 FROM commissions_lockchange h
                WHERE h.id = lost.id AND h.promoter_id = p.id)
            WHEN 'coupon' THEN EXISTS (SELECT 1 FROM commissions_couponcode d
                WHERE d.id = lost.id AND (d.promoter_id = p.id
                                          OR d.creator_id = %(me)s::bigint))
            ELSE false END))
"""


def open_dispute(
    *,
    account: Account,
    order_number: str,
    line_id: int,
    claim: str,
    evidence: Sequence[str] = (),
    at: datetime,
) -> AttributionDispute:
    """Disputes to whom a line of an order is owed.

    :raises NotFound: no such line, or the account has nothing to do with it.
    :raises ClaimMissing: no words, too many, or over ten pieces of evidence.
    :raises DisputeOpen: one is under way.
    """
    claim = _words(claim, MAX_CLAIM)
    if len(evidence) > MAX_EVIDENCE:
        raise ClaimMissing(fields={"evidence": ["At most 10."]})
    values = {
        "me": account.pk, "number": order_number[:33], "line": line_id, "staff": account.is_staff
    }  # fmt: skip
    found = rows(_DISPUTABLE, values)
    if not found:
        raise NotFound()
    side = Side.SHOP if found[0]["owns"] else Side.STAFF if account.is_staff else Side.PROMOTER
    try:
        with transaction.atomic():
            dispute = AttributionDispute.objects.create(
                commission_id=found[0]["id"],
                opened_by=account,
                side=side,
                claim=claim,
                evidence=list(evidence),
                opened_at=at,
            )
            _hold(dispute)
    except IntegrityError as error:
        raise DisputeOpen() from error
    return dispute


def of(account: Account) -> QuerySet[AttributionDispute]:
    """The disputes that the account has opened, and those about its shop's lines."""
    mine = Q(opened_by=account) | Q(commission__shop__account=account)
    return _shown().filter(mine)


def one_of(*, account: Account, dispute_id: int) -> AttributionDispute:
    """A dispute that the account may see: one of its own, or staff any.

    :raises NotFound: none such.
    """
    seen = _shown() if account.is_staff else of(account)
    dispute = seen.filter(pk=dispute_id).first()
    if dispute is None:
        raise NotFound()
    return dispute


def withdraw(*, account: Account, dispute_id: int, at: datetime) -> AttributionDispute:
    """Takes one's own dispute back.

    :raises NotFound: not the account's.
    :raises WrongState: it is decided already.
    """
    with transaction.atomic():
        dispute = _locked(dispute_id)
        if dispute.opened_by_id != account.pk:
            raise NotFound()
        _move(dispute, Status.WITHDRAWN, decided_by=account, decided_at=at)
        _release(dispute)
    return dispute


def propose(
    *, dispute_id: int, by: Any, role: str, handle: str, reason: str, at: datetime
) -> AttributionDispute:
    """The maker's proposal: the line is owed to this promoter or creator (`role`, `handle`), or,
    with an empty handle, to nobody. It may be made anew until it is approved.

    :raises NotAllowed: `by` lacks commissions.propose_override.
    :raises NotFound: no such dispute.
    :raises OwnDispute: `by` is a party.
    :raises ClaimMissing: no reason.
    :raises WinnerUnknown: nobody of this handle.
    :raises WrongState: it is decided already.
    """
    _need(by, PROPOSE)
    reason = _words(reason, MAX_REASON)
    winner = _winner(role, handle)
    with transaction.atomic():
        dispute = _locked(dispute_id)
        _no_party(dispute, by, winner)
        _move(
            dispute,
            Status.PROPOSED,
            proposed_promoter=winner.promoter,
            proposed_creator=winner.creator,
            proposed_version=overrides.seen_of(dispute.commission_id),
            proposed_by=by,
            proposed_at=at,
            reason=reason,
        )
        audit.note(
            actor=by, action="dispute.propose", target=dispute, at=at, reason=reason,
            role=role if handle else "", winner=handle,
        )  # fmt: skip
    return dispute


def approve(*, dispute_id: int, by: Any, at: datetime) -> AttributionOverride:
    """The checker's word: the override is written, the money moves, the dispute is settled.

    :raises NotAllowed: `by` lacks commissions.approve_override.
    :raises NotFound: no such dispute.
    :raises SameDecider: `by` proposed it.
    :raises OwnDispute: `by` is a party, or the new parts pay `by` or who proposed it.
    :raises WrongState: it is not `proposed`; somebody may have been first.
    And everything that `overrides.write` raises; then nothing moves.
    """
    _need(by, APPROVE)
    with transaction.atomic():
        dispute = _locked(dispute_id)
        if dispute.proposed_by_id == by.pk:
            raise SameDecider()
        winner = Winner(dispute.proposed_promoter, dispute.proposed_creator)
        _no_party(dispute, by, winner)
        _move(dispute, Status.SETTLED, only_from=[Status.PROPOSED], decided_by=by, decided_at=at)
        made = overrides.write(
            dispute_id=dispute.pk,
            commission_id=dispute.commission_id,
            winner=winner,
            seen=dispute.proposed_version or 0,
            prepared_by=dispute.proposed_by,
            approved_by=by,
            reason=dispute.reason,
            at=at,
        )
        # Inviters and agencies above the winner are known only now; nothing of it stays.
        _not_paid(dispute, by, dispute.proposed_by)
        _release(dispute)
        audit.note(actor=by, action="dispute.approve", target=dispute, at=at, override=made.pk)
    return made


def reject(*, dispute_id: int, by: Any, reason: str, at: datetime) -> AttributionDispute:
    """The line stays with whom it is; whoever disputed reads the reason.

    :raises NotAllowed: `by` may neither propose nor approve.
    :raises NotFound: no such dispute.
    :raises OwnDispute: `by` is a party.
    :raises ClaimMissing: no reason.
    :raises WrongState: it is decided already.
    """
    _need(by, PROPOSE, APPROVE)
    reason = _words(reason, MAX_REASON)
    with transaction.atomic():
        dispute = _locked(dispute_id)
        _no_party(dispute, by, Winner(None, None))
        _move(dispute, Status.REJECTED, reason=reason, decided_by=by, decided_at=at)
        _release(dispute)
        audit.note(actor=by, action="dispute.reject", target=dispute, at=at, reason=reason)
    return dispute


def _need(by: Any, *permissions: str) -> None:
    if not any(by.has_perm(permission) for permission in permissions):
        raise NotAllowed(f"This needs {' or '.join(permissions)}.")


def _words(text: str, most: int) -> str:
    text = text.strip()
    if not 1 <= len(text) <= most:
        raise ClaimMissing()
    return text


def _shown() -> QuerySet[AttributionDispute]:
    return AttributionDispute.objects.select_related(
        "commission__order_line__order",
        "opened_by",
        "proposed_promoter__account",
        "proposed_creator",
    )


def _locked(dispute_id: int) -> AttributionDispute:
    held = AttributionDispute.objects.select_for_update(no_key=True, of=("self",))
    dispute = held.filter(pk=dispute_id).first()
    if dispute is None:
        raise NotFound()
    return dispute


def _move(dispute: AttributionDispute, to: str, **changes: Any) -> None:
    move_one(dispute, transitions=AttributionDispute.TRANSITIONS, to=to, **changes)


def _winner(role: str, handle: str) -> Winner:
    if not handle:
        return Winner(None, None)
    if role == "promoter":
        promoter = Promoter.objects.filter(account__handle=handle).first()
        if promoter is not None:
            return Winner(promoter, None)
    elif role == "creator":
        creator = Account.objects.filter(handle=handle, is_active=True).first()
        if creator is not None:
            return Winner(None, creator)
    raise WinnerUnknown(fields={"handle": ["There is no such promoter or creator."]})


def _no_party(dispute: AttributionDispute, by: Any, winner: Winner) -> None:
    """Four eyes are no use if one pair looks at its own money: a payee's, the winner's, or the
    shop's, whose is what nobody is owed."""
    own_shop = CommissionOrder.objects.filter(pk=dispute.commission_id, shop__account=by)
    would = winner.promoter.account_id if winner.promoter else None
    if (
        by.pk in (would, winner.creator.pk if winner.creator else None)
        or (dispute.opened_by_id == by.pk and dispute.side != Side.STAFF)
        or own_shop.exists()
    ):
        raise OwnDispute()
    _not_paid(dispute, by)


def _not_paid(dispute: AttributionDispute, *people: Any) -> None:
    """:raises OwnDispute: the line pays one of them, in whatever role."""
    parts = CommissionSplit.objects.filter(commission=dispute.commission_id, payee__in=people)
    if parts.exists():
        raise OwnDispute()


# One row.
_LOCK = """
SELECT id FROM commissions_commissionorder WHERE id = %s AND held_reason = %s FOR NO KEY UPDATE
"""
_HOLD = """
UPDATE commissions_commissionorder SET held_reason = %s, version = version + 1
WHERE id = %s AND held_reason = %s AND status IN ('estimated', 'confirmed')
"""


def _hold(dispute: AttributionDispute) -> None:
    """Stops the clock, unless something else holds it already."""
    run(_HOLD, [DISPUTE, dispute.commission_id, ""])


def _release(dispute: AttributionDispute) -> None:
    """Lets the clock go on, unless a risk case was opened meanwhile: who opens one locks the order
    as well, so it is seen here, or sees that nothing holds the order."""
    if rows(_LOCK, [dispute.commission_id, DISPUTE]):
        other = still_held(dispute.commission_id)
        run(_HOLD, [other, dispute.commission_id, DISPUTE])
