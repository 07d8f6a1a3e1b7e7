"""Live sessions 直播间: announced, started, ended; their cards obey the rules of notes' cards."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count

from backend.accounts.models import Account
from backend.core.errors import Invalid, NotFound, Refusal, WrongState
from backend.core.sql import rows
from backend.core.states import move_one
from notes.cards import CardExists, require
from notes.models import LiveProduct, LiveSession

MAX_CARDS = 200
Status = LiveSession.Status


class AlreadyLive(Refusal):
    """The host is live in another session."""

    code = "already_live"
    status = 409
    title = "You are live in another session"


class ShowcaseFull(Invalid):
    """A session shows at most 200 products."""

    code = "showcase_full"
    title = "The session shows as many products as it may"


def schedule(*, host: Account, title: str, starts_at: datetime) -> LiveSession:
    """Announces a session."""
    return LiveSession.objects.create(host=host, title=title, starts_at=starts_at)


def start(*, account: Account, session_id: int, at: datetime) -> LiveSession:
    """Goes live.

    :raises NotFound: no such session of this account.
    :raises AlreadyLive: the host is live in another session.
    :raises WrongState: it is not scheduled.
    """
    try:
        return _move(account, session_id, Status.LIVE, started_at=at)
    except IntegrityError as error:
        raise AlreadyLive() from error


def end(*, account: Account, session_id: int, at: datetime) -> LiveSession:
    """Ends a live session.

    :raises NotFound: no such session of this account.
    :raises WrongState: it is not live.
    """
    return _move(account, session_id, Status.ENDED, ended_at=at)


def cancel(*, account: Account, session_id: int) -> LiveSession:
    """Calls an announced session off.

    :raises NotFound: no such session of this account.
    :raises WrongState: it is not scheduled.
    """
    return _move(account, session_id, Status.CANCELLED)


def _move(account: Account, session_id: int, to: str, **changes: Any) -> LiveSession:
    with transaction.atomic():
        session = _own(account, session_id)
        move_one(session, transitions=LiveSession.TRANSITIONS, to=to, **changes)
    return session


def _own(account: Account, session_id: int) -> LiveSession:
    found = LiveSession.objects.select_for_update(no_key=True, of=("self",))
    session = found.filter(pk=session_id, host=account).first()
    if session is None:
        raise NotFound()
    return session


def add_product(*, account: Account, session_id: int, product_id: int, at: datetime) -> LiveProduct:
    """Puts a product into the showcase, by the same rules as a note's card.

    :raises NotFound: no such session of this account, or no such product.
    :raises WrongState: the session is over.
    :raises GoodsNotePermissionRequired: others' goods without an approved application.
    :raises ProductNotOnSale: the product is not on sale.
    :raises ShopNotOpen: its shop is not open.
    :raises NoCommissionOffer: others' goods without an offer open to the host.
    :raises CardExists: the session shows it already.
    :raises ShowcaseFull: the session shows 200 products.
    """
    with transaction.atomic():
        session = _own(account, session_id)
        if session.status not in (Status.SCHEDULED, Status.LIVE):
            raise WrongState(f"The session is {session.status}", state=session.status)
        standing = require(author_id=account.pk, product_id=product_id, at=at)
        shown = session.cards.aggregate(count=Count("id"))["count"]
        if session.cards.filter(product_id=product_id).exists():
            raise CardExists()
        if shown >= MAX_CARDS:
            raise ShowcaseFull(limit=MAX_CARDS)
        return LiveProduct.objects.create(
            session=session, product_id=product_id, position=shown, origin=standing.origin
        )


_SOURCES = """
SELECT c.session_id AS source, c.product_id AS product FROM notes_liveproduct c
JOIN notes_livesession s ON s.id = c.session_id AND s.status IN ('live', 'ended')
JOIN unnest(%s::bigint[], %s::bigint[]) AS asked(source, product)
  ON asked.source = c.session_id AND asked.product = c.product_id
"""


def real_live_sources(pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those (session id, product id) pairs that a session which went on air showed."""
    found = rows(_SOURCES, [[pair[0] for pair in pairs], [pair[1] for pair in pairs]])
    return {(row["source"], row["product"]) for row in found}
