"""Rules of what is given beside commissions: write-offs and bounties (I7, I9, A7)."""

from commissions.books.rule import Rule, between

RULES = [
    Rule(
        "I9 A7",
        "a write-off moves what two people agreed to, out of the platform's own",
        f"""
        SELECT coalesce(w.id, e.write_off) AS write_off, w.status, w.written_fen, e.person_fen,
               e.platform_fen
        FROM commissions_writeoff w FULL JOIN (
            SELECT e.journal_id - (40::bigint << 56) AS write_off,
                   min(a.owner_id) FILTER (WHERE a.owner_kind = 'person') AS account_id,
                   sum(e.amount_fen) FILTER (WHERE a.owner_kind = 'person'
                       AND a.kind = 'available')::bigint AS person_fen,
                   sum(e.amount_fen) FILTER (WHERE a.owner_kind = 'platform'
                       AND a.kind = 'available')::bigint AS platform_fen
            FROM commissions_entry e JOIN commissions_ledgeraccount a ON a.id = e.account_id
            WHERE e.{between(40)} GROUP BY 1) e ON e.write_off = w.id
        WHERE w.written_fen IS DISTINCT FROM e.person_fen
           OR -w.written_fen IS DISTINCT FROM e.platform_fen
           OR (w.status = 'approved' AND (e.account_id <> w.account_id
               OR w.decided_by_id = w.requested_by_id OR w.decided_by_id = w.account_id))
        ORDER BY 1
        """,
    ),
    Rule(
        "I2 I9",
        "an award is paid once, by its bounty's funder, if at all",
        f"""
        SELECT coalesce(w.id, e.award) AS award, w.status, w.reward_fen, e.person_fen,
               e.funder_fen
        FROM commissions_bountyaward w JOIN commissions_bounty b ON b.id = w.bounty_id
        FULL JOIN (
            SELECT e.journal_id - (41::bigint << 56) AS award,
                   min(a.owner_id) FILTER (WHERE a.owner_kind = 'person') AS account_id,
                   min(a.owner_id) FILTER (WHERE a.owner_kind = 'shop') AS shop_id,
                   sum(e.amount_fen) FILTER (WHERE a.owner_kind = 'person'
                       AND a.kind = 'available')::bigint AS person_fen,
                   sum(e.amount_fen) FILTER (WHERE a.owner_kind <> 'person')::bigint
                       AS funder_fen
            FROM commissions_entry e JOIN commissions_ledgeraccount a ON a.id = e.account_id
            WHERE e.{between(41)} GROUP BY 1) e ON e.award = w.id
        WHERE e.person_fen IS DISTINCT FROM CASE WHEN w.status = 'paid' THEN w.reward_fen END
           OR e.funder_fen IS DISTINCT FROM CASE WHEN w.status = 'paid' THEN -w.reward_fen END
           OR (e.award IS NOT NULL AND (e.account_id IS DISTINCT FROM w.account_id
                                        OR e.shop_id IS DISTINCT FROM b.shop_id))
        ORDER BY 1
        """,
    ),
    Rule(
        "I2",
        "a bounty never promises more than is funded, nor another reward than its own",
        """
        SELECT b.id AS bounty, b.budget_fen, w.fen AS promised_fen
        FROM commissions_bounty b JOIN (
            SELECT bounty_id, coalesce(sum(reward_fen) FILTER (WHERE status <> 'void'), 0)::bigint
                   AS fen, min(reward_fen) AS least, max(reward_fen) AS most
            FROM commissions_bountyaward GROUP BY 1) w ON w.bounty_id = b.id
        WHERE w.fen > b.budget_fen OR w.least <> b.reward_fen OR w.most <> b.reward_fen
           OR b.status = 'draft'
        ORDER BY 1
        """,
    ),
    Rule(
        "A1",
        "no award waits ten minutes after its hold",
        """
        SELECT id AS award, matures_at FROM commissions_bountyaward
        WHERE status = 'promised' AND matures_at < %(at)s::timestamptz - interval '10 minutes'
        ORDER BY 1
        """,
    ),
]
