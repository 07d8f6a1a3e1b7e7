"""Reading: the lines of orders that lack a commission order or disagree with it, the plan in force
and everybody to whom a line may be owed, in one statement. Which of the other plans wins is asked
afterwards (`commissions.plans`), for lines alone whose shop or platform has one in force."""

from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from backend.core.sql import numbers, tuples
from commissions import attribution, plans, uplines
from commissions.attribution import Candidate, Decision
from commissions.models import PlanVersion

# A commission order (c) that its line (l) and order (o) have moved away from.
DISAGREES = """
    (l.refunded_fen > c.refunded_fen
     OR (c.status = 'estimated' AND o.received_at IS NOT NULL AND o.aftersale_until IS NOT NULL)
     OR (c.status = 'confirmed' AND c.matures_at IS DISTINCT FROM o.aftersale_until))
"""


class Line(NamedTuple):
    """A line that lacks its commission order, or (unlocked) disagrees with it."""

    line_id: int
    paid_fen: int
    commission_bps: int
    fee_bps: int
    shop_id: int
    buyer_id: int
    owner_id: int
    is_missing: bool
    is_changed: bool
    attribution_id: int | None
    commission_id: int
    has_plans: bool
    plan_id: int | None
    promoter_bps: int
    inviter_bps: int
    creator_bps: int
    charity_bps: int
    inviter2_bps: int

    def under(self, plan: PlanVersion) -> "Line":
        """The line under a plan that was not in force yet."""
        return self._replace(
            plan_id=plan.pk,
            promoter_bps=plan.promoter_bps,
            inviter_bps=plan.inviter_bps,
            creator_bps=plan.creator_bps,
            charity_bps=plan.charity_bps,
            inviter2_bps=plan.inviter2_bps,
        )


# A line and to whom it is owed.
Found = tuple[Line, Decision]

# What is found in agreement can only be made to disagree by a later change, with an event of its
# own. A row for each candidate of a line, or one. What is missing gets its ids here, so that all
# of it can be written by one statement that joins nothing.
_LOOK = f"""
WITH line AS MATERIALIZED (
    SELECT l.id, l.paid_fen, l.commission_bps, l.fee_bps, o.shop_id, s.account_id AS owner_id,
        c.id IS NULL AS is_missing, l.refunded_fen > 0 OR o.received_at IS NOT NULL AS is_changed,
        CASE WHEN c.id IS NULL THEN nextval('commissions_attribution_id_seq') END
            AS attribution_id,
        coalesce(c.id, nextval('commissions_commissionorder_id_seq')) AS commission_id,
        c.id IS NULL AND EXISTS ({plans.OFFERING}) AS has_plans,
        {attribution.LINE_COLUMNS}
    FROM shops_orderline l JOIN shops_order o ON o.id = l.order_id
    JOIN shops_shop s ON s.id = o.shop_id
    LEFT JOIN commissions_commissionorder c ON c.order_line_id = l.id
    {attribution.LINE_SOURCES}
    WHERE l.order_id {{which}} AND o.paid_at IS NOT NULL AND l.paid_fen > 0
      AND (c.id IS NULL OR {DISAGREES})
),
{attribution.CANDIDATES}
SELECT line.id, line.paid_fen, line.commission_bps, line.fee_bps, line.shop_id, line.buyer_id,
    line.owner_id, line.is_missing, line.is_changed, line.attribution_id, line.commission_id,
    line.has_plans, plan.*, {attribution.COLUMNS}
FROM line LEFT JOIN LATERAL ({plans.IN_FORCE}) plan ON line.is_missing
LEFT JOIN {attribution.OF_LINE}
ORDER BY line.id, {attribution.ORDER}
"""
_LOOK_AT_ONE = _LOOK.format(which="= %(order)s::bigint")
_LOOK_AT_MANY = _LOOK.format(which="= ANY(%(orders)s::bigint[])")


def look(order_ids: list[int]) -> list[Found]:
    """The lines of these orders that are to be worked on, and to whom each is owed."""
    asked: dict[str, Any] = attribution.parameters()
    if len(order_ids) == 1:
        read = tuples(_LOOK_AT_ONE, asked | {"order": order_ids[0]})
    else:
        read = tuples(_LOOK_AT_MANY, asked | {"orders": numbers(order_ids)})
    width = len(Line._fields)
    found = []
    for _, rows_of_line in groupby(read, itemgetter(0)):
        group = list(rows_of_line)
        line = Line._make(group[0][:width])
        candidates = [Candidate._make(row[width:]) for row in group]
        found.append((line, _decide(candidates, line)))
    uplines.complete(
        (line.line_id, line.buyer_id, line.owner_id, decision) for line, decision in found
    )
    return found


def _decide(candidates: list[Candidate], line: Line) -> Decision:
    return attribution.decide(candidates, buyer_id=line.buyer_id, owner_id=line.owner_id)
