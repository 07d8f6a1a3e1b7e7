"""Following earnings: what moves of many people's money, read at once and often.

The balances of everybody who is followed are one statement of index look-ups, however much each has
ever earned. How much of `pending` is confirmed needs a look at each part of a person, and is asked
for apart, seldomer.
"""

from collections.abc import Collection
from typing import NamedTuple

from backend.core.sql import numbers, tuples
from commissions import ledger


class Moving(NamedTuple):
    """A person's balances in fen."""

    pending_fen: int
    available_fen: int
    in_transit_fen: int


_BALANCES = """
SELECT a.owner_id, a.kind, (coalesce(b.balance_fen, 0) + coalesce(
    (SELECT sum(d.amount_fen) FROM commissions_balancedelta d WHERE d.account_id = a.id), 0)
)::bigint
FROM commissions_ledgeraccount a LEFT JOIN commissions_balance b ON b.account_id = a.id
WHERE a.owner_kind = 'person' AND a.owner_id = ANY(%s::bigint[])
  AND a.kind IN ('pending', 'available', 'in_transit')
"""


def balances(account_ids: Collection[int]) -> dict[int, Moving]:
    """The balances of these people; one statement."""
    found: dict[int, dict[str, int]] = {account_id: {} for account_id in account_ids}
    for owner, kind, fen in tuples(_BALANCES, [numbers(account_ids)]):
        found[owner][kind] = fen
    kinds = (ledger.Kind.PENDING, ledger.Kind.AVAILABLE, ledger.Kind.IN_TRANSIT)
    return {
        account_id: Moving(*(fen.get(str(kind), 0) for kind in kinds))
        for account_id, fen in found.items()
    }


_CONFIRMED = """
SELECT s.payee_id, sum(s.amount_fen - s.reversed_fen)::bigint
FROM commissions_commissionsplit s JOIN commissions_commissionorder c ON c.id = s.commission_id
WHERE s.payee_id = ANY(%s::bigint[]) AND c.status = 'confirmed'
GROUP BY s.payee_id
"""


def confirmed(account_ids: Collection[int]) -> dict[int, int]:
    """How much of these people's pending money is confirmed, in fen; one statement."""
    found = dict(tuples(_CONFIRMED, [numbers(account_ids)]))
    return {account_id: found.get(account_id, 0) for account_id in account_ids}
