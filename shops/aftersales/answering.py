"""The shop's answer, the buyer's second thoughts, the parcel back, and what time decides."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from backend.accounts.models import Account
from backend.core.errors import NotFound
from backend.core.states import move, move_one
from shops import order_book
from shops.models import Refund, RefundLine

SEND_BACK_WITHIN = timedelta(days=7)
CONFIRM_WITHIN = timedelta(days=10)
BATCH = 200
Kind = Refund.Kind
Status = Refund.Status


def approve(*, account: Account, number: str, at: datetime) -> Refund:
    """The shop agrees. refund_only: the money goes back. return_refund: the buyer has seven days
    to send the goods.

    :raises NotFound: not a refund of the account's shop.
    :raises WrongState: it is no longer requested.
    """
    with transaction.atomic():
        refund = _locked(Q(number=number, order__shop__account=account))
        returns = refund.kind == Kind.RETURN_REFUND
        changes: dict[str, Any] = {"decided_at": at, "decided_by": account}
        if returns:
            changes["deadline_at"] = at + SEND_BACK_WITHIN
        to = Status.AWAITING_RETURN if returns else Status.REFUNDING
        _move(refund, to, actor=account, at=at, only_from=(Status.REQUESTED,), **changes)
    return refund


def reject(*, account: Account, number: str, reason: str, at: datetime) -> Refund:
    """The shop does not agree, and says why. The buyer may ask again, five times in all.

    :raises NotFound: not a refund of the account's shop.
    :raises WrongState: it is no longer requested.
    """
    with transaction.atomic():
        refund = _locked(Q(number=number, order__shop__account=account))
        _move(
            refund,
            Status.REJECTED,
            actor=account,
            at=at,
            decided_at=at,
            decided_by=account,
            reject_reason=reason,
        )
    return refund


def withdraw(*, account: Account, number: str, at: datetime) -> Refund:
    """The buyer lets it be.

    :raises NotFound: not a refund of the buyer's.
    :raises WrongState: the goods or the money are on their way.
    """
    with transaction.atomic():
        refund = _locked(Q(number=number, order__buyer=account))
        _move(refund, Status.WITHDRAWN, actor=account, at=at)
    return refund


def send_back(
    *, account: Account, number: str, carrier: str, tracking_number: str, at: datetime
) -> Refund:
    """The buyer has sent the goods; the shop has ten days to say that they have come.

    :raises NotFound: not a refund of the buyer's.
    :raises WrongState: nothing is awaited.
    """
    with transaction.atomic():
        refund = _locked(Q(number=number, order__buyer=account))
        _move(refund, Status.RETURNED, actor=account, at=at, deadline_at=at + CONFIRM_WITHIN)
        order_book.note(
            "return_parcel",
            order_ids=[refund.order_id],
            actor=account,
            at=at,
            refund=refund.number,
            carrier=carrier,
            tracking_number=tracking_number,
        )
    return refund


def confirm_return(*, account: Account, number: str, at: datetime) -> Refund:
    """The shop has the goods again: the money goes back.

    :raises NotFound: not a refund of the account's shop.
    :raises WrongState: nothing was sent back.
    """
    with transaction.atomic():
        refund = _locked(Q(number=number, order__shop__account=account))
        _move(refund, Status.REFUNDING, actor=account, at=at, only_from=(Status.RETURNED,))
    return refund


def _locked(which: Q) -> Refund:
    """The refund of this condition, its order locked first as everybody does."""
    refund = Refund.objects.filter(which).first()
    if refund is None:
        raise NotFound("No such refund.")
    refund.order = order_book.locked(Q(pk=refund.order_id))
    return refund


def _move(
    refund: Refund,
    to: Refund.Status,
    *,
    actor: Account,
    at: datetime,
    only_from: tuple[str, ...] | None = None,
    **changes: Any,
) -> None:
    move_one(refund, transitions=Refund.TRANSITIONS, to=to, only_from=only_from, **changes)
    if to not in Refund.OPEN:
        refund.lines.update(is_open=False)
    order_book.note(
        f"refund_{to.value}",
        order_ids=[refund.order_id],
        actor=actor,
        at=at,
        refund=refund.number,
    )


def answer_overdue(*, at: datetime) -> int:
    """Decides what was not answered in time; returns how many refunds.

    No answer of the shop: approved. No parcel of the buyer: closed. No word of the shop about a
    parcel: it counts as arrived. One batch of each a run; the next run goes on.
    """
    return sum(
        (
            _overdue(at, Q(status=Status.REQUESTED, kind=Kind.REFUND_ONLY), Status.REFUNDING),
            _overdue(
                at, Q(status=Status.REQUESTED, kind=Kind.RETURN_REFUND), Status.AWAITING_RETURN
            ),
            _overdue(at, Q(status=Status.AWAITING_RETURN), Status.CLOSED),
            _overdue(at, Q(status=Status.RETURNED), Status.REFUNDING),
        )
    )


def _overdue(at: datetime, which: Q, to: Refund.Status) -> int:
    with transaction.atomic():
        due = (
            Refund.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
            .filter(which, deadline_at__lte=at)
            .order_by("deadline_at", "id")
        )
        found = dict(due.values_list("id", "order_id")[:BATCH])
        changes: dict[str, Any] = {"decided_at": at}
        if to == Status.AWAITING_RETURN:
            changes["deadline_at"] = at + SEND_BACK_WITHIN
        rows = Refund.objects.filter(pk__in=found)
        moved = move(rows, transitions=Refund.TRANSITIONS, to=to, **changes)
        if to not in Refund.OPEN:
            RefundLine.objects.filter(refund__in=found).update(is_open=False)
        order_book.note(
            f"refund_{to.value}",
            order_ids=sorted(set(found.values())),
            actor=None,
            at=at,
            why="not answered in time",
        )
    return moved
