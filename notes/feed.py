"""Feeds: discover, follow, nearby, and every other list of notes; each is ONE statement.

A page is found first by its keyset, then decorated: so the database reads covers, authors and
likes of 20 notes, not of all. Cursors hold (key, id) of the last row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from backend.accounts.models import Account
from backend.core.errors import NotFound, Refusal
from backend.core.sql import read, rows
from notes.cards import AD_LABEL
from notes.engagement import MAX_FOLLOWS
from notes.models import Topic
from notes.reading import url_of
from shops.models import Product, Shop

Page = tuple[list[dict[str, Any]], list[Any] | None]


class CityRequired(Refusal):
    """Nearby needs a city."""

    code = "city_required"
    status = 400
    title = "Say which city: ?city=310000"


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of a list: `after` holds (key, id) of the last row seen."""

    size: int
    after: Sequence[Any] | None = None


@dataclass(slots=True)
class _Filter:
    """Conditions of a page with their parameters."""

    conditions: list[str] = field(default_factory=lambda: ["n.status = 'published'"])
    values: dict[str, Any] = field(default_factory=dict)

    def add(self, condition: str, **values: Any) -> None:
        self.conditions.append(condition)
        self.values.update(values)

    def sql(self) -> str:
        return " AND ".join(self.conditions)


_DECORATED = """
WITH page AS ({page})
SELECT n.id, n.kind, n.title, n.like_count, n.published_at, a.handle, a.display_name,
  a.verification, page.key, c.file, c.width, c.height, c.cover_crop, {more}
  EXISTS (SELECT 1 FROM notes_noteproduct x WHERE x.note_id = n.id) AS has_products,
  EXISTS (SELECT 1 FROM notes_like l
    WHERE l.note_id = n.id AND l.account_id = %(viewer)s::bigint) AS liked
FROM page JOIN notes_note n ON n.id = page.id JOIN accounts_account a ON a.id = n.author_id
LEFT JOIN LATERAL (
  SELECT f.file, f.width, f.height, m.cover_crop::json FROM notes_notemedia m
  JOIN notes_mediafile f ON f.id = m.file_id AND f.kind = 'image'
  WHERE m.note_id = n.id ORDER BY m.position LIMIT 1) c ON true
ORDER BY page.key DESC, n.id DESC
"""

_BY_HOT = """
SELECT n.id, n.hot AS key FROM notes_note n
JOIN accounts_account w ON w.id = n.author_id AND w.is_active
WHERE {where} ORDER BY n.hot DESC, n.id DESC LIMIT %(limit)s
"""


def decorated(
    page: str, values: dict[str, Any], *, viewer: Account | None, part: Slice, more: str = ""
) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """The rows of a page given as SQL that yields (id, key), and (key, id) of its last row where
    another page follows. `more` names further columns of the note, each with a comma behind it."""
    statement = _DECORATED.format(page=page, more=more)
    found = read(
        limited(statement, part.size + 1), {**values, "viewer": viewer.pk if viewer else 0}
    )
    kept = found[: part.size]
    following = [kept[-1]["key"], kept[-1]["id"]] if len(found) > part.size else None
    return kept, following


def limited(statement: str, rows: int) -> str:
    """The statement with its `%(limit)s` written out. As a parameter PostgreSQL cannot foresee it
    and plans a prepared statement anew each time: 0.4 of the 0.6 ms of discover's first page."""
    return statement.replace("%(limit)s", str(int(rows)))


def card(row: dict[str, Any]) -> dict[str, Any]:
    """A note as a feed shows it."""
    return {
        "type": "note",
        "id": row["id"],
        "kind": row["kind"],
        "title": row["title"],
        "cover": row["file"]
        and {
            "url": url_of(row["file"]),
            "width": row["width"],
            "height": row["height"],
            "crop": row["cover_crop"],
        },
        "author": {
            "handle": row["handle"],
            "display_name": row["display_name"],
            "verification": row["verification"],
        },
        "like_count": row["like_count"],
        "liked": row["liked"],
        "has_products": row["has_products"],
        "ad_label": AD_LABEL if row["has_products"] else None,
        "published_at": row["published_at"],
    }


def _cards(found: Page) -> Page:
    return [card(row) for row in found[0]], found[1]


def _by_hot(chosen: _Filter, viewer: Account | None, part: Slice) -> Page:
    if part.after:
        chosen.add(
            "(n.hot, n.id) < (%(hot)s::float8, %(id)s::bigint)", hot=part.after[0], id=part.after[1]
        )
    page = _BY_HOT.format(where=chosen.sql())
    return _cards(decorated(page, chosen.values, viewer=viewer, part=part))


