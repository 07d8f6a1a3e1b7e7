"""One note as everybody reads it: one statement, and one of the commissions room where it shows
others' goods."""

from datetime import datetime
from typing import Any

from django.conf import settings

from backend.accounts.models import Account
from backend.core.errors import NotFound
from backend.core.sql import read
from notes import ports
from notes.cards import AD_LABEL, Shown, judged

_MEDIA_URL = settings.MEDIA_URL

_PAGE = """
SELECT n.id, n.kind, n.title, n.body, n.city_code, n.status, n.takedown_reason, n.revision,
  n.published_at, n.edited_at, n.like_count, n.collect_count, n.comment_count, n.share_count,
  n.author_id, a.handle, a.display_name, a.verification, a.is_active,
  EXISTS (SELECT 1 FROM notes_like l
    WHERE l.note_id = n.id AND l.account_id = %(viewer)s::bigint) AS liked,
  EXISTS (SELECT 1 FROM notes_collect c
    WHERE c.note_id = n.id AND c.account_id = %(viewer)s::bigint) AS collected,
  (SELECT coalesce(json_agg(json_build_object('id', t.id, 'name', t.name) ORDER BY nt.id), '[]')
    FROM notes_note_topics nt JOIN notes_topic t ON t.id = nt.topic_id
    WHERE nt.note_id = n.id) AS topics,
  (SELECT coalesce(json_agg(json_build_object('id', f.id, 'kind', f.kind, 'file', f.file,
      'width', f.width, 'height', f.height, 'cover_crop', m.cover_crop, 'labels', m.labels)
      ORDER BY m.position), '[]')
    FROM notes_notemedia m JOIN notes_mediafile f ON f.id = m.file_id
    WHERE m.note_id = n.id) AS media,
  (SELECT coalesce(json_agg(json_build_object('product', p.id, 'title', p.title,
      'image_url', p.image_url, 'price_fen',
      (SELECT min(k.price_fen) FROM shops_sku k WHERE k.product_id = p.id AND k.is_active),
      'shop', json_build_object('id', s.id, 'name', s.name),
      'status', p.status, 'shop_status', s.status, 'own', s.account_id = n.author_id)
      ORDER BY c.position, c.id), '[]')
    FROM notes_noteproduct c JOIN shops_product p ON p.id = c.product_id
    JOIN shops_shop s ON s.id = p.shop_id WHERE c.note_id = n.id) AS cards,
  EXISTS (SELECT 1 FROM notes_goodsnoteapplication g
    WHERE g.account_id = n.author_id AND g.status = 'approved') AS permitted
FROM notes_note n JOIN accounts_account a ON a.id = n.author_id
WHERE n.id = %(note)s::bigint AND n.status <> 'deleted'
"""


def page(*, note_id: int, viewer: Account | None, at: datetime) -> dict[str, Any]:
    """A note: a published one for everybody, one in another state for its author.

    :raises NotFound: no such note, or not the viewer's to see.
    """
    viewer_id = viewer.pk if viewer else 0
    found = read(_PAGE, {"note": note_id, "viewer": viewer_id})
    if not found:
        raise NotFound()
    row = found[0]
    public = row["status"] == "published" and row["is_active"]
    if not public and row["author_id"] != viewer_id:
        raise NotFound()
    return _rendered(row, at)


def open_page(
    *, note_id: int, viewer: Account | None, visitor: str, counts: bool, at: datetime
) -> dict[str, Any]:
    """`page` for who opens it in order to read: a published note with goods leaves a touch of the
    reader where it `counts`, unless it is the reader's own. The page is read first, and by the
    same one statement.

    :raises NotFound: no such note, or not the viewer's to see.
    """
    found = page(note_id=note_id, viewer=viewer, at=at)
    own = viewer is not None and viewer.handle == found["author"]["handle"]
    if counts and found["cards"] and found["status"] == "published" and not own:
        reader = viewer.pk if viewer else 0
        ports.opened("note", note_id, visitor=visitor, account_id=reader, at=at)
    return found


def url_of(file: str) -> str:
    """Where a stored file is served."""
    return f"{_MEDIA_URL}{file}"


def _rendered(row: dict[str, Any], at: datetime) -> dict[str, Any]:
    media = [_medium(item) for item in row["media"]]
    cards = _cards(row, at)
    return {
        "id": row["id"],
        "kind": row["kind"],
        "title": row["title"],
        "body": row["body"],
        "topics": row["topics"],
        "city_code": row["city_code"],
        "author": {
            "handle": row["handle"],
            "display_name": row["display_name"],
            "verification": row["verification"],
        },
        "cover": _cover(media),
        "media": media,
        "cards": cards,
        "has_products": bool(cards),
        "ad_label": AD_LABEL if cards else None,
        "status": row["status"],
        "takedown_reason": row["takedown_reason"],
        "revision": row["revision"],
        "published_at": row["published_at"],
        "edited_at": row["edited_at"],
        "like_count": row["like_count"],
        "collect_count": row["collect_count"],
        "comment_count": row["comment_count"],
        "share_count": row["share_count"],
        "liked": row["liked"],
        "collected": row["collected"],
    }


def _medium(item: dict[str, Any]) -> dict[str, Any]:
    file = item.pop("file")
    return {**item, "url": url_of(file)}


def _cover(media: list[dict[str, Any]]) -> dict[str, Any] | None:
    first = next((item for item in media if item["kind"] == "image"), None)
    return first and {
        "url": first["url"],
        "width": first["width"],
        "height": first["height"],
        "crop": first["cover_crop"],
    }


def _cards(row: dict[str, Any], at: datetime) -> list[dict[str, Any]]:
    cards = row["cards"]
    shown = [
        Shown(card["product"], card.pop("status"), card.pop("shop_status"), card.pop("own"))
        for card in cards
    ]
    found = judged(shown, author_id=row["author_id"], permitted=row["permitted"], at=at)
    return [
        {
            **card,
            "origin": found[card["product"]].origin,
            "available": not found[card["product"]].reason,
            "reason": found[card["product"]].reason or None,
        }
        for card in cards
    ]
