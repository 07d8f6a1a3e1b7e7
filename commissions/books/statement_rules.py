"""Rules of statements and re-statements: I10, X4, X12. Each reads the stored lines alone, so books
without a statement pay nothing for them."""

from commissions.books.rule import Rule

_TOLD = """
WITH told AS MATERIALIZED (
    SELECT n.statement_id, a.owner_kind, a.owner_id, a.kind AS account, count(*) AS lines,
           max(n.number) AS last, CASE WHEN count(e.account_id) = count(*)
               THEN sum(e.amount_fen)::bigint END AS fen
    FROM commissions_statementline n
    LEFT JOIN commissions_entry e
      ON (e.account_id, e.journal_id) = (n.account_id, n.journal_id)
    LEFT JOIN commissions_ledgeraccount a ON a.id = n.account_id
    GROUP BY 1, 2, 3, 4)
"""

RULES = [
    Rule(
        "I10 X12",
        "a statement's lines are its owner's entries, and lead from its opening to its closing",
        f"""
        {_TOLD}
        SELECT t.statement_id AS statement, t.account, t.fen AS lines_fen
        FROM told t LEFT JOIN commissions_statement s ON s.id = t.statement_id
        WHERE s.id IS NULL
           OR (t.owner_kind, t.owner_id) IS DISTINCT FROM (s.owner_kind::text, s.owner_id)
           OR coalesce((s.opening->>t.account)::bigint, 0) + t.fen
              IS DISTINCT FROM (s.closing->>t.account)::bigint
        UNION ALL
        SELECT s.id, k.account, NULL FROM commissions_statement s
        CROSS JOIN LATERAL jsonb_each_text(s.closing) k(account, fen)
        LEFT JOIN told t ON t.statement_id = s.id AND t.account = k.account
        WHERE t.account IS NULL AND k.fen IS DISTINCT FROM s.opening->>k.account
        UNION ALL
        SELECT s.id, NULL, NULL FROM commissions_statement s
        LEFT JOIN (SELECT statement_id, sum(lines) AS lines, max(last) AS last
                   FROM told GROUP BY 1) t ON t.statement_id = s.id
        WHERE s.lines_count IS DISTINCT FROM t.lines OR s.lines_count IS DISTINCT FROM t.last
           OR s.digest = ''
        ORDER BY 1, 2
        """,
    ),
    Rule(
        "I10 X12",
        "a statement opens with what the one before it has closed",
        """
        SELECT id AS statement, opening, before AS closed_before FROM (
            SELECT s.id, s.opening, coalesce(lag(s.closing) OVER (
                PARTITION BY s.owner_kind, s.owner_id ORDER BY p.to_at, s.id), '{}') AS before
            FROM commissions_statement s JOIN commissions_settlementperiod p ON p.id = s.period_id
        ) w WHERE opening <> before ORDER BY 1
        """,
    ),
    Rule(
        "I10 X4",
        "a re-statement's lines are journals of its own period, and add up to it",
        """
        SELECT n.restatement_id AS restatement, n.journal_id AS journal, n.amount_fen,
               e.amount_fen AS entry_fen
        FROM commissions_restatementline n
        LEFT JOIN commissions_restatement m ON m.id = n.restatement_id
        LEFT JOIN commissions_settlementrun r ON r.id = n.run_id
        LEFT JOIN commissions_entry e
          ON (e.account_id, e.journal_id) = (n.account_id, n.journal_id)
        WHERE e.amount_fen IS DISTINCT FROM n.amount_fen
           OR r.period_id IS DISTINCT FROM m.period_id
           OR n.journal_id >> 56 NOT IN (2, 3, 20)
        UNION ALL
        SELECT m.id, NULL, m.amount_fen, sum(n.amount_fen)::bigint
        FROM commissions_restatement m
        LEFT JOIN commissions_restatementline n ON n.restatement_id = m.id
        GROUP BY m.id HAVING m.amount_fen IS DISTINCT FROM sum(n.amount_fen)::bigint
            OR m.lines_count <> count(n.account_id)
        ORDER BY 1, 2
        """,
    ),
    Rule(
        "I10 X4",
        "a period that was re-stated is what settling it anew would be, but for what came since",
        """
        WITH again AS MATERIALIZED (
            SELECT r.id, r.period_id, r.late FROM commissions_settlementrun r
            WHERE r.period_id IN (SELECT period_id FROM commissions_restatement)),
        settled AS MATERIALIZED (
            SELECT c.id, again.period_id FROM again
            JOIN commissions_commissionorder c ON c.settlement_run_id = again.id),
        told AS (
            SELECT again.period_id, p.payee_kind AS kind, coalesce(p.payee_id, 0) AS owner_id,
                   p.amount_fen AS fen
            FROM again JOIN commissions_settlementposting p ON p.run_id = again.id
            WHERE NOT again.late
            UNION ALL
            SELECT m.period_id, a.owner_kind, a.owner_id, n.amount_fen
            FROM commissions_restatementline n
            JOIN commissions_restatement m ON m.id = n.restatement_id
            JOIN commissions_ledgeraccount a ON a.id = n.account_id
            UNION ALL
            SELECT j.period_id, a.owner_kind, a.owner_id, e.amount_fen
            FROM (
                SELECT s.period_id, (2::bigint << 56) + r.id AS journal_id FROM settled s
                JOIN commissions_commissionreversal r ON r.commission_id = s.id AND r.settled
                UNION ALL
                SELECT s.period_id, (20::bigint << 56) + v.id FROM settled s
                JOIN commissions_attributionoverride v ON v.commission_id = s.id AND v.settled
                UNION ALL
                SELECT again.period_id, (3::bigint << 56) + p.id FROM again
                JOIN commissions_settlementposting p ON p.run_id = again.id WHERE again.late) j
            JOIN commissions_entry e ON e.journal_id = j.journal_id
            JOIN commissions_ledgeraccount a
              ON a.id = e.account_id AND a.kind = 'available' AND a.owner_kind <> 'shop'
            WHERE NOT EXISTS (
                SELECT 1 FROM commissions_restatementline n
                WHERE (n.account_id, n.journal_id) = (e.account_id, e.journal_id))
            UNION ALL
            SELECT s.period_id, CASE WHEN p.payee_id IS NULL THEN p.role ELSE 'person' END,
                   coalesce(p.payee_id, 0), p.reversed_fen - p.amount_fen
            FROM settled s JOIN commissions_commissionsplit p
              ON p.commission_id = s.id AND p.role <> 'shop')
        SELECT period_id AS period, kind, owner_id AS owner, sum(fen)::bigint AS differs_fen
        FROM told GROUP BY 1, 2, 3 HAVING sum(fen) <> 0 ORDER BY 1, 2, 3
        """,
    ),
]
