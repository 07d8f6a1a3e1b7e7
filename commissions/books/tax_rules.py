"""Rules of the tax withheld from payouts: A5."""

from commissions.books.rule import Rule

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
        """
        SELECT w.fen AS withheld_fen, e.fen AS ledger_fen FROM (
            SELECT coalesce(sum(w.tax_fen), 0)::bigint AS fen FROM commissions_taxwithholding w
            JOIN commissions_payout p ON p.id = w.payout_id AND p.status = 'paid') w,
        (SELECT coalesce(sum(e.amount_fen), 0)::bigint AS fen FROM commissions_entry e
         JOIN commissions_ledgeraccount a ON a.id = e.account_id AND a.kind = 'tax') e
        WHERE w.fen <> e.fen
        """,
    ),
    Rule(
        "A5 I10",
        "a filed month is what was paid and withheld in it",
        """
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
            WHERE e.at >= f.begins_at AND e.at < f.ends_at) e
        WHERE f.payments <> w.payments OR f.income_fen IS DISTINCT FROM w.income_fen
           OR f.tax_fen <> w.tax_fen OR f.tax_fen <> e.fen
        ORDER BY 1
        """,
    ),
]
