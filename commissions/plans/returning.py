"""Giving back: what a refund took from commissions goes to the funds that paid them.

To the fund, never to the caps: a cap bounds what a promoter is granted in an order, a day or a
month, and a sale that is undone does not open it again.
"""

from collections.abc import Sequence

from backend.core.sql import columns, numbers, run

_BACK = """
INSERT INTO commissions_planreturn (plan_id, commission_id, amount_fen)
SELECT v.plan_id, c.id, w.fen
FROM unnest(%s::bigint[], %s::bigint[]) AS w(commission_id, fen)
JOIN commissions_commissionorder c ON c.id = w.commission_id
JOIN commissions_planversion v ON v.id = c.plan_version_id
WHERE (c.terms ->> 'funded')::boolean AND w.fen <> 0 ORDER BY c.id
"""


def give_back(amounts: Sequence[tuple[int, int]]) -> None:
    """Gives these (commission order, fen of its budget) back to the funds they were taken from;
    those that took from none are left alone. A row each: it waits for nobody who takes."""
    if amounts:
        run(_BACK, [numbers(column) for column in columns(amounts, 2)])
