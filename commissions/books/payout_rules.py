"""Rules of money out: I7, A5, A7."""

from commissions.books.rule import Rule

RULES = [
    Rule(
        "I7 A5",
        "nobody was paid more than was credited",
        """
        SELECT a.owner_id AS account,
               sum(e.amount_fen) FILTER (WHERE e.amount_fen > 0 AND e.journal_id >> 56 <> 6)::bigint
               AS credited_fen,
               -sum(e.amount_fen) FILTER (WHERE e.journal_id >> 56 IN (4, 6))::bigint AS taken_fen
        FROM commissions_entry e JOIN commissions_ledgeraccount a ON a.id = e.account_id
        WHERE a.owner_kind = 'person' AND a.kind = 'available'
        GROUP BY 1
        HAVING coalesce(sum(e.amount_fen)
                        FILTER (WHERE e.amount_fen > 0 AND e.journal_id >> 56 <> 6), 0)
             < coalesce(-sum(e.amount_fen) FILTER (WHERE e.journal_id >> 56 IN (4, 6)), 0)
        ORDER BY 1
        """,
    ),
    Rule(
        "A5",
        "a payout's journals are those of its state",
        """
        SELECT p.number AS payout, p.status, p.amount_fen, p.fee_fen, p.tax_fen, e.held_fen,
               e.paid_fen, e.tax_fen AS withheld_fen, e.cash_fen, e.back_fen
        FROM commissions_payout p LEFT JOIN (
            SELECT e.journal_id & ((1::bigint << 56) - 1) AS payout_id,
                   sum(e.amount_fen) FILTER (WHERE e.journal_id >> 56 = 4
                       AND a.kind = 'in_transit')::bigint AS held_fen,
                   sum(e.amount_fen) FILTER (WHERE e.journal_id >> 56 = 5
                       AND a.kind = 'in_transit')::bigint AS paid_fen,
                   sum(e.amount_fen) FILTER (WHERE e.journal_id >> 56 = 5
                       AND a.kind = 'cash')::bigint AS cash_fen,
                   sum(e.amount_fen) FILTER (WHERE e.journal_id >> 56 = 7
                       AND a.kind = 'tax')::bigint AS tax_fen,
                   sum(e.amount_fen) FILTER (WHERE e.journal_id >> 56 = 6
                       AND a.kind = 'in_transit')::bigint AS back_fen
            FROM commissions_entry e JOIN commissions_ledgeraccount a ON a.id = e.account_id
            WHERE e.journal_id >= 4::bigint << 56 AND e.journal_id < 8::bigint << 56
            GROUP BY 1) e ON e.payout_id = p.id
        WHERE e.held_fen IS DISTINCT FROM p.amount_fen
           OR e.paid_fen IS DISTINCT FROM
              CASE WHEN p.status = 'paid' THEN p.tax_fen - p.amount_fen END
           OR e.tax_fen IS DISTINCT FROM
              CASE WHEN p.status = 'paid' AND p.tax_fen > 0 THEN p.tax_fen END
           OR e.cash_fen IS DISTINCT FROM
              CASE WHEN p.status = 'paid' THEN p.amount_fen - p.fee_fen - p.tax_fen END
           OR e.back_fen IS DISTINCT FROM CASE WHEN p.status IN ('failed', 'rejected', 'cancelled')
                                               THEN -p.amount_fen END
        ORDER BY 1
        """,
    ),
    Rule(
        "A5",
        "the channel has paid what we say it has",
        """
        SELECT coalesce(t.number, p.number) AS payout, p.status, t.state AS channel_state,
               p.amount_fen - p.fee_fen - p.tax_fen AS ours_fen, t.amount_fen AS channel_fen
        FROM commissions_sandboxtransfer t FULL JOIN (
            SELECT p.* FROM commissions_payout p
            JOIN commissions_payeeaccount y ON y.id = p.payee_id AND y.provider = 'sandbox') p
          ON p.number = t.number
        WHERE (t.state = 'paid' AND (p.id IS NULL
                                     OR t.amount_fen <> p.amount_fen - p.fee_fen - p.tax_fen
                                     OR p.status NOT IN ('sending', 'unknown', 'paid')))
           OR (p.status = 'paid' AND t.state IS DISTINCT FROM 'paid')
        ORDER BY 1
        """,
    ),
    Rule(
        "A5",
        "no channel has answered the opposite of what is booked",
        """
        SELECT p.number AS payout, p.status, t.kind, t.outcome AS answered, t.started_at
        FROM commissions_payoutattempt t JOIN commissions_payout p ON p.id = t.payout_id
        WHERE (t.outcome = 'paid' AND p.status <> 'paid')
           OR (t.outcome = 'failed' AND p.status <> 'failed')
        ORDER BY 1, t.id
        """,
    ),
    Rule(
        "A5",
        "a reconciliation report's figures are those of its lines",
        """
        SELECT r.id AS report, r.status, r.ours_fen, l.ours_fen AS lines_ours_fen, r.theirs_fen,
               l.theirs_fen AS lines_theirs_fen, r.exceptions, l.exceptions AS lines_exceptions
        FROM commissions_reconciliation r CROSS JOIN LATERAL (
            SELECT coalesce(sum(ours_fen) FILTER (WHERE ours = 'paid'), 0)::bigint AS ours_fen,
                   coalesce(sum(theirs_fen) FILTER (WHERE theirs = 'paid'), 0)::bigint
                   AS theirs_fen,
                   count(*) FILTER (WHERE finding <> 'agreed') AS exceptions,
                   count(*) FILTER (WHERE finding = 'to_ask') AS to_ask
            FROM commissions_reconciliationline l WHERE l.report_id = r.id) l
        WHERE r.status <> 'asking' AND (l.to_ask > 0 OR r.ours_fen <> l.ours_fen
              OR r.theirs_fen <> l.theirs_fen OR r.exceptions <> l.exceptions)
        ORDER BY 1
        """,
    ),
    Rule(
        "A5",
        "a bank batch's totals are those of its payouts",
        """
        SELECT b.number AS batch, b.payouts_count, coalesce(p.payouts, 0) AS payouts_found,
               b.total_fen, coalesce(p.fen, 0) AS payouts_fen
        FROM commissions_payoutbatch b LEFT JOIN (
            SELECT batch_id, count(*) AS payouts, sum(amount_fen - fee_fen - tax_fen)::bigint AS fen
            FROM commissions_payout WHERE batch_id IS NOT NULL GROUP BY 1) p ON p.batch_id = b.id
        WHERE b.payouts_count <> coalesce(p.payouts, 0) OR b.total_fen <> coalesce(p.fen, 0)
        ORDER BY 1
        """,
    ),
    Rule(
        "A7",
        "a payout's state has its history: two people, their acts, its sending",
        """
        SELECT p.number AS payout, p.status, p.prepared_by_id AS maker, p.approved_by_id AS checker
        FROM commissions_payout p JOIN commissions_payeeaccount y ON y.id = p.payee_id
        WHERE p.approved_by_id = p.prepared_by_id OR p.approved_by_id = p.account_id
           OR (p.checked_by_id IN (p.prepared_by_id, p.approved_by_id, p.account_id))
           OR (p.needs_second AND p.approved_by_id IS NOT NULL AND p.checked_by_id IS NULL)
           OR (p.checked_by_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM core_auditentry u WHERE u.target_kind = 'commissions.payout'
                AND u.target_id = p.id::text AND u.action = 'payout.check'
                AND u.actor_id = p.checked_by_id))
           OR (p.status IN ('paid', 'failed', 'rejected', 'cancelled'))
              <> (p.finished_at IS NOT NULL)
           OR (p.prepared_by_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM core_auditentry u WHERE u.target_kind = 'commissions.payout'
                AND u.target_id = p.id::text AND u.action = 'payout.prepare'
                AND u.actor_id = p.prepared_by_id))
           OR (p.approved_by_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM core_auditentry u WHERE u.target_kind = 'commissions.payout'
                AND u.target_id = p.id::text AND u.action = 'payout.approve'
                AND u.actor_id = p.approved_by_id))
           OR (p.status IN ('sending', 'unknown', 'paid', 'failed') AND p.batch_id IS NULL
               AND NOT EXISTS (SELECT 1 FROM commissions_payoutattempt t
                               WHERE t.payout_id = p.id AND t.kind = 'send'))
        ORDER BY 1
        """,
    ),
    Rule(
        "A7",
        "an order's state has its row of history",
        """
        SELECT o.number AS "order", o.status FROM shops_order o
        WHERE NOT EXISTS (
            SELECT 1 FROM shops_orderevent h WHERE h.order_id = o.id AND h.kind = CASE o.status
                WHEN 'pending_payment' THEN 'placed' WHEN 'partially_shipped' THEN 'shipped'
                ELSE o.status END)
        ORDER BY 1
        """,
    ),
]
