"""The tree of promoters, read: who stands below somebody now, and who stood above whom at an
instant, as it was known at another (X6).

A team are the two levels below a promoter, whom they invited and whom these invited: nobody sees
further, by no address. What a team sold is counted by a job (`count_promoters`), not by the page.
"""

from datetime import datetime, timedelta
from typing import Any

from backend.accounts.models import Account
from backend.core.errors import NotAllowed, NotFound
from backend.core.sql import read, rows, run
from commissions import promoters

DAYS = 30
SIGHT = "commissions.view_promoter"

# A page of one level, the newest first. Whom one has invited stands in the index of the sponsors in
# this order: the second level takes the newest of each of the first, and of these the newest.
_PAGE = """
WITH page AS ({newest})
SELECT p.id, a.display_name, p.status, p.joined_at,
    (SELECT count(*) FROM commissions_promoter i
     WHERE i.sponsor_id = p.id AND i.status <> 'left') AS invited,
    c.promoter_id IS NOT NULL AS is_active
FROM page JOIN commissions_promoter p ON p.id = page.id
JOIN accounts_account a ON a.id = p.account_id
LEFT JOIN commissions_promotercount c ON c.promoter_id = p.id
    AND c.as_of > %(since)s::timestamptz
ORDER BY p.id DESC
"""
_NEWEST = """
SELECT id FROM commissions_promoter WHERE sponsor_id = {head} AND status <> 'left'
    AND id < %(before)s::bigint ORDER BY id DESC LIMIT %(size)s
"""
_FIRST = "SELECT id, status FROM commissions_promoter WHERE sponsor_id = %(head)s::bigint"
_PAGES = {
    1: _PAGE.format(newest=_NEWEST.format(head="%(head)s::bigint")),
    2: _PAGE.format(
        newest=f"""SELECT n.id FROM ({_FIRST}) f
        CROSS JOIN LATERAL ({_NEWEST.format(head="f.id")}) n ORDER BY n.id DESC LIMIT %(size)s"""
    ),
}
_TOTALS = f"""
WITH first AS MATERIALIZED ({_FIRST}),
team AS (
    SELECT 1 AS level, id, status FROM first
    UNION ALL
    SELECT 2, p.id, p.status FROM first JOIN commissions_promoter p ON p.sponsor_id = first.id
)
SELECT team.level, count(*) FILTER (WHERE team.status <> 'left') AS people,
    count(c.promoter_id) AS active, coalesce(sum(c.lines), 0)::bigint AS lines,
    coalesce(sum(c.gmv_fen), 0)::bigint AS gmv_fen,
    coalesce(sum(c.commission_fen), 0)::bigint AS commission_fen
FROM team LEFT JOIN commissions_promotercount c ON c.promoter_id = team.id
    AND c.as_of > %(since)s::timestamptz
GROUP BY team.level ORDER BY team.level
"""
_AS_OF = "SELECT max(as_of) AS as_of FROM commissions_promotercount"


def masked(name: str) -> str:
    """A name by which somebody is recognised who is known already: its first character."""
    return f"{name[:1]}**" if name else "**"


def page(
    account: Account, *, level: int, at: datetime, before: int = 2**63 - 1, size: int = 20
) -> list[dict[str, Any]]:
    """The promoters of a level (1 or 2) below the caller with ids below `before`, the newest
    first, by masked names; one statement.

    :raises NotFound: the caller never joined.
    """
    values = {"head": promoters.of(account).pk, "before": before, "size": size}
    found = read(_PAGES[level], values | {"since": at - timedelta(days=1)})
    for row in found:
        row["name"] = masked(row.pop("display_name"))
    return found


def totals(account: Account, *, at: datetime) -> dict[str, Any]:
    """How many people each level has, how many of them sold in the last 30 days, and what: counted
    at `as_of`, which is empty where nobody sold.

    :raises NotFound: the caller never joined.
    """
    head = promoters.of(account).pk
    found = read(_TOTALS, {"head": head, "since": at - timedelta(days=1)})
    empty = {"people": 0, "active": 0, "lines": 0, "gmv_fen": 0, "commission_fen": 0}
    known = {row["level"]: row for row in found}
    levels = [{"level": level, **empty, **known.get(level, {})} for level in (1, 2)]
    return {"days": DAYS, "as_of": read(_AS_OF)[0]["as_of"], "levels": levels}