def _kind(chosen: _Filter, media: str) -> None:
    if media != "all":
        chosen.add("n.kind = %(kind)s", kind=media)


def discover(
    *, viewer: Account | None, part: Slice, media: str = "all", goods: bool = True
) -> Page:
    """All published notes, the highest `hot` first (D3, E4); `media` all, image or video (E8);
    without `goods` no note with a product card (D15). Key: hot."""
    chosen = _Filter()
    _kind(chosen, media)
    if not goods:
        chosen.add("NOT EXISTS (SELECT 1 FROM notes_noteproduct x WHERE x.note_id = n.id)")
    return _by_hot(chosen, viewer, part)


def nearby(*, viewer: Account | None, part: Slice, city: str, media: str = "all") -> Page:
    """Published notes of a city (GB/T 2260 code), the highest `hot` first (E5). Key: hot.

    :raises CityRequired: no city was given.
    """
    if not city:
        raise CityRequired()
    chosen = _Filter()
    chosen.add("n.city_code = %(city)s AND n.city_code <> ''", city=city)
    _kind(chosen, media)
    return _by_hot(chosen, viewer, part)


def of_topic(*, viewer: Account | None, part: Slice, topic_id: int) -> Page:
    """Published notes of a topic, the highest `hot` first (D10). Key: hot.

    :raises NotFound: no such topic.
    """
    chosen = _Filter()
    chosen.add(
        "EXISTS (SELECT 1 FROM notes_note_topics t "
        "WHERE t.note_id = n.id AND t.topic_id = %(topic)s::bigint)",
        topic=topic_id,
    )
    return _of(Topic.objects.filter(pk=topic_id), _by_hot(chosen, viewer, part), part)


def of_product(*, viewer: Account | None, part: Slice, product_id: int) -> Page:
    """Published notes that show a product, the highest `hot` first. Key: hot.

    :raises NotFound: no such product, or out of the viewer's sight and in no note.
    """
    chosen = _Filter()
    chosen.add(
        "EXISTS (SELECT 1 FROM notes_noteproduct p "
        "WHERE p.note_id = n.id AND p.product_id = %(product)s::bigint)",
        product=product_id,
    )
    seen = Q(status=Product.Status.ON_SALE, shop__status=Shop.Status.OPEN)
    own = Q(shop__account=viewer.pk if viewer else None)
    product = Product.objects.filter(seen | own, pk=product_id)
    return _of(product, _by_hot(chosen, viewer, part), part)


def _of(thing: QuerySet, page: Page, part: Slice) -> Page:
    """The page of a thing's notes. Whether there is such a thing is asked only where there are
    none: a list of what does not exist does not exist either."""
    if not page[0] and part.after is None and not thing.exists():
        raise NotFound()
    return page


# LATERAL with the newest few of each followee: the one form without a bad case (measured over
# 200,000 notes: a reader of quiet authors waits 0.2 ms here, 40 to 98 ms for IN (subquery)).
_FOLLOW = """
SELECT f.id, f.published_at AS key FROM (
  SELECT %(viewer)s::bigint AS author_id
  UNION ALL
  (SELECT y.followee_id FROM notes_follow y JOIN accounts_account w
    ON w.id = y.followee_id AND w.is_active
   WHERE y.follower_id = %(viewer)s::bigint LIMIT %(followees)s)
) source
CROSS JOIN LATERAL (
  SELECT n.id, n.published_at FROM notes_note n
  WHERE n.author_id = source.author_id AND n.status = 'published' {after}
  ORDER BY n.published_at DESC, n.id DESC LIMIT %(limit)s) f
ORDER BY f.published_at DESC, f.id DESC LIMIT %(limit)s
"""
_MINE = """
SELECT n.id, n.{key} AS key FROM notes_note n
JOIN accounts_account w ON w.id = n.author_id AND w.is_active
WHERE {where} ORDER BY n.{key} DESC, n.id DESC LIMIT %(limit)s
"""
_BEFORE = "(n.published_at, n.id) < (%(at)s::timestamptz, %(id)s::bigint)"


def follow(*, viewer: Account, part: Slice) -> Page:
    """Notes of the accounts that the viewer follows and the viewer's own, newest first (E1, E2);
    at most 2,000 followees are read. Key: published_at."""
    values: dict[str, Any] = {"followees": MAX_FOLLOWS}
    after = ""
    if part.after:
        after = f"AND {_BEFORE}"
        values |= {"at": part.after[0], "id": part.after[1]}
    page = _FOLLOW.format(after=after)
    return _cards(decorated(page, values, viewer=viewer, part=part))


