"""What the database says, in one statement, as plain dictionaries."""

import json
from datetime import datetime
from typing import Any

from backend.core.sql import rows, value
from commissions import books

# Balances: stored + deltas, and Σ entries, which must be one number.
_LOOK = """
SELECT json_build_object(
'balances', (SELECT coalesce(json_agg(json_build_array(a.owner_kind, a.owner_id, a.kind,
        b.balance_fen + coalesce((SELECT sum(amount_fen) FROM commissions_balancedelta d
                                  WHERE d.account_id = a.id), 0),
        coalesce((SELECT sum(amount_fen) FROM commissions_entry e WHERE e.account_id = a.id), 0))),
    '[]') FROM commissions_ledgeraccount a JOIN commissions_balance b ON b.account_id = a.id),
'unbalanced', (SELECT count(*) FROM (SELECT 1 FROM commissions_entry
    GROUP BY journal_id HAVING sum(amount_fen) <> 0) wrong),
'orders', (SELECT coalesce(json_object_agg(id, json_build_array(status, paid_fen, refunded_fen,
    refunded_shipping_fen)), '{}') FROM shops_order),
'lines', (SELECT coalesce(json_object_agg(id, json_build_array(paid_fen, shipped_qty,
    refunded_qty, refunded_fen)), '{}') FROM shops_orderline),
'stock', (SELECT json_object_agg(id, json_build_array(on_hand, committed)) FROM shops_sku),
'refunds', (SELECT coalesce(json_object_agg(number, json_build_array(status, amount_fen)), '{}')
    FROM shops_refund),
'checkouts', (SELECT coalesce(json_object_agg(number, status), '{}') FROM shops_checkout),
'payments', (SELECT coalesce(json_object_agg(transaction_id, json_build_array(status,
    amount_fen)), '{}') FROM shops_payment),
'payouts', (SELECT coalesce(json_object_agg(number, json_build_array(status, amount_fen)), '{}')
    FROM commissions_payout),
'transfers', (SELECT coalesce(json_object_agg(number, json_build_array(amount_fen, state)), '{}')
    FROM commissions_sandboxtransfer),
'events', (SELECT json_build_array(count(*), count(*) FILTER (WHERE state = 'pending'))
    FROM core_event WHERE kind LIKE 'order.%'),
'commissions', (SELECT coalesce(json_object_agg(c.order_line_id, json_build_array(c.status,
    c.refunded_fen, extract(epoch FROM c.matures_at)::bigint,
    (SELECT json_object_agg(s.role, json_build_array(s.payee_id, s.amount_fen, s.reversed_fen))
     FROM commissions_commissionsplit s WHERE s.commission_id = c.id))), '{}')
    FROM commissions_commissionorder c))::text"""


def look() -> dict[str, Any]:
    """Everything that money, stock and their states are."""
    found: dict[str, Any] = json.loads(value(_LOOK))
    return found


# All rules of commissions.books in one statement: a history is short, planning it is not.
_RULES = " UNION ALL ".join(
    f"SELECT {number} AS number, count(*) AS broken FROM ({rule.sql}) f{number}"
    for number, rule in enumerate(books.RULES)
)


def broken_rules(at: datetime) -> dict[str, int]:
    """What the product's own audit finds: how many rows break which rule."""
    found = rows(_RULES, {"at": at})
    return {books.RULES[row["number"]].name: row["broken"] for row in found if row["broken"]}


def stamp(at: datetime | None) -> int | None:
    """An instant as `look` tells it."""
    return int(at.timestamp()) if at else None
