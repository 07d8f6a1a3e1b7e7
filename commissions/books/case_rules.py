"""Rules of risk cases and of orders made elsewhere: A7, I4, I9."""

from commissions.books.rule import Rule

RULES = [
    Rule(
        "A7",
        "what risk holds has its open case, what risk has ended its decision, and nothing is left",
        """
        SELECT c.id AS commission, c.status, c.held_reason, c.reason
        FROM commissions_commissionorder c
        WHERE (starts_with(c.held_reason, 'risk_') AND NOT EXISTS (
                SELECT 1 FROM commissions_riskcase k WHERE k.commission_id = c.id
                AND k.status = 'open' AND c.held_reason = 'risk_' || k.rule))
           OR (starts_with(c.reason, 'risk_') AND (c.refunded_fen <> c.base_fen OR NOT EXISTS (
                SELECT 1 FROM commissions_riskcase k WHERE k.commission_id = c.id
                AND k.status = 'invalidated')))
        ORDER BY 1
        """,
    ),
    Rule(
        "I9",
        "an order made elsewhere is one conversion, as its partner told it",
        """
        SELECT o.number AS "order", k.id AS conversion, k.paid_fen, l.paid_fen AS line_paid_fen
        FROM shops_order o JOIN shops_orderline l ON l.order_id = o.id
        LEFT JOIN commissions_conversion k ON k.order_line_id = l.id
        WHERE o.status = 'external' AND (k.id IS NULL OR k.paid_fen <> l.paid_fen
              OR o.paid_fen <> l.paid_fen OR o.refunded_fen <> l.refunded_fen)
        UNION ALL
        SELECT o.number, k.id, k.paid_fen, l.paid_fen
        FROM commissions_conversion k JOIN shops_orderline l ON l.id = k.order_line_id
        JOIN shops_order o ON o.id = l.order_id WHERE o.status <> 'external'
        ORDER BY 1
        """,
    ),
    Rule(
        "A1",
        "an import has a verdict for each of its rows",
        """
        SELECT i.id AS import, i.row_count, coalesce(v.rows, 0) AS verdicts
        FROM commissions_conversionimport i LEFT JOIN (
            SELECT upload_id, count(*) AS rows FROM commissions_conversionverdict GROUP BY 1) v
          ON v.upload_id = i.id
        WHERE i.row_count <> coalesce(v.rows, 0) ORDER BY 1
        """,
    ),
]