def of_author(*, viewer: Account | None, part: Slice, handle: str) -> Page:
    """Published notes of an account, newest first. Key: published_at.

    :raises NotFound: no such active account.
    """
    chosen = _Filter()
    chosen.add("w.handle = %(handle)s", handle=handle.lower()[:31])
    if part.after:
        chosen.add(_BEFORE, at=part.after[0], id=part.after[1])
    page = _MINE.format(key="published_at", where=chosen.sql())
    found = _cards(decorated(page, chosen.values, viewer=viewer, part=part))
    return _of(Account.objects.filter(handle=handle.lower()[:31], is_active=True), found, part)


def mine(*, account: Account, part: Slice, status: str = "") -> Page:
    """The account's own notes in every state but deleted, newest first, with status, revision
    and the reason of a takedown (D20). Key: created_at."""
    chosen = _Filter(conditions=["n.status <> 'deleted'"])
    chosen.add("n.author_id = %(author)s::bigint", author=account.pk)
    if status:
        chosen.add("n.status = %(status)s", status=status)
    if part.after:
        chosen.add("n.id < %(id)s::bigint", id=part.after[1])
    page = _MINE.format(key="id", where=chosen.sql())
    extra = ("status", "revision", "edited_at", "takedown_reason")
    more = "".join(f"n.{name}, " for name in extra)
    found, following = decorated(page, chosen.values, viewer=account, part=part, more=more)
    return [{**card(row), **{name: row[name] for name in extra}} for row in found], following


_COLLECTS = """
SELECT n.id, k.id AS key FROM notes_collect k
JOIN notes_note n ON n.id = k.note_id AND n.status = 'published'
JOIN accounts_account w ON w.id = n.author_id AND w.is_active
WHERE k.account_id = %(viewer)s::bigint {after} ORDER BY k.id DESC LIMIT %(limit)s
"""


def collects(*, viewer: Account, part: Slice) -> Page:
    """Notes that the viewer keeps, the last kept first. Key: the collect's id."""
    values: dict[str, Any] = {}
    after = ""
    if part.after:
        after, values = "AND k.id < %(last)s::bigint", {"last": part.after[0]}
    page = _COLLECTS.format(after=after)
    return _cards(decorated(page, values, viewer=viewer, part=part))


_COMMENTS = """
SELECT c.id, c.text, c.at, c.parent_id, a.handle, a.display_name, a.verification,
  coalesce(r.total, 0) AS answer_count, coalesce(r.first, '[]'::json) AS answers
FROM notes_comment c JOIN accounts_account a ON a.id = c.author_id
LEFT JOIN LATERAL (
  SELECT count(*) AS total, json_agg(json_build_object('id', x.id, 'text', x.text,
    'at', to_char(x.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'author', json_build_object('handle', b.handle, 'display_name', b.display_name,
      'verification', b.verification)) ORDER BY x.id) FILTER (WHERE x.nth <= 3) AS first
  FROM (SELECT y.*, row_number() OVER (ORDER BY y.id) AS nth FROM notes_comment y
    WHERE y.parent_id = c.id AND y.status = 'visible') x
  JOIN accounts_account b ON b.id = x.author_id) r ON c.parent_id IS NULL
WHERE c.note_id = %(note)s::bigint AND c.status = 'visible' AND {level} {after}
ORDER BY c.id DESC LIMIT %(limit)s
"""
_READABLE = """
SELECT 1 FROM notes_note n JOIN accounts_account w ON w.id = n.author_id
WHERE n.id = %s AND (n.status = 'published' AND w.is_active
  OR n.author_id = %s AND n.status <> 'deleted')
"""


def comments(
    *, viewer: Account | None, note_id: int, part: Slice, parent_id: int | None = None
) -> Page:
    """First-level comments of a note, newest first, each with its first 3 answers and their
    number; with `parent_id` all answers of that one. Everybody sees all of them (F2). Key: id.

    :raises NotFound: no such note, or not the viewer's to see.
    """
    if not rows(_READABLE, [note_id, viewer.pk if viewer else 0]):
        raise NotFound()
    values: dict[str, Any] = {"note": note_id}
    level, after = "c.parent_id IS NULL", ""
    if parent_id is not None:
        level, values["parent"] = "c.parent_id = %(parent)s::bigint", parent_id
    if part.after:
        after, values["last"] = "AND c.id < %(last)s::bigint", part.after[0]
    found = read(limited(_COMMENTS.format(level=level, after=after), part.size + 1), values)
    kept = found[: part.size]
    following = [kept[-1]["id"]] if len(found) > part.size else None
    return [_comment(row) for row in kept], following


def _comment(row: dict[str, Any]) -> dict[str, Any]:
    author = {name: row[name] for name in ("handle", "display_name", "verification")}
    names = ("id", "text", "at", "parent_id", "answer_count", "answers")
    return {**{name: row[name] for name in names}, "author": author}
