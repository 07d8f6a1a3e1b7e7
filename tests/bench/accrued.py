"""Commission orders in bulk as accrual leaves them, with their attributions and splits."""

from datetime import UTC, datetime, timedelta

from backend.core.sql import run
from tests.bench.ground import paid_orders

AT = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)

ACCRUED = [
    """INSERT INTO commissions_attribution (order_line_id, rule, source_kind, source_id, touch_id,
        promoter_id, inviter_id, losers, findings, at)
    SELECT l.id, 'named', 'referral', k.id, NULL, k.promoter_id, p.sponsor_id, '[]', '[]', %(at)s
    FROM shops_orderline l JOIN commissions_promotionlink k ON k.code = l.referral_code
    JOIN commissions_promoter p ON p.id = k.promoter_id
    WHERE NOT EXISTS (SELECT 1 FROM commissions_attribution a WHERE a.order_line_id = l.id)
    ORDER BY l.id""",
    """INSERT INTO commissions_commissionorder (order_line_id, attribution_id, shop_id,
        plan_version_id, base_fen, rate_bps, fee_bps, budget_fen, fee_fen, refunded_fen, status,
        reason, held_reason, matures_at, accrued_at, version)
    SELECT l.id, a.id, o.shop_id, %(plan)s, l.paid_fen, 3000, 500, l.paid_fen * 3 / 10,
           l.paid_fen / 20, 0, 'confirmed', '', '', %(due)s, %(at)s, 2
    FROM commissions_attribution a JOIN shops_orderline l ON l.id = a.order_line_id
    JOIN shops_order o ON o.id = l.order_id
    WHERE NOT EXISTS (SELECT 1 FROM commissions_commissionorder c WHERE c.order_line_id = l.id)
    ORDER BY l.id""",
    """INSERT INTO commissions_commissionsplit (commission_id, role, payee_id, share_bps,
        amount_fen, reversed_fen)
    SELECT c.id, r.role, CASE r.role WHEN 'promoter' THEN p.account_id
           WHEN 'inviter' THEN i.account_id END, r.bps,
           CASE r.role WHEN 'promoter' THEN c.budget_fen - c.budget_fen / 5
                WHEN 'inviter' THEN c.budget_fen / 5
                WHEN 'platform' THEN c.fee_fen - c.fee_fen / 100 ELSE c.fee_fen / 100 END, 0
    FROM commissions_commissionorder c JOIN commissions_attribution a ON a.id = c.attribution_id
    JOIN commissions_promoter p ON p.id = a.promoter_id
    JOIN commissions_promoter i ON i.id = a.inviter_id
    CROSS JOIN (VALUES (1, 'promoter', 8000), (2, 'inviter', 2000), (3, 'platform', 9900),
                       (4, 'charity', 100)) r(place, role, bps)
    WHERE c.matures_at = %(due)s ORDER BY c.id, r.place""",
]


def prepare(lines: int, number: int, plan: int) -> datetime:
    """N confirmed commission orders with their splits; when they mature."""
    due = AT + number * DAY
    paid_orders(lines, f"p1r{number}x", AT)
    for statement in ACCRUED:
        values = {"at": AT, "due": due, "plan": plan}
        run(statement, {name: values[name] for name in values if f"%({name})s" in statement})
    return due
