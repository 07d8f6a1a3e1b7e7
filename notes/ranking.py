"""Ranking q1: content alone decides (D4, E12).

E = 1·likes + 1·collects + 4·commenters + 4·shares + 8·follows gained (settings RANKING_WEIGHTS),
distinct accounts, the author's own acts left out. quality = log10(max(1, E)) and
hot = quality + (published_at − epoch) / RANKING_SECONDS: ten times the engagement is worth two
days. The score never decays by itself, so a reader who pages sees no note twice (measured: 9
repeats and 9 gaps in 30 pages with a decaying score, none with this one). Cards, prices, sales,
commissions, followers and verification are not read anywhere in this module.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from backend.accounts.models import Account
from backend.core.errors import NotFound
from backend.core.sql import rows, run

VERSION = "q1"
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
BATCH = 500

# Share acts are not recorded in this version: their input is 0 and says so.
_INPUTS = """
SELECT n.id, n.author_id, n.hot, n.published_at, n.status, n.rank_version,
  (SELECT count(*) FROM notes_like x
    WHERE x.note_id = n.id AND x.account_id <> n.author_id) AS "like",
  (SELECT count(*) FROM notes_collect x
    WHERE x.note_id = n.id AND x.account_id <> n.author_id) AS "collect",
  (SELECT count(DISTINCT x.author_id) FROM notes_comment x
    WHERE x.note_id = n.id AND x.author_id <> n.author_id AND x.status = 'visible') AS "comment",
  0::bigint AS "share",
  (SELECT count(*) FROM notes_follow x
    WHERE x.via_note_id = n.id AND x.followee_id = n.author_id) AS "follow"
FROM notes_note n WHERE n.id = ANY(%(ids)s::bigint[])
"""

_SCORES = f"""
SELECT s.*, q.engagement, q.quality,
  q.quality +
    (extract(epoch FROM least(s.published_at, %(at)s::timestamptz))::float8 - %(epoch)s::float8)
      / %(seconds)s::float8 AS score
FROM ({_INPUTS}) s
CROSS JOIN LATERAL (SELECT e.engagement, log(greatest(1, e.engagement)::float8) AS quality
  FROM (SELECT %(w_like)s::bigint * s."like" + %(w_collect)s::bigint * s."collect"
    + %(w_comment)s::bigint * s."comment" + %(w_share)s::bigint * s."share"
    + %(w_follow)s::bigint * s."follow" AS engagement) e) q
"""

_STORE = f"""
UPDATE notes_note n SET hot = r.score, rank_version = %(version)s, rank_due = false
FROM ({_SCORES}) r WHERE n.id = r.id
"""

_LOCK_DUE = """
SELECT id FROM notes_note WHERE rank_due ORDER BY id LIMIT %s
FOR NO KEY UPDATE SKIP LOCKED
"""
# Also where it is marked already: the write waits for a ranking under way, whose count would
# otherwise miss this act and clear the mark.
_MARK = "UPDATE notes_note SET rank_due = true WHERE id = %s"


def _parameters(ids: Sequence[int], at: datetime) -> dict[str, Any]:
    weights = {f"w_{name}": weight for name, weight in settings.RANKING_WEIGHTS.items()}
    return {
        "ids": list(ids),
        "at": at,
        "epoch": EPOCH.timestamp(),
        "seconds": settings.RANKING_SECONDS,
        "version": VERSION,
        **weights,
    }


def score_now(note_ids: Sequence[int], *, at: datetime) -> int:
    """Sets `hot` of these notes from rows; the caller holds their locks. Returns how many."""
    return run(_STORE, _parameters(note_ids, at)) if note_ids else 0


def mark(note_id: int) -> None:
    """Notes that a note's rank is due, in the transaction of the act."""
    run(_MARK, [note_id])


def rank_notes(*, at: datetime, batches: int = 200) -> int:
    """Recomputes `hot` of every note acted on since its last ranking; returns how many.

    The mark stands in the note's own row: losing Redis loses nothing. Rows are locked before
    they are counted, so an act that commits meanwhile marks the note again.
    """
    done = 0
    for _ in range(batches):
        with transaction.atomic():
            ids = [row["id"] for row in rows(_LOCK_DUE, [BATCH])]
            done += score_now(ids, at=at)
        if len(ids) < BATCH:
            break
    return done


def explain(*, note_id: int, account: Account, at: datetime) -> dict[str, Any]:
    """Why a note stands where it stands, for its author or staff: inputs, weights, score.

    `score` follows from the inputs given here; `stored_score` is what the feeds order by until
    the next ranking.

    :raises NotFound: no such note of this account.
    """
    found = rows(_SCORES, _parameters([note_id], at))
    if not found or found[0]["status"] == "deleted":
        raise NotFound()
    row = found[0]
    if row["author_id"] != account.pk and not account.is_staff:
        raise NotFound()
    return {
        "version": VERSION,
        "inputs": {name: row[name] for name in settings.RANKING_WEIGHTS},
        "weights": dict(settings.RANKING_WEIGHTS),
        "engagement": row["engagement"],
        "quality": row["quality"],
        "published_at": row["published_at"],
        "epoch": EPOCH,
        "seconds": settings.RANKING_SECONDS,
        "score": row["score"],
        "stored_score": row["hot"],
    }
