"""Rules of the ledger itself: I1, I3, I9, A2, A3."""

from commissions.books.rule import Quick, Rule, weight

_KINDS = "1, 2, 3, 4, 5, 6, 7, 8, 20, 40, 41"
_CAUSELESS = """
SELECT j.id, j.kind, j.subject_id FROM commissions_journal j
LEFT JOIN commissions_commissionreversal r ON j.kind = 2 AND r.id = j.subject_id
LEFT JOIN commissions_settlementposting s ON j.kind = 3 AND s.id = j.subject_id
LEFT JOIN commissions_payout p ON j.kind IN (4, 5, 6, 7) AND p.id = j.subject_id
LEFT JOIN commissions_taxremittance t ON j.kind = 8 AND t.id = j.subject_id
LEFT JOIN commissions_attributionoverride v ON j.kind = 20 AND v.id = j.subject_id
LEFT JOIN commissions_writeoff w ON j.kind = 40 AND w.id = j.subject_id
LEFT JOIN commissions_bountyaward b ON j.kind = 41 AND b.id = j.subject_id
WHERE j.id >= 2::bigint << 56 AND coalesce(r.id, s.id, p.id, t.id, v.id, w.id, b.id) IS NULL
"""
# The whole ledger in one pass over its entries and one over its journals. Every journal has one
# leg of a sort that no journal has twice: on a payable account (accruals, reversals), on one in
# transit (payouts), on an available one (settlements), on a person's available one (what is given:
# write-offs, bounties). Their weights are those of the journals.
# Every commission order has one accrual: the weights of the one are those of the other. Only
# overrides (20) and tax remittances (8) have no such leg: those few have rules of their own
# (override_rules, tax_rules).
ONE_PASS = f"""
WITH journals AS MATERIALIZED (
    SELECT coalesce(sum(w) FILTER (WHERE kind NOT IN (8, 20)), 0) AS weights,
           coalesce(sum(w) FILTER (WHERE kind = 1), 0) AS accruals, coalesce(sum(w), 0) AS every,
           coalesce(bool_and(id = (kind::bigint << 56) | subject_id
                             AND kind IN ({_KINDS})), true) AS named
    FROM (SELECT id, kind, subject_id, {weight("id")} AS w FROM commissions_journal) j
), legs AS MATERIALIZED (
    SELECT account_id, sum(amount_fen) AS fen, sum(amount_fen * w) AS weighed,
           sum(w) FILTER (WHERE journal_id >> 56 < 40 AND journal_id >> 56 <> 20) AS weights,
           sum(w) FILTER (WHERE journal_id >> 56 = 3) AS settled,
           sum(w) FILTER (WHERE journal_id >> 56 >= 40) AS given
    FROM (SELECT account_id, journal_id, amount_fen, {weight("journal_id")} AS w
          FROM commissions_entry) e
    GROUP BY account_id
), said AS (
    SELECT account_id FROM (
        SELECT account_id, balance_fen AS fen FROM commissions_balance
        UNION ALL SELECT account_id, amount_fen FROM commissions_balancedelta
        UNION ALL SELECT account_id, -fen FROM legs) s
    GROUP BY account_id HAVING sum(fen) <> 0
)
SELECT coalesce(sum(weighed), 0) = 0
       AND coalesce(sum(CASE WHEN a.kind IN ('payable', 'in_transit') THEN weights
                             WHEN a.kind = 'available' THEN settled END), 0)
           + coalesce(sum(given) FILTER (WHERE a.kind = 'available'
                                         AND a.owner_kind = 'person'), 0)
           = (SELECT weights FROM journals) AS journals,
       (SELECT named AND accruals = (
            SELECT coalesce(sum({weight("id + (1::bigint << 56)")}), 0)
            FROM commissions_commissionorder) FROM journals)
           AND NOT EXISTS ({_CAUSELESS}) AS causes,
       NOT EXISTS (SELECT 1 FROM said) AS balances,
       (SELECT every FROM journals)
           = (SELECT coalesce(sum({weight("journal_id")}), 0) FROM commissions_sealedjournal)
           + (SELECT coalesce(sum({weight("w.id")}), 0)
              FROM commissions_sealwaiting, unnest(journal_ids) w(id)) AS sealed,
       count(*) FILTER (WHERE a.id IS NULL) = 0 AS accounts
FROM legs LEFT JOIN commissions_ledgeraccount a ON a.id = legs.account_id
"""

RULES = [
    Rule(
        "I1 A3",
        "every journal has entries and they sum to zero",
        """
        SELECT coalesce(j.id, e.journal_id) AS journal, j.kind, e.legs, e.sum_fen
        FROM commissions_journal j FULL JOIN (
            SELECT journal_id, count(*) AS legs, sum(amount_fen)::bigint AS sum_fen
            FROM commissions_entry GROUP BY journal_id) e ON e.journal_id = j.id
        WHERE j.id IS NULL OR e.journal_id IS NULL OR e.sum_fen <> 0
        ORDER BY 1
        """,
        Quick(ONE_PASS, "journals"),
    ),
    Rule(
        "I3 A3",
        "every balance with its deltas is the sum of its entries",
        """
        SELECT account_id AS account, sum(stored)::bigint AS stored_fen,
               sum(entered)::bigint AS entries_fen
        FROM (SELECT account_id, balance_fen AS stored, 0 AS entered FROM commissions_balance
              UNION ALL SELECT account_id, amount_fen, 0 FROM commissions_balancedelta
              UNION ALL SELECT account_id, 0, amount_fen FROM commissions_entry) said
        GROUP BY account_id HAVING sum(stored) <> sum(entered)
        ORDER BY 1
        """,
        Quick(ONE_PASS, "balances"),
    ),
    Rule(
        "I3",
        "every entry belongs to an account that exists",
        """
        SELECT e.account_id AS account, count(*) AS entries
        FROM commissions_entry e LEFT JOIN commissions_ledgeraccount a ON a.id = e.account_id
        WHERE a.id IS NULL GROUP BY 1 ORDER BY 1
        """,
        Quick(ONE_PASS, "accounts"),
    ),
    Rule(
        "I9 A2",
        "a journal's id is made of its cause, and the cause exists",
        f"""
        SELECT j.id AS journal, j.kind, j.subject_id AS subject FROM commissions_journal j
        WHERE j.id <> (j.kind::bigint << 56) | j.subject_id OR j.kind NOT IN ({_KINDS})
        UNION ALL
        SELECT j.id, j.kind, j.subject_id FROM commissions_journal j
        LEFT JOIN commissions_commissionorder c ON c.id = j.id - (1::bigint << 56)
        WHERE j.id < 2::bigint << 56 AND c.id IS NULL
        UNION ALL {_CAUSELESS}
        ORDER BY 1
        """,
        Quick(ONE_PASS, "causes"),
    ),
    Rule(
        "A2",
        "a payout is sent once",
        """
        SELECT payout_id AS payout, count(*) AS sends FROM commissions_payoutattempt
        WHERE kind = 'send' GROUP BY 1 HAVING count(*) > 1 ORDER BY 1
        """,
    ),
]
