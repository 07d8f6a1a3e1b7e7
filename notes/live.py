"""Live sessions 直播间: announced, started, ended; their cards obey the rules of notes' cards."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet

from backend.accounts.models import Account
from backend.core.errors import Invalid, NotFound, Refusal, WrongState
from backend.core.sql import read, rows
from backend.core.states import move_one
from notes import ports
from notes.cards import CardExists, Shown, judged, require
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


# A session with its host and showcase: one statement.
_ROOM = """
SELECT r.id, r.title, r.status, r.starts_at, r.started_at, r.ended_at, r.host_id, a.handle,
  a.display_name, a.verification,
  (SELECT coalesce(json_agg(json_build_object('product', p.id, 'title', p.title,
      'image_url', p.image_url, 'price_fen',
      (SELECT min(k.price_fen) FROM shops_sku k WHERE k.product_id = p.id AND k.is_active),
      'shop', json_build_object('id', s.id, 'name', s.name),
      'status', p.status, 'shop_status', s.status, 'own', s.account_id = r.host_id)
      ORDER BY c.pinned_at IS NULL, c.position, c.id), '[]')
    FROM notes_liveproduct c JOIN shops_product p ON p.id = c.product_id
    JOIN shops_shop s ON s.id = p.shop_id WHERE c.session_id = r.id) AS cards,
  EXISTS (SELECT 1 FROM notes_goodsnoteapplication g
    WHERE g.account_id = r.host_id AND g.status = 'approved') AS permitted
FROM notes_livesession r JOIN accounts_account a ON a.id = r.host_id AND a.is_active
WHERE r.id = %(session)s::bigint AND r.status <> 'cancelled'
"""


def on_air(status: str = Status.LIVE.value) -> QuerySet[LiveSession]:
    """The sessions in a state, with their hosts, for a list."""
    return LiveSession.objects.filter(status=status, host__is_active=True).select_related("host")


def room(*, session_id: int, at: datetime) -> dict[str, Any]:
    """A session as everybody sees it, with the goods that it shows, the pinned one first; a
    product that may not be shown now says why.

    :raises NotFound: no such session, it was called off, or its host is gone.
    """
    found = read(_ROOM, {"session": session_id})
    if not found:
        raise NotFound()
    row = found[0]
    host = {name: row.pop(name) for name in ("handle", "display_name", "verification")}
    return {**row, "host": host, "cards": _shown(row, at)}


def _shown(row: dict[str, Any], at: datetime) -> list[dict[str, Any]]:
    author_id, permitted, cards = row.pop("host_id"), row.pop("permitted"), row.pop("cards")
    shown = [
        Shown(card["product"], card.pop("status"), card.pop("shop_status"), card.pop("own"))
        for card in cards
    ]
    found = judged(shown, author_id=author_id, permitted=permitted, at=at)
    return [
        {
            **card,
            "origin": found[card["product"]].origin,
            "available": not found[card["product"]].reason,
            "reason": found[card["product"]].reason or None,
        }
        for card in cards
    ]


def enter(
    *, session_id: int, viewer: Account | None, visitor: str, counts: bool, at: datetime
) -> dict[str, Any]:
    """`room` for who enters it: one that is on air and shows goods leaves a touch of the viewer
    where it `counts`, unless it is the viewer's own. What was announced or is over leaves none:
    nobody sold anything in it.

    :raises NotFound: no such session, it was called off, or its host is gone.
    """
    found = room(session_id=session_id, at=at)
    own = viewer is not None and viewer.handle == found["host"]["handle"]
    if counts and found["cards"] and found["status"] == Status.LIVE and not own:
        reader = viewer.pk if viewer else 0
        ports.opened("live", session_id, visitor=visitor, account_id=reader, at=at)
    return found


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
