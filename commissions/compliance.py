"""Compliance 合规: the trees of promoters as the law counts them (X8, K8).

《禁止传销条例》 and the opinion of 2013 on its criminal side count people and levels with the
organiser: 30 people and 3 levels. A tree that reaches one of the two is a finding, for people to
look at; it is no verdict, and nothing is switched off by it. docs/compliance.md has the sources.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from backend.core import clock
from backend.core.errors import NotAllowed
from backend.core.sql import run
from commissions.models import ComplianceFinding

PEOPLE, LEVELS = 30, 3
SIGHT = "commissions.view_compliancefinding"

# Level by level, all trees at once. Who left is no longer counted; who they invited still is.
_TREES = """
WITH RECURSIVE tree AS (
    SELECT id, id AS root, 1 AS level, status FROM commissions_promoter WHERE sponsor_id IS NULL
    UNION ALL
    SELECT p.id, tree.root, tree.level + 1, p.status
    FROM tree JOIN commissions_promoter p ON p.sponsor_id = tree.id
),
counted AS (
    SELECT root, count(*) AS people, max(level) AS levels FROM tree
    WHERE status <> 'left' OR id = root GROUP BY root
)
"""
_REPORT = f"""{_TREES}
INSERT INTO commissions_compliancefinding (root_id, day, people, levels, reached, recorded_at)
SELECT root, %(day)s::date, people, levels,
    CASE WHEN levels < %(levels)s THEN 'people' WHEN people < %(people)s THEN 'levels'
        ELSE 'both' END, %(at)s::timestamptz
FROM counted WHERE people >= %(people)s OR levels >= %(levels)s ORDER BY root
ON CONFLICT (root_id, day) DO UPDATE SET people = excluded.people, levels = excluded.levels,
    reached = excluded.reached, recorded_at = excluded.recorded_at
"""
# A tree that fell below since the report of the same day.
_NO_MORE = """
DELETE FROM commissions_compliancefinding WHERE day = %s::date AND recorded_at < %s::timestamptz
"""


def report(*, at: datetime) -> int:
    """Writes the findings of the business day of `at`, anew where they were written before; how
    many there are. Two statements for any number of promoters."""
    day = clock.business_day(at)
    with transaction.atomic():
        run("SET LOCAL statement_timeout = '15min'")
        numbers = {"people": PEOPLE, "levels": LEVELS}
        found = run(_REPORT, {"day": day, "at": at, **numbers})
        run(_NO_MORE, [day, at])
    return found


def findings(*, by: Any) -> Any:
    """The findings of the last report, for staff who may see them.

    :raises NotAllowed: `by` may not.
    """
    if not by.has_perm(SIGHT):
        raise NotAllowed()
    last = ComplianceFinding.objects.order_by("-day").values("day")[:1]
    return ComplianceFinding.objects.filter(day=last).select_related("root__account")
