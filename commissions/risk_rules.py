"""The rules of risk: each one statement over commission orders that have not settled, which
returns (commission, evidence). Evidence is ids and counts, never what people typed.

`fresh` is the set that a scan looks at: unsettled, not held, and with no case of the rule.
"""

from collections.abc import Mapping

_FRESH = """
fresh AS MATERIALIZED (
    SELECT c.id, c.order_line_id, c.attribution_id, c.accrued_at
    FROM commissions_commissionorder c
    WHERE c.id > %(after)s::bigint AND c.id <= %(upto)s::bigint
      AND c.status IN ('estimated', 'confirmed') AND c.budget_fen > 0
      AND NOT EXISTS (SELECT 1 FROM commissions_riskcase k
                      WHERE k.commission_id = c.id AND k.rule = %(rule)s)
)
"""
# Who is paid for having brought the buyer; an inviter has brought nobody.
_WINNER = """
JOIN commissions_commissionsplit s ON s.commission_id = f.id AND s.role IN ('promoter', 'creator')
"""
_BUYER = """
JOIN shops_orderline l ON l.id = f.order_line_id JOIN shops_order o ON o.id = l.order_id
"""
# The payer that the sandbox makes up for everybody is nobody.
NOBODY = ("", "sandbox-buyer")

_SELF_PHONE = f"""
WITH {_FRESH}
SELECT f.id, jsonb_build_object('buyer', o.buyer_id, 'payee', s.payee_id) AS evidence
FROM fresh f {_WINNER} {_BUYER}
JOIN accounts_account buyer ON buyer.id = o.buyer_id AND buyer.phone <> ''
JOIN accounts_account payee ON payee.id = s.payee_id AND payee.phone = buyer.phone
WHERE payee.id <> buyer.id
"""
_SELF_PAYER = f"""
WITH {_FRESH}
SELECT f.id, jsonb_build_object('buyer', o.buyer_id, 'payee', s.payee_id, 'payment', p.id)
    AS evidence
FROM fresh f {_WINNER} {_BUYER}
JOIN shops_payment p ON p.checkout_id = o.checkout_id AND p.payer <> ALL(%(nobody)s::text[])
WHERE s.payee_id <> o.buyer_id AND EXISTS (
    SELECT 1 FROM shops_checkout own JOIN shops_payment paid ON paid.checkout_id = own.id
    WHERE own.buyer_id = s.payee_id AND (paid.provider, paid.payer) = (p.provider, p.payer))
"""
_SELF_ADDRESS = f"""
WITH {_FRESH}
SELECT f.id, jsonb_build_object('buyer', o.buyer_id, 'payee', s.payee_id, 'address', a.id)
    AS evidence
FROM fresh f {_WINNER} {_BUYER}
JOIN shops_checkout k ON k.id = o.checkout_id AND k.address->>'detail' <> ''
JOIN LATERAL (
    SELECT min(own.id) AS id FROM accounts_address own WHERE own.account_id = s.payee_id
      AND own.region_code = k.address->>'region_code' AND own.detail = k.address->>'detail'
) a ON a.id IS NOT NULL
WHERE s.payee_id <> o.buyer_id
"""
# The n-th order of a payee within the span before it, n above the threshold, and those after it.
_VELOCITY = """
WITH {fresh}, payee AS (SELECT DISTINCT s.payee_id FROM fresh f {winner}),
paced AS (
    SELECT c.id, s.payee_id, count(*) OVER (PARTITION BY s.payee_id ORDER BY o.paid_at
        RANGE BETWEEN %(span)s::interval PRECEDING AND CURRENT ROW) AS orders
    FROM payee JOIN commissions_commissionsplit s ON s.payee_id = payee.payee_id
        AND s.role IN ('promoter', 'creator')
    JOIN commissions_commissionorder c ON c.id = s.commission_id
        AND c.accrued_at >= (SELECT min(accrued_at) FROM fresh) - %(span)s::interval
    JOIN shops_orderline l ON l.id = c.order_line_id JOIN shops_order o ON o.id = l.order_id
)
SELECT f.id, jsonb_build_object('payee', paced.payee_id, 'orders', paced.orders) AS evidence
FROM fresh f JOIN paced ON paced.id = f.id WHERE paced.orders > %(most)s::bigint
"""
_PACED = _VELOCITY.format(fresh=_FRESH, winner=_WINNER)
_SHARED_PAYEE = f"""
WITH {_FRESH}
SELECT f.id, jsonb_build_object('payee', s.payee_id, 'others', count(DISTINCT y.account_id))
    AS evidence
FROM fresh f {_WINNER}
JOIN commissions_payeeaccount mine ON mine.account_id = s.payee_id AND mine.is_active
JOIN commissions_payeeaccount y ON y.fingerprint = mine.fingerprint AND y.is_active
    AND y.account_id <> mine.account_id
WHERE mine.fingerprint <> '' GROUP BY f.id, s.payee_id
"""
# A line that was decided anew is owed by no link or note any more, but to its new promoter.
_BANNED_SOURCE = f"""
WITH {_FRESH}
SELECT f.id, jsonb_build_object('ban', min(b.id)) AS evidence
FROM fresh f JOIN commissions_attribution a ON a.id = f.attribution_id
LEFT JOIN LATERAL (
    SELECT v.id, v.promoter_id FROM commissions_attributionoverride v
    WHERE v.commission_id = f.id ORDER BY v.number DESC LIMIT 1) anew ON true
-- The link by which the customer was bound whose lock has won.
LEFT JOIN LATERAL (
    SELECT t.link_id FROM commissions_lockchange h JOIN commissions_touch t ON t.id = h.cause_id
    WHERE a.rule = 'lock' AND h.id = a.source_id AND h.cause = 'click') bound ON true
JOIN commissions_bannedsource b ON b.lifted_at IS NULL AND (
    (anew.id IS NULL AND (b.kind, b.source_id) = (a.source_kind, a.source_id))
    OR (anew.id IS NULL AND a.rule = 'lock' AND (b.kind, b.source_id) = ('referral', bound.link_id))
    OR (b.kind = 'promoter'
        AND b.source_id = CASE WHEN anew.id IS NULL THEN a.promoter_id ELSE anew.promoter_id END))
GROUP BY f.id
"""
STATEMENTS: Mapping[str, str] = {
    "self_phone": _SELF_PHONE,
    "self_payer": _SELF_PAYER,
    "self_address": _SELF_ADDRESS,
    "velocity_hour": _PACED,
    "velocity_day": _PACED,
    "shared_payee": _SHARED_PAYEE,
    "banned_source": _BANNED_SOURCE,
}
