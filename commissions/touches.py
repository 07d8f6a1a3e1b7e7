"""Touches 触达: who came by which link, who opened which note or live room with goods. Recorded
without making the reader wait.

A click is written into a Redis stream together with a short-lived key that says what its click
id stands for; the beat moves the stream into rows. Where Redis is away the row is written at
once. An entry leaves the stream only after its row is committed, and a click id is unique, so a
lost acknowledgement or a second worker costs nothing.

What is opened goes into the same stream: one call of Redis, and none for a reader whom nothing
could join to an order later (not signed in, and no click before). Opened again within a minute it
is one touch. Where Redis is away it is left out: a reading page writes no row.
"""

import re
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction

from backend.accounts.models import Account
from backend.core import ids, redis
from backend.core.errors import NotFound, Refusal
from backend.core.logs import get
from backend.core.redis import RedisError, Script
from backend.core.sql import rows, value
from commissions import locks
from commissions.models import PromotionLink, Touch
from shops.ports import Click

log = get(__name__)

STREAM = "tuike:touches"
BATCH = 1_000
MAX_BATCHES = 100
CLICK_KEPT = 86_400  # seconds that a click id is known before its row is stored
LINK_KEPT = 300  # seconds
SAME_READING = 60  # seconds
ID_LENGTH = 22
_ID = re.compile(r"[1-9A-HJ-NP-Za-km-z]{22}")
CODE = re.compile(r"[1-9A-HJ-NP-Za-km-z]{4,16}")
_NOWHERE = "-"  # instead of an address: the link is no longer in use
_PATHS = {"product": "products", "note": "notes", "shop": "shops", "live": "live"}


# A click: into the stream, and under a key of its own for whoever pays before it is a row.
_WRITE = """
redis.call('XADD', KEYS[1], '*', 'click', ARGV[1], 'link', link, 'visitor', ARGV[2],
           'account', ARGV[3], 'at', ARGV[4])
redis.call('SET', KEYS[2], ARGV[5], 'EX', ARGV[6])
"""
_write = Script("local link = ARGV[7]" + _WRITE)
# The same behind two questions: where does the code lead, and how often has this caller asked?
PASS_BY = f"""
local link, url = string.match(redis.call('GET', KEYS[3]) or '', '^(%d+) (.+)$')
if not link or url == '-' then return nil end
local most = tonumber(ARGV[8])
if most > 0 then
  local count = redis.call('INCR', KEYS[4])
  if count == 1 then redis.call('EXPIRE', KEYS[4], ARGV[7]) end
  if count > most then return nil end
end
{_WRITE}
return url
"""
_pass_by = Script(PASS_BY)
# Content that was opened: into the stream, unless this reader has opened it a moment ago.
_OPENED = """
if redis.call('SET', KEYS[2], '', 'NX', 'EX', ARGV[7]) then
  redis.call('XADD', KEYS[1], '*', 'click', ARGV[1], 'kind', ARGV[2], 'content', ARGV[3],
             'visitor', ARGV[4], 'account', ARGV[5], 'at', ARGV[6])
end
"""
_opened = Script(_OPENED)


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
        "at": _micros(at),
    }
    try:
        _write([STREAM, _key(click_id)], [*_click(entry, code), route.link_id])
    except RedisError:
        log.warning("the touch stream did not answer; the touch is written at once")
        _store([entry])
    return Landing(f"{route.url}?click={click_id}", click_id, visitor)


def pass_by(
    *, code: str, visitor: str, at: datetime, meter: str, most: int, seconds: int
) -> Landing | None:
    """`record` for a reader who is not signed in, in one call of Redis together with the count of
    their calls: under the key `meter`, at most `most` (0: any number) within `seconds`. None, with
    nothing recorded, where `record` has to look closer: a code that Redis does not know, a link no
    longer in use, too many calls, Redis away."""
    visitor = visitor if _ID.fullmatch(visitor) else ids.code(ID_LENGTH)
    click_id = ids.code(ID_LENGTH)
    entry = {"click": click_id, "visitor": visitor, "account": 0, "at": _micros(at)}
    keys = [STREAM, _key(click_id), _link_key(code), meter]
    try:
        url = _pass_by(keys, [*_click(entry, code), seconds, most])
    except RedisError:
        return None
    return Landing(f"{url.decode()}?click={click_id}", click_id, visitor) if url else None


def content_opened(kind: str, content_id: int, visitor: str, account_id: int, at: datetime) -> None:
    """Somebody has opened a note or live room that shows goods; `account_id` 0 for who is not
    signed in. Never raises, and never waits longer than Redis is given."""
    visitor = visitor if _ID.fullmatch(visitor) else ""
    if not (account_id or visitor):
        return
    reader = account_id or visitor
    keys = [STREAM, f"tuike:opened:{kind}:{content_id}:{reader}"]
    fields = [ids.code(ID_LENGTH), kind, content_id, visitor, account_id, _micros(at)]
    try:
        _opened(keys, [*fields, SAME_READING])
    except RedisError:
        log.warning("the touch stream did not answer; an opened %s is left out", kind)


