"""Rules about what must not lie forgotten: A1. Each names work whose job should long have come."""

from commissions.books.rule import Rule

_AWAITED = """EXISTS (
    SELECT 1 FROM core_event v WHERE v.subject_id = o.id AND v.kind = '{0}'
    AND v.state IN ('pending', 'parked'))"""

RULES = [
    Rule(
        "A1",
        "no event is parked, or due for more than five minutes",
        """
        SELECT id AS event, kind, subject_id AS subject, state, attempts, left(error, 80) AS error
        FROM core_event WHERE state = 'parked'
           OR (state = 'pending' AND due_at < %(at)s::timestamptz - interval '5 minutes')
        ORDER BY 1
        """,
    ),
    Rule(
        "A1",
        "every paid line has its commission order, or an event on its way to make it",
        f"""
        SELECT l.id AS line, o.number AS "order" FROM shops_orderline l
        JOIN shops_order o ON o.id = l.order_id
        LEFT JOIN commissions_commissionorder c ON c.order_line_id = l.id
        WHERE o.paid_at IS NOT NULL AND l.paid_fen > 0 AND c.id IS NULL
          AND NOT {_AWAITED.format("order.paid")}
        ORDER BY 1
        """,
    ),
    Rule(
        "A1 I4",
        "every refund is answered by a reversal, or an event is on its way to make it",
        f"""
        SELECT c.id AS commission, o.number AS "order", l.refunded_fen,
               c.refunded_fen AS answered_fen
        FROM commissions_commissionorder c JOIN shops_orderline l ON l.id = c.order_line_id
        JOIN shops_order o ON o.id = l.order_id
        WHERE l.refunded_fen <> c.refunded_fen AND NOT {_AWAITED.format("order.refunded")}
          AND c.reason NOT LIKE 'risk%%'  -- ended by a person: all of it is taken back
        ORDER BY 1
        """,
    ),
    Rule(
        "A1",
        "what is received is confirmed, or an event is on its way to do it",
        f"""
        SELECT c.id AS commission, o.number AS "order", o.received_at
        FROM commissions_commissionorder c JOIN shops_orderline l ON l.id = c.order_line_id
        JOIN shops_order o ON o.id = l.order_id
        WHERE c.status = 'estimated' AND o.received_at IS NOT NULL
          AND o.aftersale_until IS NOT NULL AND NOT {_AWAITED.format("order.received")}
        ORDER BY 1
        """,
    ),
    Rule(
        "A1",
        "what was to settle ten minutes ago by its calendar, and nothing stops, is settled",
        """
        SELECT c.id AS commission, c.matures_at FROM commissions_commissionorder c
        JOIN shops_orderline l ON l.id = c.order_line_id
        LEFT JOIN LATERAL (
            SELECT CASE r.cadence WHEN 'rolling'
                THEN c.matures_at + r.settle_days * interval '24 hours'
                ELSE (date_trunc(u.unit, c.matures_at AT TIME ZONE r.zone)
                      + ('1 ' || u.unit)::interval + make_interval(days => r.settle_days))
                     AT TIME ZONE r.zone END AS settles_at
            FROM commissions_settlementrule r
            JOIN (VALUES ('rolling', 'day'), ('daily', 'day'), ('weekly', 'week'),
                         ('monthly', 'month')) u(cadence, unit) ON u.cadence = r.cadence
            WHERE (r.shop_id IS NULL OR r.shop_id = c.shop_id) AND r.starts_at <= c.matures_at
            ORDER BY r.shop_id IS NULL, r.starts_at DESC LIMIT 1) due ON true
        WHERE c.status = 'confirmed' AND c.held_reason = ''
          AND c.matures_at < %(at)s::timestamptz - interval '10 minutes'
          AND coalesce(due.settles_at, c.matures_at) < %(at)s::timestamptz - interval '10 minutes'
          AND c.refunded_fen = l.refunded_fen
          AND NOT EXISTS (SELECT 1 FROM shops_refundline r
                          WHERE r.order_line_id = l.id AND r.is_open)
        ORDER BY 1
        """,
    ),
    Rule(
        "A1",
        "no order waits for a job that should have come ten minutes ago",
        """
        SELECT o.number AS "order", o.status FROM shops_order o
        WHERE (o.status = 'shipped'
               AND o.auto_receive_at < %(at)s::timestamptz - interval '10 minutes'
               AND NOT EXISTS (SELECT 1 FROM shops_refundline r JOIN shops_orderline l
                               ON l.id = r.order_line_id WHERE l.order_id = o.id AND r.is_open))
           OR (o.status = 'received'
               AND o.aftersale_until < %(at)s::timestamptz - interval '10 minutes'
               AND NOT EXISTS (SELECT 1 FROM shops_refundline r JOIN shops_orderline l
                               ON l.id = r.order_line_id WHERE l.order_id = o.id AND r.is_open))
        UNION ALL
        SELECT k.number, 'checkout ' || k.status FROM shops_checkout k
        WHERE k.status = 'pending' AND k.expires_at < %(at)s::timestamptz - interval '10 minutes'
        UNION ALL
        SELECT f.number, 'refund ' || f.status FROM shops_refund f
        WHERE f.status = 'requested'
          AND f.deadline_at < %(at)s::timestamptz - interval '10 minutes'
        ORDER BY 1
        """,
    ),
    Rule(
        "A1",
        "no money waits ten minutes for a job that gives it back or sends it",
        """
        SELECT f.number AS waits, 'refund ' || f.status AS status FROM shops_refund f
        WHERE (f.status IN ('awaiting_return', 'returned')
               AND f.deadline_at < %(at)s::timestamptz - interval '10 minutes')
           OR (f.status = 'refunding' AND NOT EXISTS (
                SELECT 1 FROM shops_orderevent h WHERE h.order_id = f.order_id
                AND h.at >= %(at)s::timestamptz - interval '10 minutes'))
        UNION ALL
        SELECT p.transaction_id, 'payment ' || p.status FROM shops_payment p
        WHERE p.status = 'returning'
          AND p.recorded_at < %(at)s::timestamptz - interval '10 minutes'
        UNION ALL
        SELECT p.number, 'payout ' || p.status FROM commissions_payout p
        JOIN commissions_payeeaccount y ON y.id = p.payee_id AND y.provider <> 'bank_file'
        WHERE p.status = 'approved' AND p.held_at IS NULL
          AND greatest(p.approved_at, p.send_from) < %(at)s::timestamptz - interval '10 minutes'
        ORDER BY 1
        """,
    ),
    Rule(
        "A1",
        "no payout is on its way for longer than its channel takes (a day; a bank file a week)",
        """
        SELECT p.number AS payout, p.status, y.provider, p.approved_at
        FROM commissions_payout p JOIN commissions_payeeaccount y ON y.id = p.payee_id
        WHERE p.status IN ('sending', 'unknown')
          AND greatest(p.approved_at, p.send_from) < %(at)s::timestamptz
              - CASE y.provider WHEN 'bank_file' THEN interval '7 days' ELSE interval '1 day' END
        ORDER BY 1
        """,
    ),
]
