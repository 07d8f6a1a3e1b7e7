"""Search over notes: an index finds candidates by terms, the text itself confirms them.

Pairs of characters find every note that could hold the words; a run of three characters or more
is then looked for in the text, so that nothing is found that does not hold it.
"""

import unicodedata
from typing import Any

from backend.accounts.models import Account
from backend.core.errors import Invalid
from notes import feed, terms

MAX_QUERY = 60


class EmptyQuery(Invalid):
    """The query holds nothing to look for."""

    code = "empty_query"
    title = "Say what to look for"


# The title counts most: as a whole, then as a part, then topics and body. Within one rank `hot`.
_FOUND = """
SELECT m.id, ARRAY[m.rank, m.hot] AS key FROM (
  SELECT n.id, n.hot, CASE WHEN t.title = %(whole)s::text THEN 2
    WHEN strpos(t.title, %(whole)s::text) > 0 THEN 1 ELSE 0 END::float8 AS rank
  FROM notes_note n
  JOIN accounts_account w ON w.id = n.author_id AND w.is_active
  CROSS JOIN LATERAL (SELECT lower(normalize(n.title, NFKC)) AS title) t
  WHERE n.status = 'published' AND n.tsv @@ (%(terms)s::text)::tsquery
  {kind} {recheck}) m
{after} ORDER BY m.rank DESC, m.hot DESC, m.id DESC LIMIT %(limit)s
"""
_RECHECK = """
AND NOT EXISTS (SELECT 1 FROM unnest(%(runs)s::text[]) AS asked(run)
  WHERE strpos(normalize(n.title || E'\\n' || n.body, NFKC), asked.run) = 0
  AND NOT EXISTS (SELECT 1 FROM notes_note_topics nt JOIN notes_topic x ON x.id = nt.topic_id
    WHERE nt.note_id = n.id AND strpos(normalize(x.name, NFKC), asked.run) > 0))
"""
_AFTER = """
WHERE (m.rank, m.hot, m.id) < (%(rank)s::float8, %(hot)s::float8, %(id)s::bigint)
"""


def notes(*, viewer: Account | None, part: feed.Slice, query: str, media: str = "all") -> feed.Page:
    """Published notes that hold every run of the query in title, body or topics; exact titles
    first, then titles, then the rest, each by `hot` (E6). Key: rank, hot.

    :raises EmptyQuery: nothing to look for, or more than 60 characters.
    """
    wanted = terms.query_terms(query)
    if not wanted or len(query) > MAX_QUERY:
        raise EmptyQuery(fields={"q": [f"1 to {MAX_QUERY} characters with a letter or digit."]})
    runs = [run for run in terms.runs(query) if terms.is_wide(run) and len(run) > 2]
    values: dict[str, Any] = {
        # Terms hold letters and digits alone, so a quoted term is one lexeme; a cast, for
        # to_tsquery would cut them again by rules of its own.
        "terms": " & ".join(f"'{term}'" for term in wanted),
        "whole": " ".join(unicodedata.normalize("NFKC", query).lower().split()),
    }
    kind = recheck = after = ""
    if media != "all":
        kind, values["kind"] = "AND n.kind = %(kind)s", media
    if runs:
        recheck, values["runs"] = _RECHECK, runs
    if part.after:
        after = _AFTER
        values |= dict(zip(("rank", "hot", "id"), part.after, strict=True))
    page = _FOUND.format(kind=kind, recheck=recheck, after=after)
    found, following = feed.decorated(page, values, viewer=viewer, part=part)
    if following:
        (rank, hot), last = following
        following = [rank, hot, last]
    return [feed.card(row) for row in found], following
