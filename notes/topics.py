"""Topics 话题: one row per name, compared without case, spaces and width."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from backend.core.errors import Invalid
from backend.core.sql import rows
from backend.core.texts import clean, skeleton
from notes.models import Topic

MAX_TOPICS = 10
MAX_NAME = 30
_MAX_SKELETON = 60
HOT_DAYS = 7


class BadTopic(Invalid):
    """A topic's name is empty, too long, or there are too many of them."""

    code = "bad_topic"
    title = "A topic's name has 1 to 30 characters; a note has at most 10 topics"


def named(names: Sequence[str]) -> list[Topic]:
    """The topics of these names, created on first use, each once, in the order given.

    :raises BadTopic: a name that is empty or too long, or more than 10 of them.
    """
    wanted: dict[str, str] = {}
    for name in names:
        plain = clean(name).strip("#").strip()
        key = skeleton(plain)
        if not key or len(plain) > MAX_NAME or len(key) > _MAX_SKELETON:
            raise BadTopic(fields={"topics": ["1 to 30 visible characters."]})
        wanted.setdefault(key, plain)
    if len(wanted) > MAX_TOPICS:
        raise BadTopic(fields={"topics": [f"At most {MAX_TOPICS}."]})
    found = {topic.skeleton: topic for topic in Topic.objects.filter(skeleton__in=wanted)}
    missing = sorted(set(wanted) - set(found))
    if missing:
        # Sorted, so that two notes that introduce the same topics wait instead of dead-locking.
        Topic.objects.bulk_create(
            [Topic(name=wanted[key], skeleton=key) for key in missing], ignore_conflicts=True
        )
        found = {topic.skeleton: topic for topic in Topic.objects.filter(skeleton__in=wanted)}
    return [found[key] for key in wanted]


def count_notes(topic_ids: Sequence[int], *, by: int) -> None:
    """Adds `by` to the published-note counters of these topics, in the order of their ids."""
    ids = sorted(set(topic_ids))
    if ids:
        locked = Topic.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=ids)
        list(locked.order_by("id").values_list("pk", flat=True))
        Topic.objects.filter(pk__in=ids).update(note_count=F("note_count") + by)


_HOT = """
SELECT t.id, t.name, t.note_count, count(DISTINCT p.account_id) AS participants
FROM (
    SELECT n.id AS note_id, n.author_id AS account_id FROM notes_note n
    WHERE n.status = 'published' AND n.published_at >= %(since)s
    UNION ALL
    SELECT c.note_id, c.author_id FROM notes_comment c
    JOIN notes_note n ON n.id = c.note_id AND n.status = 'published'
    WHERE c.status = 'visible' AND c.at >= %(since)s
) p
JOIN notes_note_topics nt ON nt.note_id = p.note_id
JOIN notes_topic t ON t.id = nt.topic_id
GROUP BY t.id ORDER BY participants DESC, t.id DESC LIMIT %(limit)s
"""


def hot(*, at: datetime, limit: int) -> list[dict[str, Any]]:
    """The topics with most participants of the last 7 days: distinct accounts that published or
    commented (D11)."""
    return rows(_HOT, {"since": at - timedelta(days=HOT_DAYS), "limit": limit})
