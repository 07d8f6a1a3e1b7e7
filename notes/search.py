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


MAX_RANKED = 2_000
WINDOW = 1_000

# The title counts most: as a whole, then as a part, then topics and body; within one rank `hot`.
# A word that very many notes hold is not ranked but walked by `hot`: on 100,000 notes of which
# two thirds held it, ranking them all took 478 ms. One of the two halves never runs; the second
# looks at WINDOW candidates a page, so that the confirmation of the text has an end as well.
_FOUND = """
WITH hits AS MATERIALIZED (
  SELECT n.id FROM notes_note n
  WHERE n.status = 'published' AND n.tsv @@ (%(terms)s::text)::tsquery LIMIT {most} + 1
), many AS MATERIALIZED (SELECT count(*) > {most} AS so FROM hits)
SELECT m.id, ARRAY[m.rank, m.hot] AS key FROM (
  (SELECT n.id, n.hot, CASE WHEN lower(n.title) = %(whole)s::text THEN 2
      WHEN strpos(lower(n.title), %(whole)s::text) > 0 THEN 1 ELSE 0 END::float8 AS rank
    FROM hits JOIN notes_note n ON n.id = hits.id
    JOIN accounts_account w ON w.id = n.author_id AND w.is_active
    WHERE NOT (SELECT so FROM many) {kind} {recheck})
  UNION ALL
  (SELECT n.id, n.hot, 0::float8 AS rank FROM (
      SELECT n.* FROM notes_note n WHERE (SELECT so FROM many) AND n.status = 'published'
        AND n.tsv @@ (%(terms)s::text)::tsquery {walked}
      ORDER BY n.hot DESC, n.id DESC LIMIT {window}) n
    JOIN accounts_account w ON w.id = n.author_id AND w.is_active
    WHERE true {kind} {recheck} ORDER BY n.hot DESC, n.id DESC LIMIT %(limit)s)
) m
{after} ORDER BY m.rank DESC, m.hot DESC, m.id DESC LIMIT %(limit)s
"""
_HOLDS = """
AND (strpos(n.title, %({run})s::text) > 0 OR strpos(n.body, %({run})s::text) > 0
  OR strpos(normalize(n.title || E'\\n' || n.body, NFKC), %({run})s::text) > 0
  OR EXISTS (SELECT 1 FROM notes_note_topics nt JOIN notes_topic x ON x.id = nt.topic_id
    WHERE nt.note_id = n.id AND strpos(normalize(x.name, NFKC), %({run})s::text) > 0))
"""
_AFTER = """
WHERE (m.rank, m.hot, m.id) < (%(rank)s::float8, %(hot)s::float8, %(id)s::bigint)
"""
_WALKED = "AND (n.hot, n.id) < (%(hot)s::float8, %(id)s::bigint)"


def notes(*, viewer: Account | None, part: feed.Slice, query: str, media: str = "all") -> feed.Page:
    """Published notes that hold every run of the query in title, body or topics; exact titles
    first, then titles, then the rest, each by `hot` (E6); where more than 2,000 notes match, all
    by `hot` alone. Key: rank, hot.

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
    kind = recheck = after = walked = ""
    if media != "all":
        kind, values["kind"] = "AND n.kind = %(kind)s", media
    for number, run in enumerate(runs):
        recheck += _HOLDS.format(run=f"run{number}")
        values[f"run{number}"] = run
    if part.after:
        after, walked = _AFTER, _WALKED
        values |= dict(zip(("rank", "hot", "id"), part.after, strict=True))
    page = _FOUND.format(
        kind=kind, recheck=recheck, after=after, walked=walked, most=MAX_RANKED, window=WINDOW
    )
    found, following = feed.decorated(page, values, viewer=viewer, part=part)
    if following:
        (rank, hot), last = following
        following = [rank, hot, last]
    return [feed.card(row) for row in found], following
