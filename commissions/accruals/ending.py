"""Ending: a person decides that nothing of a commission order stays."""

from datetime import datetime

from django.db import connection

from backend.core import events
from backend.core.sql import rows, run
from commissions import ledger
from commissions.accruals import agreeing
from commissions.models import CommissionOrder

Status = CommissionOrder.Status

# As `agreeing` reads a line that disagrees, with all of its base taken for refunded.
_WHOLE = """
SELECT c.id, c.shop_id, c.status, c.base_fen, c.rate_bps, c.fee_bps, c.budget_fen, c.fee_fen,
       c.refunded_fen AS answered_fen, c.base_fen AS refunded_fen,
       c.terms IS NOT NULL AS is_planned, s.ids, s.roles, s.payees, s.amounts, s.reversed
FROM commissions_commissionorder c
LEFT JOIN LATERAL (
    SELECT array_agg(id ORDER BY id) AS ids, array_agg(role ORDER BY id) AS roles,
           array_agg(payee_id ORDER BY id) AS payees,
           array_agg(amount_fen ORDER BY id) AS amounts,
           array_agg(reversed_fen ORDER BY id) AS reversed
    FROM commissions_commissionsplit WHERE commission_id = c.id) s ON true
WHERE c.id = %s AND c.refunded_fen < c.base_fen
"""
_LOCK = "SELECT 1 FROM commissions_commissionorder WHERE id = %s FOR NO KEY UPDATE"  # one row
# ESTIMATED | CONFIRMED → INVALID of the model's table; what is settled stays so, as after a refund.
_END = """
UPDATE commissions_commissionorder SET refunded_fen = base_fen, reason = %(reason)s,
    held_reason = '', version = version + 1,
    status = CASE WHEN status IN ('estimated', 'confirmed') THEN 'invalid' ELSE status END
WHERE id = %(id)s AND status <> 'invalid'
"""


def end(*, commission_id: int, reason: str, at: datetime) -> bool:
    """Takes back all that is left of a commission order, by one reversal like that of a full
    refund (so the platform's fee of the line goes back as well): out of what is pending, or out
    of what is available where it has settled. Its state becomes invalid with the reason; False
    where it was invalid before. A refund that comes later finds nothing more to take back.
    """
    assert connection.in_atomic_block, "an ending belongs to the transaction of its decision"
    run(_LOCK, [commission_id])
    found = rows(_WHOLE, [commission_id])
    postings = agreeing._reverse(found, at) if found and found[0]["ids"] else []
    ended = run(_END, {"id": commission_id, "reason": reason})
    ledger.post(postings, at=at)
    if ended:
        events.tell(kind="commission.decided", subject_id=commission_id, at=at)
    return bool(ended)