def _click(entry: dict[str, Any], code: str) -> list[Any]:
    """What `_WRITE` is told of a click."""
    fields = (entry[name] for name in ("click", "visitor", "account", "at"))
    return [*fields, code, CLICK_KEPT]


def _micros(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def read_click(click_id: str) -> Click | None:
    """What a click id stands for, from the moment of the click on; None for an unknown one."""
    if not _ID.fullmatch(click_id):
        return None
    try:
        code = redis.call("GET", _key(click_id))
    except RedisError:
        code = None
    if code is not None:
        return Click(code.decode())
    found = Touch.objects.filter(click_id=click_id, link__isnull=False)
    stored = found.values_list("link__code", flat=True).first()
    return Click(stored) if stored else None


# ---------------------------------------------------------------- from the stream to rows
_STORE = f"""
WITH stored AS (
    INSERT INTO commissions_touch (click_id, kind, link_id, content_id, visitor, account_id, at)
    SELECT w.click_id, w.kind, link.id, w.content_id, w.visitor, account.id, w.at
    FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::bigint[],
                %s::timestamptz[])
         AS w(click_id, kind, link_id, content_id, visitor, account_id, at)
    LEFT JOIN commissions_promotionlink link ON w.kind = 'referral' AND link.id = w.link_id
    LEFT JOIN accounts_account account ON account.id = w.account_id
    WHERE CASE w.kind WHEN 'referral' THEN link.id ELSE w.content_id END IS NOT NULL
    ORDER BY w.click_id
    ON CONFLICT (click_id) DO NOTHING RETURNING id, link_id, account_id, at
),
{locks.BOUND_BY_CLICKS}
SELECT count(*) FROM stored
"""


def store_touches(*, batch: int = BATCH) -> int:
    """Moves the stream into rows, at most 100 batches; returns how many rows are new. Any
    number of workers may run it: the second finds the click ids taken."""
    stored = 0
    for _ in range(MAX_BATCHES):
        try:
            entries = redis.call("XRANGE", STREAM, "-", "+", "COUNT", batch)
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
        redis.call("XDEL", STREAM, *names)
    except RedisError:
        log.warning("touches stay in the stream; storing them again adds nothing")


def _plain(entry: tuple[bytes, dict[bytes, bytes]]) -> dict[str, Any] | None:
    """The touch of a stream entry; None for one that is not ours, so that it cannot block the
    stream."""
    name, fields = entry
    try:
        return {
            "click": fields[b"click"].decode(),
            "kind": _KINDS[fields.get(b"kind", b"referral")],
            "link": int(fields.get(b"link", 0)),
            "content": int(fields.get(b"content", 0)),
            "visitor": fields[b"visitor"].decode(),
            "account": int(fields[b"account"]),
            "at": int(fields[b"at"]),
        }
    except (KeyError, ValueError):
        log.error("entry %s of the touch stream is not a touch and is dropped", name)
        return None


_KINDS = {kind.encode(): kind for kind in Touch.Kind.values}


def _store(entries: list[dict[str, Any]]) -> int:
    """The touches that are new, and the customers that they lock, in one statement."""
    return int(
        value(
            _STORE,
            [
                [entry["click"] for entry in entries],
                [entry.get("kind", Touch.Kind.REFERRAL.value) for entry in entries],
                [entry["link"] or None for entry in entries],
                [entry.get("content") or None for entry in entries],
                [entry["visitor"] for entry in entries],
                [entry["account"] or None for entry in entries],
                [datetime.fromtimestamp(entry["at"] / 1_000_000, UTC) for entry in entries],
            ],
        )
    )


# ---------------------------------------------------------------- where a code leads
_FIND = """
SELECT id, target_kind, target_id, disabled_at IS NOT NULL AS disabled
FROM commissions_promotionlink WHERE code = %s
"""


def _route(code: str) -> Route:
    if not CODE.fullmatch(code):
        raise NotFound()
    try:
        known = redis.call("GET", _link_key(code))
    except RedisError:
        known = None
    if known is not None:
        link, url = known.decode().split(" ", 1)
        return Route(int(link), url, url == _NOWHERE)
    found = rows(_FIND, [code])
    if not found:
        raise NotFound()
    link = found[0]
    url = f"{settings.PUBLIC_URL}/{_PATHS[link['target_kind']]}/{link['target_id']}"
    route = Route(link["id"], _NOWHERE if link["disabled"] else url, link["disabled"])
    try:
        redis.call("SET", _link_key(code), f"{route.link_id} {route.url}", "EX", LINK_KEPT)
    except RedisError:
        log.debug("the link is not cached")
    return route


def forget_link(code: str) -> None:
    """Drops a link from Redis, so that the next reader sees it as it is now."""
    try:
        redis.call("DEL", _link_key(code))
    except RedisError:
        log.warning("link %s may lead on for up to %s seconds", code, LINK_KEPT)


def _link_key(code: str) -> str:
    return f"tuike:link:{code}"


def _key(click_id: str) -> str:
    return f"tuike:click:{click_id}"


assert set(_PATHS) == set(PromotionLink.Target.values)