# ---------------------------------------------------------------- the count
# What a member's part is, and what of it is passed on: of a promoter, of an agency below another.
# Whose a line is says the override that stands, where there is one, else the attribution.
_COUNT = """
WITH anew AS MATERIALIZED (
    SELECT DISTINCT ON (commission_id) commission_id, {key} AS whose
    FROM commissions_attributionoverride ORDER BY commission_id, number DESC
),
sold AS (
    SELECT owed.id, count(*) AS lines, sum(c.base_fen - c.refunded_fen) AS gmv_fen,
        sum(s.part) AS part_fen, sum(s.part - s.kept) AS passed_on_fen
    FROM commissions_commissionorder c
    JOIN commissions_attribution a ON a.id = c.attribution_id
    LEFT JOIN anew ON anew.commission_id = c.id
    CROSS JOIN LATERAL (SELECT CASE WHEN anew.commission_id IS NULL THEN a.{key}
        ELSE anew.whose END AS id) owed
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_fen - reversed_fen), 0) AS part,
            coalesce(sum(amount_fen - reversed_fen) FILTER (WHERE role = '{member}'), 0) AS kept
        FROM commissions_commissionsplit
        WHERE commission_id = c.id AND role IN ({roles})) s
    WHERE c.accrued_at > %(since)s::timestamptz AND c.accrued_at <= %(at)s::timestamptz
      AND c.status <> 'invalid' AND owed.id IS NOT NULL
    GROUP BY owed.id
)
INSERT INTO {table} AS known ({columns}, as_of)
SELECT {values}, %(at)s::timestamptz FROM sold ORDER BY id
ON CONFLICT ({own}) DO UPDATE SET ({columns}, as_of) = ROW(excluded.*)
WHERE known.as_of < excluded.as_of
"""
_PROMOTER_COUNT = _COUNT.format(
    key="promoter_id",
    member="promoter",
    roles="'promoter', 'agency', 'agency2'",
    table="commissions_promotercount",
    own="promoter_id",
    columns="promoter_id, lines, gmv_fen, commission_fen",
    values="id, lines, gmv_fen, part_fen",
)
_OF_EDGES = {
    "table": "commissions_agencycount",
    "own": "edge_id",
    "columns": "edge_id, lines, gmv_fen, part_fen, passed_on_fen",
    "values": "id, lines, gmv_fen, part_fen, passed_on_fen",
}
_MEMBER_COUNT = _COUNT.format(
    key="membership_id", member="promoter", roles="'promoter', 'agency', 'agency2'", **_OF_EDGES
)
_AGENCY_COUNT = _COUNT.format(
    key="affiliation_id", member="agency", roles="'agency', 'agency2'", **_OF_EDGES
)
_GONE = (
    "DELETE FROM commissions_promotercount WHERE as_of < %s::timestamptz",
    "DELETE FROM commissions_agencycount WHERE as_of < %s::timestamptz",
)


def count_promoters(*, at: datetime) -> int:
    """Counts anew what every promoter, and every membership of an agency, sold in the 30 days
    before `at`, in five statements however many there are; how many promoters sold. Who sold
    nothing has no row."""
    asked = {"at": at, "since": at - timedelta(days=DAYS)}
    counted, _, _ = (run(count, asked) for count in (_PROMOTER_COUNT, _MEMBER_COUNT, _AGENCY_COUNT))
    for gone in _GONE:
        run(gone, [at])
    return counted


# ---------------------------------------------------------------- as of
# The last edge that had begun, among those that were known: a correction that was recorded later
# is not.
_UPLINES = """
WITH RECURSIVE up AS (
    SELECT 0 AS level, %(promoter)s::bigint AS id
    UNION ALL
    SELECT up.level + 1, edge.sponsor_id FROM up CROSS JOIN LATERAL (
        SELECT e.sponsor_id FROM commissions_sponsoredge e
        WHERE e.promoter_id = up.id AND e.from_at <= %(at)s::timestamptz
          AND e.recorded_at <= %(known_at)s::timestamptz
        ORDER BY e.from_at DESC, e.id DESC LIMIT 1) edge
    WHERE edge.sponsor_id IS NOT NULL
)
SELECT up.level, p.id, a.handle, a.display_name, p.status
FROM up JOIN commissions_promoter p ON p.id = up.id JOIN accounts_account a ON a.id = p.account_id
WHERE up.level > 0 ORDER BY up.level
"""


def uplines(*, promoter_id: int, at: datetime, known_at: datetime, by: Any) -> list[dict[str, Any]]:
    """Who stood above a promoter at an instant, the nearest first, as it was known at another:
    for staff who may see promoters.

    :raises NotAllowed: `by` may not.
    :raises NotFound: no such promoter.
    """
    if not by.has_perm(SIGHT):
        raise NotAllowed()
    if not rows("SELECT 1 FROM commissions_promoter WHERE id = %s::bigint", [promoter_id]):
        raise NotFound()
    return rows(_UPLINES, {"promoter": promoter_id, "at": at, "known_at": known_at})
