"""Rules of the tax withheld from payouts and remitted to the tax office: I3, I9, I10, A5, A7."""

from commissions.books.rule import Rule, between

RULES = [
    Rule(
        "A5",
        "what is withheld from a payout is written down once, of its whole amount",
        """
        SELECT p.number AS payout, p.amount_fen, p.tax_fen, w.income_fen, w.tax_fen AS written_fen
        FROM commissions_payout p FULL JOIN commissions_taxwithholding w ON w.payout_id = p.id
        WHERE (w.id IS NULL AND p.tax_fen <> 0)
           OR (w.id IS NOT NULL AND (w.tax_fen <> p.tax_fen OR w.income_fen <> p.amount_fen
                                     OR w.account_id <> p.account_id))
        ORDER BY 1
        """,
    ),
    Rule(
        "I3 A5",
        "what the platform owes the tax office is what was withheld from what is paid",
        f"""
        SELECT w.fen AS withheld_fen, e.fen AS ledger_fen FROM (
            SELECT coalesce(sum(w.tax_fen), 0)::bigint AS fen FROM commissions_taxwithholding w
            JOIN commissions_payout p ON p.id = w.payout_id AND p.status = 'paid') w,
        (SELECT coalesce(sum(e.amount_fen), 0)::bigint AS fen FROM commissions_entry e
         JOIN commissions_ledgeraccount a ON a.id = e.account_id AND a.kind = 'tax'
         WHERE NOT (e.{between(8)})) e
        WHERE w.fen <> e.fen
        """,
    ),
    Rule(
        "A5 I10",
        "a filed month is what was paid and withheld in it",
        f"""
        SELECT f.month, f.payments, coalesce(w.payments, 0) AS payments_found, f.income_fen,
               coalesce(w.income_fen, 0) AS income_found, f.tax_fen, e.fen AS ledger_fen
        FROM commissions_taxfiling f CROSS JOIN LATERAL (
            SELECT count(*) AS payments, sum(w.income_fen)::bigint AS income_fen,
                   coalesce(sum(w.tax_fen), 0)::bigint AS tax_fen
            FROM commissions_taxwithholding w JOIN commissions_payout p ON p.id = w.payout_id
            WHERE p.status = 'paid' AND p.finished_at >= f.begins_at
              AND p.finished_at < f.ends_at) w
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(e.amount_fen), 0)::bigint AS fen FROM commissions_entry e
            JOIN commissions_ledgeraccount a ON a.id = e.account_id AND a.kind = 'tax'
            WHERE e.at >= f.begins_at AND e.at < f.ends_at AND NOT (e.{between(8)})) e
        WHERE f.payments <> w.payments OR f.income_fen IS DISTINCT FROM w.income_fen
           OR f.tax_fen <> w.tax_fen OR f.tax_fen <> e.fen
        ORDER BY 1
        """,
    ),
    Rule(
        "I9 A5 A7",
        "a remittance is agreed to by two, and its journal pays its amount out of the tax owed",
        f"""
        SELECT coalesce(t.id, e.remittance) AS remittance, t.month, t.status, t.amount_fen,
               e.tax_fen, e.cash_fen
        FROM commissions_taxremittance t FULL JOIN (
            SELECT coalesce(j.id, e.journal_id) - (8::bigint << 56) AS remittance,
                   j.id IS NOT NULL AS posted, e.legs, e.tax_fen, e.cash_fen
            FROM (SELECT id FROM commissions_journal
                  WHERE {between(8).replace("journal_id", "id")}) j
            FULL JOIN (
                SELECT e.journal_id, count(*) AS legs,
                       sum(e.amount_fen) FILTER (WHERE a.owner_kind = 'platform'
                           AND a.kind = 'tax')::bigint AS tax_fen,
                       sum(e.amount_fen) FILTER (WHERE a.owner_kind = 'platform'
                           AND a.kind = 'cash')::bigint AS cash_fen
                FROM commissions_entry e JOIN commissions_ledgeraccount a ON a.id = e.account_id
                WHERE e.{between(8)} GROUP BY 1) e ON e.journal_id = j.id) e
          ON e.remittance = t.id
        WHERE e.tax_fen IS DISTINCT FROM CASE WHEN t.status = 'approved' THEN -t.amount_fen END
           OR e.cash_fen IS DISTINCT FROM CASE WHEN t.status = 'approved' THEN t.amount_fen END
           OR (e.remittance IS NOT NULL AND (t.id IS NULL OR NOT e.posted OR e.legs <> 2))
           OR t.decided_by_id = t.recorded_by_id AND t.status = 'approved'
        ORDER BY 1
        """,
    ),
    Rule(
        "I3 A5",
        "of no month more is remitted than was withheld in it",
        f"""
        SELECT t.month, t.fen AS remitted_fen, e.fen AS withheld_fen FROM (
            SELECT month, min(begins_at) AS begins_at, max(ends_at) AS ends_at,
                   sum(amount_fen)::bigint AS fen
            FROM commissions_taxremittance WHERE status = 'approved' GROUP BY 1) t
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(e.amount_fen), 0)::bigint AS fen FROM commissions_entry e
            JOIN commissions_ledgeraccount a ON a.id = e.account_id AND a.kind = 'tax'
            WHERE e.{between(7)} AND e.at >= t.begins_at AND e.at < t.ends_at) e
        WHERE t.fen > e.fen
        ORDER BY 1
        """,
    ),
]
