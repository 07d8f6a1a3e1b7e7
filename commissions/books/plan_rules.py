"""Rules of plans: X10, K1, I2. What is used of a plan is what its commissions say."""

from commissions.books.commission_rules import BUDGET_PARTS
from commissions.books.rule import Rule

RULES = [
    Rule(
        "X10",
        "a plan's fund is what its commissions took and gave back, and is never exceeded",
        f"""
        SELECT f.plan_id AS plan, f.funded_fen, f.taken_fen, s.taken AS commissions_fen,
               f.returned_fen + coalesce(r.fen, 0) AS returned_fen, s.back AS reversed_fen
        FROM commissions_planfund f
        LEFT JOIN (
            SELECT v.plan_id, sum(c.budget_fen)::bigint AS taken, sum(k.back)::bigint AS back
            FROM commissions_commissionorder c
            JOIN commissions_planversion v ON v.id = c.plan_version_id
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(reversed_fen), 0) AS back FROM commissions_commissionsplit
                WHERE commission_id = c.id AND {BUDGET_PARTS}) k
            WHERE c.terms IS NOT NULL AND (c.terms ->> 'funded')::boolean
            GROUP BY 1) s ON s.plan_id = f.plan_id
        LEFT JOIN (
            SELECT plan_id, sum(amount_fen)::bigint AS fen FROM commissions_planreturn
            GROUP BY 1) r ON r.plan_id = f.plan_id
        WHERE f.taken_fen <> coalesce(s.taken, 0)
           OR f.returned_fen + coalesce(r.fen, 0) <> coalesce(s.back, 0)
           OR f.taken_fen - f.returned_fen > f.funded_fen
        ORDER BY 1
        """,
    ),
    Rule(
        "K1",
        "what counts against a cap is what its commissions were granted",
        """
        SELECT coalesce(w.plan, g.plan_id) AS plan, coalesce(w.kind, g.kind) AS cap,
               coalesce(w.account, g.account_id) AS account, coalesce(w.period, g.period)
               AS period, w.fen AS commissions_fen, g.used_fen
        FROM (
            SELECT v.plan_id AS plan, one ->> 'name' AS kind,
                   (c.terms ->> 'account_id')::bigint AS account,
                   (one ->> 'period')::bigint AS period, sum(c.budget_fen)::bigint AS fen
            FROM commissions_commissionorder c
            JOIN commissions_planversion v ON v.id = c.plan_version_id
            CROSS JOIN LATERAL jsonb_array_elements(c.terms -> 'limits') one
            WHERE c.terms IS NOT NULL GROUP BY 1, 2, 3, 4) w
        FULL JOIN commissions_plancounter g
          ON (g.plan_id, g.kind, g.account_id, g.period) = (w.plan, w.kind, w.account, w.period)
        WHERE coalesce(w.fen, 0) <> coalesce(g.used_fen, 0)
        ORDER BY 1, 2, 3, 4
        """,
    ),
    Rule(
        "K1 I8",
        "a plan that priced a line was in force, and of its shop, when it was placed",
        """
        SELECT c.id AS commission, v.id AS version, c.step, o.placed_at, v.starts_at, v.ends_at
        FROM commissions_commissionorder c
        JOIN commissions_planversion v ON v.id = c.plan_version_id
        JOIN shops_orderline l ON l.id = c.order_line_id JOIN shops_order o ON o.id = l.order_id
        WHERE c.terms IS NOT NULL AND (c.step <> c.terms ->> 'step' OR NOT v.is_default
              AND (o.placed_at < v.starts_at OR o.placed_at >= v.ends_at
                   OR v.shop_id <> o.shop_id))
        ORDER BY 1
        """,
    ),
    Rule(
        "K1 K9",
        "whom a plan named by an agency was its member when the order was placed",
        """
        SELECT c.id AS commission, c.plan_version_id AS version, o.placed_at,
               (c.terms -> 'named' ->> 'agency_id')::bigint AS agency,
               (c.terms -> 'named' ->> 'edge_id')::bigint AS edge
        FROM commissions_commissionorder c
        JOIN shops_orderline l ON l.id = c.order_line_id JOIN shops_order o ON o.id = l.order_id
        WHERE c.terms -> 'named' ->> 'by' = 'agency' AND NOT EXISTS (
            SELECT FROM commissions_agencyedge e
            JOIN commissions_promoter who ON who.id = e.promoter_id
             AND who.account_id = (c.terms ->> 'account_id')::bigint
            JOIN commissions_planagency given ON given.agency_id = e.agency_id
             AND given.version_id = c.plan_version_id
            WHERE e.id = (c.terms -> 'named' ->> 'edge_id')::bigint AND e.kind = 'joined'
              AND e.agency_id = (c.terms -> 'named' ->> 'agency_id')::bigint
              AND e.from_at <= o.placed_at AND NOT EXISTS (
                SELECT FROM commissions_agencyedge later
                WHERE later.promoter_id = e.promoter_id AND later.number > e.number
                  AND later.from_at <= o.placed_at))
        ORDER BY 1
        """,
    ),
]
