"""Touches 触达: who came by which link. Recorded without making the reader wait.

A click is written into a Redis stream together with a short-lived key that says what its click
id stands for; the beat moves the stream into rows. Where Redis is away the row is written at
once. An entry leaves the stream only after its row is committed, and a click id is unique, so a
lost acknowledgement or a second worker costs nothing.
"""

import re
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from redis.exceptions import RedisError

from backend.accounts.models import Account
from backend.core import ids
from backend.core.errors import NotFound, Refusal
from backend.core.logs import get
from backend.core.sql import rows, run
from commissions.models import PromotionLink, Touch
from shops.ports import Click

log = get(__name__)

STREAM = "tuike:touches"
BATCH = 1_000
MAX_BATCHES = 100
CLICK_KEPT = 86_400  # seconds that a click id is known before its row is stored
LINK_KEPT = 300  # seconds
ID_LENGTH = 22
_ID = re.compile(r"[1-9A-HJ-NP-Za-km-z]{22}")
_CODE = re.compile(r"[1-9A-HJ-NP-Za-km-z]{4,16}")
_PATHS = {"product": "products", "note": "notes", "shop": "shops", "live": "live"}


class LinkDisabled(Refusal):
    """The link led somewhere once."""

    code = "link_disabled"
    status = 410
    title = "The link is no longer in use"


class Route(NamedTuple):
    """Where a code leads."""

    link_id: int
    url: str
    disabled: bool


class Landing(NamedTuple):
    """Where a reader is sent, and the id of the click where it counted."""

    url: str
    click_id: str | None
    visitor: str


def record(
    *, code: str, visitor: str, account: Account | None, at: datetime, counts: bool = True
) -> Landing:
    """Follows a link: where to go, with `click=<click id>` where the click counts. `visitor` is
    the opaque id of the reader's cookie; a malformed one is replaced.

    :raises NotFound: no such code.
    :raises LinkDisabled: the link is no longer in use.
    """
    route = _route(code)
    if route.disabled:
        raise LinkDisabled()
    visitor = visitor if _ID.fullmatch(visitor) else ids.code(ID_LENGTH)
    if not counts:
        return Landing(route.url, None, visitor)
    click_id = ids.code(ID_LENGTH)
    entry = {
        "click": click_id,
        "link": route.link_id,
        "visitor": visitor,
        "account": account.pk if account else 0,
        "at": int(at.timestamp() * 1_000_000),
    }
    try:
        pipe = _client().pipeline(transaction=False)
        pipe.xadd(STREAM, entry)
        pipe.set(_key(click_id), code, ex=CLICK_KEPT)
        pipe.execute()
    except RedisError:
        log.warning("the touch stream did not answer; the touch is written at once")
        _store([entry])
    return Landing(f"{route.url}?click={click_id}", click_id, visitor)


def read_click(click_id: str) -> Click | None:
    """What a click id stands for, from the moment of the click on; None for an unknown one."""
    if not _ID.fullmatch(click_id):
        return None
    try:
        code = _client().get(_key(click_id))
    except RedisError:
        code = None
    if code is not None:
        return Click(code.decode())
    found = Touch.objects.filter(click_id=click_id, link__isnull=False)
    stored = found.values_list("link__code", flat=True).first()
    return Click(stored) if stored else None


# ---------------------------------------------------------------- from the stream to rows
_STORE = """
INSERT INTO commissions_touch (click_id, kind, link_id, visitor, account_id, at)
SELECT w.click_id, 'referral', link.id, w.visitor, account.id, w.at
FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::bigint[], %s::timestamptz[])
     AS w(click_id, link_id, visitor, account_id, at)
JOIN commissions_promotionlink link ON link.id = w.link_id
LEFT JOIN accounts_account account ON account.id = w.account_id
ORDER BY w.click_id
ON CONFLICT (click_id) DO NOTHING
"""


def store_touches(*, batch: int = BATCH) -> int:
    """Moves the stream into rows, at most 100 batches; returns how many rows are new. Any
    number of workers may run it: the second finds the click ids taken."""
    stored = 0
    for _ in range(MAX_BATCHES):
        try:
            entries = _client().xrange(STREAM, count=batch)
        except RedisError:
            log.warning("the touch stream did not answer; the next beat tries again")
            return stored
        if not entries:
            return stored
        with transaction.atomic():
            stored += _store([plain for plain in map(_plain, entries) if plain])
            names = [name for name, _ in entries]
            transaction.on_commit(partial(_acknowledge, names))
        if len(entries) < batch:
            return stored
    return stored


def _acknowledge(names: list[bytes]) -> None:
    try:
        _client().xdel(STREAM, *names)
    except RedisError:
        log.warning("touches stay in the stream; storing them again adds nothing")


def _plain(entry: tuple[bytes, dict[bytes, bytes]]) -> dict[str, Any] | None:
    """The touch of a stream entry; None for one that is not ours, so that it cannot block the
    stream."""
    name, fields = entry
    try:
        return {
            "click": fields[b"click"].decode(),
            "link": int(fields[b"link"]),
            "visitor": fields[b"visitor"].decode(),
            "account": int(fields[b"account"]),
            "at": int(fields[b"at"]),
        }
    except (KeyError, ValueError):
        log.error("entry %s of the touch stream is not a touch and is dropped", name)
        return None


def _store(entries: list[dict[str, Any]]) -> int:
    return run(
        _STORE,
        [
            [entry["click"] for entry in entries],
            [entry["link"] for entry in entries],
            [entry["visitor"] for entry in entries],
            [entry["account"] or None for entry in entries],
            [datetime.fromtimestamp(entry["at"] / 1_000_000, UTC) for entry in entries],
        ],
    )


# ---------------------------------------------------------------- where a code leads
_FIND = """
SELECT id, target_kind, target_id, disabled_at IS NOT NULL AS disabled
FROM commissions_promotionlink WHERE code = %s
"""


def _route(code: str) -> Route:
    if not _CODE.fullmatch(code):
        raise NotFound()
    name = f"link:{code}"
    try:
        known = cache.get(name)
    except RedisError:
        known = None
    if known is not None:
        return Route(*known)
    found = rows(_FIND, [code])
    if not found:
        raise NotFound()
    link = found[0]
    path = _PATHS[link["target_kind"]]
    route = Route(link["id"], f"{settings.PUBLIC_URL}/{path}/{link['target_id']}", link["disabled"])
    try:
        cache.set(name, tuple(route), LINK_KEPT)
    except RedisError:
        log.debug("the link is not cached")
    return route


def forget_link(code: str) -> None:
    """Drops a link from the cache, so that the next reader sees it as it is now."""
    try:
        cache.delete(f"link:{code}")
    except RedisError:
        log.warning("link %s may lead on for up to %s seconds", code, LINK_KEPT)


def _key(click_id: str) -> str:
    return f"tuike:click:{click_id}"


def _client() -> Any:
    return cache._cache.get_client(None, write=True)  # type: ignore[attr-defined]


assert set(_PATHS) == set(PromotionLink.Target.values)
