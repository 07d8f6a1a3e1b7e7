"""The nightly recount: every counter of notes, topics and accounts from its rows.

Counters are kept by the acts themselves; this finds what a bug or a bulk load left, mends it
and says how many rows differed. Rows are locked batch by batch before they are counted, so an
act under way adds to the right number afterwards.
"""

from datetime import datetime

from django.db import transaction

from backend.core.logs import get
from backend.core.sql import rows, run
from notes import ranking

log = get(__name__)
BATCH = 1_000
MAX_BATCHES = 100_000

_NOTES = """
UPDATE notes_note n SET like_count = s.likes, collect_count = s.collects,
  comment_count = s.comments
FROM (SELECT x.id,
    (SELECT count(*) FROM notes_like l WHERE l.note_id = x.id) AS likes,
    (SELECT count(*) FROM notes_collect c WHERE c.note_id = x.id) AS collects,
    (SELECT count(*) FROM notes_comment m
      WHERE m.note_id = x.id AND m.status = 'visible') AS comments
  FROM notes_note x WHERE x.id = ANY(%s::bigint[])) s
WHERE n.id = s.id AND (n.like_count, n.collect_count, n.comment_count)
  IS DISTINCT FROM (s.likes, s.collects, s.comments)
"""
_ACCOUNTS = """
UPDATE accounts_account a SET follower_count = s.followers, following_count = s.following,
  note_count = s.notes
FROM (SELECT x.id,
    (SELECT count(*) FROM notes_follow f WHERE f.followee_id = x.id) AS followers,
    (SELECT count(*) FROM notes_follow f WHERE f.follower_id = x.id) AS following,
    (SELECT count(*) FROM notes_note n
      WHERE n.author_id = x.id AND n.status = 'published') AS notes
  FROM accounts_account x WHERE x.id = ANY(%s::bigint[])) s
WHERE a.id = s.id AND (a.follower_count, a.following_count, a.note_count)
  IS DISTINCT FROM (s.followers, s.following, s.notes)
"""
_TOPICS = """
UPDATE notes_topic t SET note_count = s.notes
FROM (SELECT x.id, (SELECT count(*) FROM notes_note_topics nt
    JOIN notes_note n ON n.id = nt.note_id AND n.status = 'published'
    WHERE nt.topic_id = x.id) AS notes
  FROM notes_topic x WHERE x.id = ANY(%s::bigint[])) s
WHERE t.id = s.id AND t.note_count IS DISTINCT FROM s.notes
"""


def recount(*, at: datetime) -> dict[str, int]:
    """Mends every counter and every `hot`; returns how many notes, accounts and topics differed
    and how many notes were ranked. After a bulk load (seeds) this is the one call needed."""
    found = {"notes": 0, "accounts": 0, "topics": 0, "ranked": 0}
    for name, table, statement in (
        ("notes", "notes_note", _NOTES),
        ("accounts", "accounts_account", _ACCOUNTS),
        ("topics", "notes_topic", _TOPICS),
    ):
        last = 0
        for _ in range(MAX_BATCHES):
            with transaction.atomic():
                ids = _lock(table, last)
                if not ids:
                    break
                found[name] += run(statement, [ids])
                if name == "notes":
                    found["ranked"] += ranking.score_now(ids, at=at)
            last = ids[-1]
    if found["notes"] or found["accounts"] or found["topics"]:
        log.warning("the recount mended counters: %s", found)
    return found


def _lock(table: str, after: int) -> list[int]:
    statement = f"SELECT id FROM {table} WHERE id > %s ORDER BY id LIMIT %s FOR NO KEY UPDATE"
    return [row["id"] for row in rows(statement, [after, BATCH])]
