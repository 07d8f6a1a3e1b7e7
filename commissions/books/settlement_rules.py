"""Rules of settlement: I10. Σ periods = Σ all, and what has not settled is what is pending."""

from commissions.books.rule import Rule, between

_OWNER = """CASE WHEN s.payee_id IS NULL THEN s.role ELSE 'person' END AS owner_kind,
    coalesce(s.payee_id, 0) AS owner_id"""

RULES = [
    Rule(
        "I10",
        "a commission settles in one run, of the period in which it matured, and not before",
        """
        SELECT c.id AS commission, c.status, c.settlement_run_id AS run, c.matures_at, r.as_of
        FROM commissions_commissionorder c
        LEFT JOIN commissions_settlementrun r ON r.id = c.settlement_run_id
        LEFT JOIN commissions_settlementperiod p ON p.id = r.period_id
        WHERE (c.status = 'settled') <> (c.settlement_run_id IS NOT NULL)
           OR c.matures_at > r.as_of OR c.matures_at < p.from_at OR c.matures_at >= p.to_at
        ORDER BY 1
        """,
    ),
    Rule(
        "I10",
        "a run's totals are those of its orders and postings",
        """
        SELECT r.id AS run, r.orders, coalesce(c.orders, 0) AS orders_found, r.amount_fen,
               coalesce(p.fen, 0) AS postings_fen
        FROM commissions_settlementrun r
        LEFT JOIN (SELECT settlement_run_id AS run_id, count(*) AS orders
                   FROM commissions_commissionorder WHERE settlement_run_id IS NOT NULL
                   GROUP BY 1) c ON c.run_id = r.id
        LEFT JOIN (SELECT run_id, sum(amount_fen)::bigint AS fen
                   FROM commissions_settlementposting GROUP BY 1) p ON p.run_id = r.id
        WHERE r.orders <> coalesce(c.orders, 0) OR r.amount_fen <> coalesce(p.fen, 0)
        ORDER BY 1
        """,
    ),
    Rule(
        "I10",
        "a posting is what its run's commissions owed the payee when they settled",
        f"""
        SELECT coalesce(w.run, p.run_id) AS run,
               coalesce(w.owner_kind, p.payee_kind) AS owner_kind,
               coalesce(w.owner_id, p.payee_id, 0) AS owner, w.fen AS owed_fen,
               p.amount_fen AS posted_fen
        FROM (
            SELECT run, owner_kind, owner_id, sum(fen)::bigint AS fen FROM (
                SELECT c.settlement_run_id AS run, {_OWNER}, s.amount_fen - s.reversed_fen AS fen
                FROM commissions_commissionsplit s
                JOIN commissions_commissionorder c ON c.id = s.commission_id
                WHERE c.settlement_run_id IS NOT NULL AND s.role <> 'shop'
                UNION ALL
                SELECT c.settlement_run_id, a.owner_kind, a.owner_id, -e.amount_fen
                FROM commissions_entry e
                JOIN commissions_ledgeraccount a ON a.id = e.account_id
                JOIN commissions_commissionreversal r ON r.id = e.journal_id - (2::bigint << 56)
                JOIN commissions_commissionorder c ON c.id = r.commission_id
                WHERE e.{between(2)} AND r.settled AND a.owner_kind <> 'shop'
                UNION ALL
                SELECT c.settlement_run_id, a.owner_kind, a.owner_id, -e.amount_fen
                FROM commissions_entry e
                JOIN commissions_ledgeraccount a ON a.id = e.account_id
                JOIN commissions_attributionoverride v ON v.id = e.journal_id - (20::bigint << 56)
                JOIN commissions_commissionorder c ON c.id = v.commission_id
                WHERE e.{between(20)} AND v.settled AND a.owner_kind <> 'shop') parts
            GROUP BY 1, 2, 3 HAVING sum(fen) <> 0) w
        FULL JOIN commissions_settlementposting p
          ON (p.run_id, p.payee_kind, coalesce(p.payee_id, 0))
           = (w.run, w.owner_kind, w.owner_id)
        WHERE w.fen IS DISTINCT FROM p.amount_fen ORDER BY 1, 2, 3
        """,
    ),
    Rule(
        "I10",
        "a posting's journal moves its amount from pending to available",
        f"""
        SELECT coalesce(p.id, e.posting) AS posting, p.amount_fen, e.pending_fen, e.available_fen
        FROM commissions_settlementposting p FULL JOIN (
            SELECT e.journal_id - (3::bigint << 56) AS posting,
                   sum(e.amount_fen) FILTER (WHERE a.kind = 'pending')::bigint AS pending_fen,
                   sum(e.amount_fen) FILTER (WHERE a.kind = 'available')::bigint AS available_fen
            FROM commissions_entry e JOIN commissions_ledgeraccount a ON a.id = e.account_id
            WHERE e.{between(3)} GROUP BY 1) e ON e.posting = p.id
        WHERE p.amount_fen IS DISTINCT FROM e.available_fen
           OR -p.amount_fen IS DISTINCT FROM e.pending_fen
        ORDER BY 1
        """,
    ),
    Rule(
        "I10",
        "what is pending is what has not settled",
        f"""
        SELECT coalesce(w.owner_kind, g.owner_kind) AS owner_kind,
               coalesce(w.owner_id, g.owner_id) AS owner, w.fen AS unsettled_fen,
               g.fen AS pending_fen
        FROM (
            SELECT {_OWNER}, sum(s.fen)::bigint AS fen FROM (
                SELECT s.payee_id, CASE WHEN s.payee_id IS NULL THEN s.role END AS role,
                       sum(s.amount_fen - s.reversed_fen) AS fen
                FROM commissions_commissionsplit s
                JOIN commissions_commissionorder c ON c.id = s.commission_id
                WHERE c.status <> 'settled' AND s.role <> 'shop' GROUP BY 1, 2) s
            GROUP BY 1, 2 HAVING sum(s.fen) <> 0) w
        FULL JOIN (
            SELECT a.owner_kind, a.owner_id, sum(e.amount_fen)::bigint AS fen
            FROM commissions_entry e JOIN commissions_ledgeraccount a ON a.id = e.account_id
            WHERE a.kind = 'pending' GROUP BY 1, 2 HAVING sum(e.amount_fen) <> 0) g
          ON (g.owner_kind, g.owner_id) = (w.owner_kind, w.owner_id)
        WHERE w.fen IS DISTINCT FROM g.fen ORDER BY 1, 2
        """,
    ),
]
