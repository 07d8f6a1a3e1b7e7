"""Rules of what was decided anew, and of locks and codes: I3, I5, I8, I9, X7."""

from commissions.books.rule import Rule, between

RULES = [
    Rule(
        "I5 X7",
        "of a line decided anew, all its journals together are what its parts say now",
        f"""
        WITH anew AS (SELECT DISTINCT commission_id AS id FROM commissions_attributionoverride),
        posted AS (
            SELECT e.journal_id - (1::bigint << 56) AS commission, e.account_id, e.amount_fen
            FROM commissions_entry e WHERE e.journal_id IN (
                SELECT (1::bigint << 56) + id FROM anew)
            UNION ALL
            SELECT r.commission_id, e.account_id, e.amount_fen FROM commissions_entry e
            JOIN commissions_commissionreversal r ON r.id = e.journal_id - (2::bigint << 56)
            WHERE e.{between(2)} AND r.commission_id IN (SELECT id FROM anew)
            UNION ALL
            SELECT v.commission_id, e.account_id, e.amount_fen FROM commissions_entry e
            JOIN commissions_attributionoverride v ON v.id = e.journal_id - (20::bigint << 56)
            WHERE e.{between(20)})
        SELECT coalesce(w.commission, g.commission) AS commission,
               coalesce(w.owner_kind, g.owner_kind) AS owner_kind,
               coalesce(w.owner_id, g.owner_id) AS owner, w.fen AS parts_fen, g.fen AS entries_fen
        FROM (
            SELECT s.commission_id AS commission,
                CASE WHEN s.payee_id IS NULL THEN s.role ELSE 'person' END AS owner_kind,
                coalesce(s.payee_id, 0) AS owner_id,
                sum(s.amount_fen - s.reversed_fen)::bigint AS fen
            FROM commissions_commissionsplit s
            WHERE s.role <> 'shop' AND s.commission_id IN (SELECT id FROM anew)
            GROUP BY 1, 2, 3 HAVING sum(s.amount_fen - s.reversed_fen) <> 0) w
        FULL JOIN (
            SELECT p.commission, a.owner_kind, a.owner_id, sum(p.amount_fen)::bigint AS fen
            FROM posted p JOIN commissions_ledgeraccount a ON a.id = p.account_id
            WHERE a.owner_kind <> 'shop'
            GROUP BY 1, 2, 3 HAVING sum(p.amount_fen) <> 0) g
          ON (g.commission, g.owner_kind, g.owner_id) = (w.commission, w.owner_kind, w.owner_id)
        WHERE w.fen IS DISTINCT FROM g.fen ORDER BY 1, 2, 3
        """,
    ),
    Rule(
        "I9 X7",
        "an override settles its dispute, comes next in its line, and its journal has its legs",
        f"""
        SELECT v.id AS override, v.commission_id AS commission, v.number, d.status
        FROM commissions_attributionoverride v
        JOIN commissions_attributiondispute d ON d.id = v.dispute_id
        WHERE d.status <> 'settled' OR d.commission_id <> v.commission_id
           OR d.decided_by_id <> v.approved_by_id OR d.proposed_by_id <> v.prepared_by_id
           OR v.number <> (SELECT count(*) FROM commissions_attributionoverride before
                WHERE before.commission_id = v.commission_id AND before.number <= v.number)
        UNION ALL
        SELECT coalesce(j.id, e.journal_id) - (20::bigint << 56), NULL, NULL,
            'journal and entries'
        FROM (SELECT id FROM commissions_journal
              WHERE {between(20).replace("journal_id", "id")}) j
        FULL JOIN (SELECT journal_id, sum(amount_fen) AS fen FROM commissions_entry
              WHERE {between(20)} GROUP BY 1) e ON e.journal_id = j.id
        WHERE j.id IS NULL OR e.journal_id IS NULL OR e.fen <> 0
        UNION ALL
        SELECT d.id, d.commission_id, NULL, 'settled without override'
        FROM commissions_attributiondispute d WHERE d.status = 'settled' AND NOT EXISTS (
            SELECT 1 FROM commissions_attributionoverride v WHERE v.dispute_id = d.id)
        ORDER BY 1
        """,
    ),
    Rule(
        "I8",
        "what won by a code or a lock was the holder's when the order was placed",
        """
        SELECT a.id AS attribution, a.rule, a.source_id AS source
        FROM commissions_attribution a
        JOIN shops_orderline l ON l.id = a.order_line_id
        JOIN shops_order o ON o.id = l.order_id
        LEFT JOIN commissions_couponcode k ON a.rule = 'coupon' AND k.id = a.source_id
        LEFT JOIN commissions_lockchange c ON a.rule = 'lock' AND c.id = a.source_id
        WHERE (a.rule = 'coupon' AND (k.id IS NULL OR k.shop_id <> o.shop_id
                OR l.coupon_id IS DISTINCT FROM k.id OR k.starts_at > o.placed_at
                OR k.promoter_id IS DISTINCT FROM a.promoter_id
                OR k.creator_id IS DISTINCT FROM a.creator_id))
           OR (a.rule = 'lock' AND (c.id IS NULL OR c.shop_id <> o.shop_id
                OR c.buyer_id <> o.buyer_id OR c.promoter_id IS DISTINCT FROM a.promoter_id
                OR c.at > o.placed_at))
        ORDER BY 1
        """,
    ),
    Rule(
        "I8",
        "everything that a change of a lock names exists",
        """
        SELECT c.id AS change FROM commissions_lockchange c
        LEFT JOIN accounts_account b ON b.id = c.buyer_id
        LEFT JOIN shops_shop s ON s.id = c.shop_id
        LEFT JOIN commissions_promoter p ON p.id = c.promoter_id
        LEFT JOIN commissions_touch t ON c.cause = 'click' AND t.id = c.cause_id
        LEFT JOIN shops_orderline l ON c.cause = 'order' AND l.id = c.cause_id
        WHERE b.id IS NULL OR s.id IS NULL OR p.id IS NULL OR coalesce(t.id, l.id) IS NULL
        ORDER BY 1
        """,
    ),
]
