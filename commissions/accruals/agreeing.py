"""Agreeing: reversing, confirming and ending the commission orders that their lines have left."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from backend.core.sql import rows, run
from commissions import ledger, plans, split
from commissions.accruals.legs import legs_of
from commissions.accruals.looking import DISAGREES
from commissions.models import CommissionOrder
from commissions.split import Taken

Status = CommissionOrder.Status

_LOCK = f"""
SELECT c.id FROM commissions_commissionorder c
JOIN shops_orderline l ON l.id = c.order_line_id
JOIN shops_order o ON o.id = l.order_id
WHERE l.order_id = ANY(%s::bigint[]) AND {DISAGREES}
ORDER BY c.id FOR NO KEY UPDATE OF c
"""
_DISAGREEING = f"""
SELECT c.id, c.shop_id, c.status, c.reason, c.base_fen, c.rate_bps, c.fee_bps, c.budget_fen,
       c.fee_fen, c.refunded_fen AS answered_fen, c.matures_at, l.refunded_fen, o.received_at,
       o.aftersale_until, c.terms IS NOT NULL AS is_planned, s.ids, s.roles, s.payees,
       s.amounts, s.reversed
FROM commissions_commissionorder c
JOIN shops_orderline l ON l.id = c.order_line_id
JOIN shops_order o ON o.id = l.order_id
LEFT JOIN LATERAL (
    SELECT array_agg(id ORDER BY id) AS ids, array_agg(role ORDER BY id) AS roles,
           array_agg(payee_id ORDER BY id) AS payees,
           array_agg(amount_fen ORDER BY id) AS amounts,
           array_agg(reversed_fen ORDER BY id) AS reversed
    FROM commissions_commissionsplit WHERE commission_id = c.id) s ON true
WHERE c.id = ANY(%s::bigint[]) AND {DISAGREES}
ORDER BY c.id
"""
_REVERSALS = """
INSERT INTO commissions_commissionreversal (commission_id, refunded_fen, amount_fen, settled, at)
SELECT commission_id, refunded_fen, amount_fen, settled, %(at)s::timestamptz
FROM unnest(%(commission_id)s::bigint[], %(refunded_fen)s::bigint[], %(amount_fen)s::bigint[],
            %(settled)s::boolean[]) AS w(commission_id, refunded_fen, amount_fen, settled)
ORDER BY commission_id RETURNING id, commission_id
"""
_SPLITS = """
UPDATE commissions_commissionsplit s SET reversed_fen = w.reversed_fen
FROM unnest(%s::bigint[], %s::bigint[]) AS w(id, reversed_fen)
WHERE s.id = w.id AND s.reversed_fen <> w.reversed_fen
"""
_MOVE = """
UPDATE commissions_commissionorder c SET status = w.status, reason = w.reason,
    refunded_fen = w.refunded_fen, matures_at = w.matures_at, version = c.version + 1
FROM unnest(%(id)s::bigint[], %(status)s::text[], %(reason)s::text[],
            %(refunded_fen)s::bigint[], %(matures_at)s::timestamptz[])
     AS w(id, status, reason, refunded_fen, matures_at)
WHERE c.id = w.id
"""


def agree(order_ids: list[int], at: datetime) -> int:
    """Reverses what refunds have taken back since and moves what was received or refunded
    whole; how many commission orders changed. What is decided is read again after the lock."""
    locked = [row["id"] for row in rows(_LOCK, [order_ids])]
    found = rows(_DISAGREEING, [locked]) if locked else []
    if not found:
        return 0
    refunded = [row for row in found if row["refunded_fen"] > row["answered_fen"]]
    postings = _reverse(refunded, at) if refunded else []
    run(_MOVE, _columns([_moved(row) for row in found]))
    ledger.post(postings, at=at)
    return len(found)


def _moved(row: dict[str, Any]) -> dict[str, Any]:
    """The state that the order's own state asks for."""
    status, reason, matures_at = row["status"], row["reason"], row["matures_at"]
    if status in (Status.ESTIMATED, Status.CONFIRMED) and row["received_at"]:
        status, matures_at = Status.CONFIRMED, row["aftersale_until"]
    if status != Status.SETTLED and row["refunded_fen"] == row["base_fen"]:
        status, reason = Status.INVALID, CommissionOrder.Reason.REFUNDED
    known = CommissionOrder.TRANSITIONS[row["status"]] | {row["status"]}
    assert status in known, f"{row['status']} cannot become {status}"
    return {
        "id": row["id"],
        "status": str(status),
        "reason": str(reason),
        "refunded_fen": row["refunded_fen"],
        "matures_at": matures_at,
    }


def _reverse(refunded: list[dict[str, Any]], at: datetime) -> list[ledger.Posting]:
    """Writes the reversals; settled money is taken back from `available`, which may go below
    zero: then payouts wait until later earnings have covered it."""
    splits: list[tuple[int, int]] = []
    wanted, legs, back = [], {}, []
    for row in refunded:
        targets = _targets(row)
        splits += zip(row["ids"], targets, strict=True)
        deltas = [new - old for new, old in zip(targets, row["reversed"], strict=True)]
        settled = row["status"] == Status.SETTLED
        if row["is_planned"]:
            back.append((row["id"], _of_budget(row["roles"], deltas)))
        wanted.append(
            {
                "commission_id": row["id"],
                "refunded_fen": row["refunded_fen"],
                "amount_fen": sum(deltas),
                "settled": settled,
            }
        )
        parts = zip(row["roles"], row["payees"], (-delta for delta in deltas), strict=True)
        kind = (ledger.Kind.AVAILABLE if settled else ledger.Kind.PENDING).value
        legs[row["id"]] = legs_of(row["shop_id"], list(parts), kind)
    made = rows(_REVERSALS, {**_columns(wanted), "at": at})
    run(_SPLITS, list(map(list, zip(*splits, strict=True))))
    plans.give_back(back)
    return [
        ledger.Posting(ledger.JournalKind.REVERSAL, row["id"], legs[row["commission_id"]])
        for row in made
    ]


def _of_budget(roles: list[str], deltas: list[int]) -> int:
    """What of these parts is the budget's, not the fee's."""
    parts = zip(roles, deltas, strict=True)
    return sum(delta for role, delta in parts if role in split.BUDGET_ROLES)


def _targets(row: dict[str, Any]) -> list[int]:
    parts = zip(row["roles"], row["amounts"], row["reversed"], strict=True)
    return split.reversal(
        base_fen=row["base_fen"],
        refunded_fen=row["refunded_fen"],
        rate_bps=row["rate_bps"],
        fee_bps=row["fee_bps"],
        budget_fen=row["budget_fen"],
        fee_fen=row["fee_fen"],
        parts=[Taken(*part) for part in parts],
    )


def _columns(records: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Rows as columns, the way unnest() takes them."""
    return {name: [record[name] for record in records] for name in records[0]}
