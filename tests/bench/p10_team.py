"""P10: a team of 10,000 below one promoter: the pages and totals of its address, by the product's
own statements (`commissions.team`); the whole forest as the law counts it; and the uplines of a
million attributed lines, frozen on each when it was attributed.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from backend.core.sql import rows, run, value
from commissions import compliance, team
from tests.bench.ground import PEOPLE, say, settle_down
from tests.bench.report import Row

AT = datetime(2026, 11, 1, tzinfo=UTC)
TEAM, OTHERS, LINES = 10_000, 90_000, 1_000_000
TIMES = 41
TEAM_REACH_MS, UPLINES_REACH_S = 5.0, 0.5
# What has to look at everybody of the team.
WHOLE_REACH_MS = 25.0

# The first is the team's head; each of its members was invited by one of the members before, on
# seven levels; everybody else belongs to teams of other heads.
PROMOTERS = """
INSERT INTO commissions_promoter (id, account_id, sponsor_id, invite_code, status, joined_at)
SELECT n, a.id, CASE WHEN n = 1 OR n BETWEEN %(team)s + 2 AND %(team)s + 101 THEN NULL
    WHEN n <= %(team)s + 1 THEN 1 + (n - 1) / 4
    ELSE %(team)s + 2 + n %% 100 END, 'c' || n, 'active', %(at)s
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM accounts_account) a
WHERE n <= %(team)s + %(others)s ORDER BY n
"""
ATTRIBUTED = """
INSERT INTO commissions_attribution (order_line_id, rule, source_kind, source_id, promoter_id,
    inviter_id, losers, findings, at)
SELECT n, 'named', 'referral', n, p.id, p.sponsor_id, '[]', '[]', %(at)s
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
JOIN commissions_promoter p ON p.id = 1 + (n * 7919) %% (%(team)s + %(others)s)
"""
# Who stands how far below, by the index of the sponsor column, level by level.
BELOW = """
WITH RECURSIVE team(id, level) AS (
  SELECT id, 1 FROM commissions_promoter WHERE sponsor_id = %(head)s::bigint
  UNION ALL
  SELECT p.id, t.level + 1 FROM team t JOIN commissions_promoter p ON p.sponsor_id = t.id
)
"""
COUNTED = BELOW + "SELECT level, count(*) AS people FROM team GROUP BY level ORDER BY level"
# All uplines of all lines, set by set: what each inviter was owed for how many lines.
UPLINES = """
SELECT count(*) AS inviters, sum(lines)::bigint AS lines FROM (
  SELECT inviter_id, count(*) AS lines FROM commissions_attribution
  WHERE inviter_id IS NOT NULL GROUP BY inviter_id) f
JOIN commissions_promoter i ON i.id = f.inviter_id
"""


def _milliseconds(ask: Callable[[], Any], times: int) -> float:
    """Of the fastest of so many: absolute times say nothing while somebody else has the cores."""
    ask()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return min(took) * 1_000


def fill() -> None:
    """A head with its team, everybody else, and a million attributed lines."""
    run(PEOPLE, [TEAM + OTHERS])
    run(PROMOTERS, {"team": TEAM, "others": OTHERS, "at": AT})
    run("SET session_replication_role = replica")
    for first in range(1, LINES, 250_000):
        values = {"first": first, "last": first + 249_999, "at": AT}
        run(ATTRIBUTED, {**values, "team": TEAM, "others": OTHERS})
    run("SET session_replication_role = origin")
    settle_down()


_HEAD = {"head": 1, "before": 2**62, "size": 20, "since": AT}


def _page(level: int) -> float:
    """A page of a level below the head."""
    return _milliseconds(lambda: rows(team._PAGES[level], _HEAD), TIMES)


def wide_team() -> None:
    """Puts the whole team directly below its head: the widest page there is."""
    run("UPDATE commissions_promoter SET sponsor_id = 1 WHERE id BETWEEN 2 AND %s", [TEAM + 1])
    run("VACUUM ANALYZE commissions_promoter")


def main(lines: int, rounds: int = 3) -> list[Row]:
    """The team counted by level, its page deep and wide, and the uplines."""
    fill()
    found = rows(COUNTED, {"head": 1})
    assert sum(level["people"] for level in found) == TEAM, found
    counted = _milliseconds(lambda: rows(COUNTED, {"head": 1}), TIMES)
    page = max(_page(level) for level in (1, 2))
    trees = _milliseconds(lambda: rows(f"{compliance._TREES} SELECT * FROM counted"), rounds)
    told = rows(UPLINES)[0]
    owed = value("SELECT count(*) FROM commissions_attribution WHERE inviter_id IS NOT NULL")
    assert told["lines"] == owed > LINES * 9 // 10, told
    uplines = _milliseconds(lambda: rows(UPLINES), 2 * rounds + 1) / 1_000
    wide_team()
    assert rows(team._TOTALS, _HEAD)[0]["people"] == TEAM
    widest, second = _page(1), _page(2)
    totals = _milliseconds(lambda: rows(team._TOTALS, _HEAD), TIMES)
    say(f"  a page of a team of {TEAM:,}: on {len(found)} levels {page:.1f} ms")
    say(f"  a page of a team of {TEAM:,}: on one level {widest:.1f} ms")
    say(f"  the same team counted level by level, by recursion: {counted:.1f} ms")
    say(f"  the totals of a team of {TEAM:,} on one level: {totals:.1f} ms")
    say(f"  every tree of {TEAM + OTHERS:,} promoters, as the law counts: {trees:.0f} ms")
    say(f"  uplines of {LINES:,} lines: {uplines:.3f} s")
    return [
        _team(f"page of 20 of a team of {TEAM:,} on {len(found)} levels", page),
        _team(f"page of 20 of {TEAM:,} whom one promoter invited", widest),
        _team(f"second level of {TEAM:,} whom one promoter invited", second, WHOLE_REACH_MS),
        _team(f"totals of a team of {TEAM:,}", totals, WHOLE_REACH_MS),
        Row(
            "P10",
            f"uplines of {LINES:,} lines, set by set",
            "—",
            f"{uplines:.2f} s",
            f"≤ {UPLINES_REACH_S} s",
            uplines <= UPLINES_REACH_S,
            "frozen on the line",
        ),
    ]


def _team(work: str, milliseconds: float, most: float = TEAM_REACH_MS) -> Row:
    reached = milliseconds <= most
    figure, reach = f"{milliseconds:.1f} ms", f"≤ {most:g} ms"
    more = "the statement alone, fastest of 41"
    if most > TEAM_REACH_MS:
        more += "; looks at each of them, a bar of our own"
    return Row("P10", work, "—", figure, reach, reached, more)
