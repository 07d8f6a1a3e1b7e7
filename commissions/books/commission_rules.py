"""Rules of commission orders: I2, I4, I5, I6, I8, A6."""

from commissions.books.rule import HALF_EVEN, Quick, Rule, between, weight

# What each payee was promised by a commission's splits, in the ledger's own words.
_OWNER = """CASE WHEN s.payee_id IS NULL THEN s.role ELSE 'person' END AS owner_kind,
    coalesce(s.payee_id, 0) AS owner_id"""
# The same as one number: a person's id, or one below zero.
_WHOSE = "coalesce(s.payee_id, CASE s.role WHEN 'platform' THEN -1 WHEN 'charity' THEN -2 END)"
_FEE = "role IN ('platform', 'charity')"
BUDGET_PARTS = f"NOT {_FEE}"
# The promoter's part: what is kept of it and what is passed on, as one.
_PROMOTED = "role IN ('promoter', 'agency', 'agency2')"
_SUMS = f"""
    SELECT commission_id,
           coalesce(sum(amount_fen) FILTER (WHERE {BUDGET_PARTS}), 0)::bigint AS budget,
           coalesce(sum(amount_fen) FILTER (WHERE {_FEE}), 0)::bigint AS fee,
           coalesce(sum(reversed_fen) FILTER (WHERE {BUDGET_PARTS}), 0)::bigint AS budget_back,
           coalesce(sum(reversed_fen) FILTER (WHERE {_FEE}), 0)::bigint AS fee_back,
           coalesce(sum(amount_fen) FILTER (WHERE {_PROMOTED}), 0)::bigint AS promoted,
           coalesce(sum(reversed_fen) FILTER (WHERE {_PROMOTED}), 0)::bigint AS promoted_back
    FROM commissions_commissionsplit {{}} GROUP BY commission_id
"""
# The commissions of which anything is, or should be, taken back: a few among many.
_REFUNDED = """WHERE commission_id IN (
    SELECT id FROM commissions_commissionorder WHERE refunded_fen <> 0
    UNION SELECT commission_id FROM commissions_commissionsplit WHERE reversed_fen <> 0
    UNION SELECT commission_id FROM commissions_commissionreversal)"""
# A budget is the rate's share of the base and at most what the fee leaves of it, or what the terms
# of the plan that priced it say.
_HALF_EVENS = f"""c.budget_fen <> CASE WHEN c.terms IS NULL
               THEN least({HALF_EVEN.format("c.base_fen", "c.rate_bps")}, c.base_fen - c.fee_fen)
               ELSE (c.terms ->> 'budget_fen')::bigint END
           OR c.fee_fen <> {HALF_EVEN.format("c.base_fen", "c.fee_bps")}"""
# What of a budget stays: by the rate where it is the rate's share, else in proportion (numeric:
# a product of two amounts is beyond bigint).
_KEPT = f"""CASE WHEN c.budget_fen = {HALF_EVEN.format("c.base_fen", "c.rate_bps")}
    THEN {HALF_EVEN.format("(c.base_fen - c.refunded_fen)", "c.rate_bps")}
    ELSE (SELECT (q + CASE WHEN 2 * r > c.base_fen OR (2 * r = c.base_fen AND mod(q, 2) = 1)
                           THEN 1 ELSE 0 END)::bigint
          FROM (SELECT div(x, c.base_fen) AS q, mod(x, c.base_fen) AS r
                FROM (SELECT c.budget_fen::numeric * (c.base_fen - c.refunded_fen) AS x) x) q)
    END"""
_BUDGETS = f"""
SELECT s.budget IS NOT DISTINCT FROM c.budget AND s.fee IS NOT DISTINCT FROM c.fee
       AND c.wrong = 0 AS clean
FROM (SELECT sum(amount_fen * w) FILTER (WHERE {BUDGET_PARTS}) AS budget,
             sum(amount_fen * w) FILTER (WHERE {_FEE}) AS fee
      FROM (SELECT role, amount_fen, {weight("commission_id")} AS w
            FROM commissions_commissionsplit) p) s,
     (SELECT sum(c.budget_fen * {weight("c.id")}) AS budget,
             sum(c.fee_fen * {weight("c.id")}) AS fee,
             count(*) FILTER (WHERE {_HALF_EVENS}) AS wrong
      FROM commissions_commissionorder c) c
"""
_ACCRUALS = f"""
SELECT coalesce(promised.fen, 0) = coalesce(posted.fen, 0) AS clean
FROM (SELECT sum(s.amount_fen * {weight("s.commission_id", _WHOSE)}) AS fen
      FROM commissions_commissionsplit s WHERE s.role <> 'shop'
        AND s.commission_id NOT IN (SELECT commission_id FROM commissions_attributionoverride)
     ) promised,
     (SELECT sum(e.amount_fen * {weight("e.journal_id - (1::bigint << 56)", "a.whose")}) AS fen
      FROM commissions_entry e
      JOIN (SELECT id, CASE owner_kind WHEN 'person' THEN owner_id WHEN 'platform' THEN -1
                       WHEN 'charity' THEN -2 ELSE -3 END AS whose
            FROM commissions_ledgeraccount WHERE owner_kind <> 'shop') a ON a.id = e.account_id
      WHERE e.{between(1)} AND e.journal_id NOT IN (
        SELECT (1::bigint << 56) + commission_id FROM commissions_attributionoverride)) posted
"""
# Commissions that are as they were accrued: those that were decided anew have rules of their own
# (override_rules).
_AS_MADE = "s.commission_id NOT IN (SELECT commission_id FROM commissions_attributionoverride)"
# The override that stands, of commissions that have one.
LATEST = """
    SELECT DISTINCT ON (commission_id) id, commission_id, promoter_id, inviter_id, inviter2_id,
        creator_id
    FROM commissions_attributionoverride ORDER BY commission_id, number DESC"""

RULES = [
    Rule(
        "I2",
        "splits sum to budget and fee, and these are their rates or a plan's terms",
        f"""
        SELECT c.id AS commission, c.base_fen, c.budget_fen, s.budget AS splits_budget_fen,
               c.fee_fen, s.fee AS splits_fee_fen
        FROM commissions_commissionorder c LEFT JOIN ({_SUMS.format("")}) s
          ON s.commission_id = c.id
        WHERE coalesce(s.budget, 0) <> c.budget_fen OR coalesce(s.fee, 0) <> c.fee_fen
           OR {_HALF_EVENS}
        ORDER BY 1
        """,
        Quick(_BUDGETS, "clean"),
    ),
    Rule(
        "I4",
        "what is reversed is the cumulative rule's share of what is refunded",
        f"""
        SELECT c.id AS commission, c.refunded_fen, s.budget_back AS budget_reversed_fen,
               s.fee_back AS fee_reversed_fen, r.amount_fen AS reversals_fen
        FROM commissions_commissionorder c
        LEFT JOIN ({_SUMS.format(_REFUNDED)}) s ON s.commission_id = c.id
        LEFT JOIN (
            SELECT commission_id, sum(amount_fen)::bigint AS amount_fen,
                   max(refunded_fen) AS refunded_fen
            FROM (SELECT commission_id, amount_fen, refunded_fen
                  FROM commissions_commissionreversal
                  UNION ALL
                  SELECT commission_id, reversed_fen, 0 FROM commissions_attributionoverride
                  WHERE reversed_fen <> 0) taken
            GROUP BY 1) r ON r.commission_id = c.id
        WHERE (coalesce(s.commission_id, r.commission_id) IS NOT NULL OR c.refunded_fen <> 0)
          AND (coalesce(s.budget_back, 0) <> c.budget_fen - {_KEPT}
           OR coalesce(s.fee_back, 0) <> c.fee_fen
              - {HALF_EVEN.format("(c.base_fen - c.refunded_fen)", "c.fee_bps")}
           OR coalesce(r.amount_fen, 0) <> coalesce(s.budget_back + s.fee_back, 0)
           OR coalesce(r.refunded_fen, 0) <> c.refunded_fen)
        ORDER BY 1
        """,
    ),
    Rule(
        "I4",
        "every part gives back its own share, to the fen",
        f"""
        SELECT c.id AS commission, p.role, p.amount_fen, p.reversed_fen
        FROM commissions_commissionsplit p
        JOIN commissions_commissionorder c ON c.id = p.commission_id
        JOIN ({_SUMS.format(_REFUNDED)}) s ON s.commission_id = c.id
        CROSS JOIN LATERAL (SELECT
            CASE WHEN {_PROMOTED} THEN s.promoted WHEN {BUDGET_PARTS} THEN s.budget
                ELSE s.fee END AS whole,
            CASE WHEN {_PROMOTED} THEN s.promoted_back WHEN {BUDGET_PARTS} THEN s.budget_back
                ELSE s.fee_back END AS back) t
        WHERE abs(p.reversed_fen::numeric * t.whole - t.back::numeric * p.amount_fen) >= t.whole
          AND p.reversed_fen::numeric * t.whole <> t.back::numeric * p.amount_fen
        UNION ALL
        SELECT s.commission_id, 'promoter and agencies', s.promoted, s.promoted_back
        FROM ({_SUMS.format(_REFUNDED)}) s
        WHERE abs(s.promoted_back::numeric * s.budget - s.budget_back::numeric * s.promoted)
              >= s.budget
          AND s.promoted_back::numeric * s.budget <> s.budget_back::numeric * s.promoted
        ORDER BY 1, 2
        """,
    ),
    Rule(
        "I4 A4",
        "the accrual's journal is what the splits say",
        f"""
        SELECT coalesce(w.commission, g.commission) AS commission,
               coalesce(w.owner_kind, g.owner_kind) AS owner_kind,
               coalesce(w.owner_id, g.owner_id) AS owner, w.fen AS splits_fen,
               g.fen AS entries_fen
        FROM (
            SELECT s.commission_id AS commission, {_OWNER}, sum(s.amount_fen)::bigint AS fen
            FROM commissions_commissionsplit s WHERE s.role <> 'shop' AND {_AS_MADE}
            GROUP BY 1, 2, 3 HAVING sum(s.amount_fen) <> 0) w
        FULL JOIN (
            SELECT e.journal_id - (1::bigint << 56) AS commission, a.owner_kind, a.owner_id,
                   sum(e.amount_fen)::bigint AS fen
            FROM commissions_entry e JOIN commissions_ledgeraccount a ON a.id = e.account_id
            WHERE e.{between(1)} AND a.owner_kind <> 'shop' AND e.journal_id NOT IN (
                SELECT (1::bigint << 56) + commission_id FROM commissions_attributionoverride)
            GROUP BY 1, 2, 3) g
          ON (g.commission, g.owner_kind, g.owner_id) = (w.commission, w.owner_kind, w.owner_id)
        WHERE w.fen IS DISTINCT FROM g.fen ORDER BY 1, 2, 3
        """,
        Quick(_ACCRUALS, "clean"),
    ),
    Rule(
        "I4 A4",
        "the reversals' journals are what the splits have given back",
        f"""
        SELECT coalesce(w.commission, g.commission) AS commission,
               coalesce(w.owner_kind, g.owner_kind) AS owner_kind,
               coalesce(w.owner_id, g.owner_id) AS owner, w.fen AS reversed_fen,
               g.fen AS entries_fen
        FROM (
            SELECT s.commission_id AS commission, {_OWNER}, sum(s.reversed_fen)::bigint AS fen
            FROM commissions_commissionsplit s WHERE s.role <> 'shop' AND s.reversed_fen <> 0
              AND {_AS_MADE}
            GROUP BY 1, 2, 3) w
        FULL JOIN (
            SELECT r.commission_id AS commission, a.owner_kind, a.owner_id,
                   -sum(e.amount_fen)::bigint AS fen
            FROM commissions_entry e JOIN commissions_ledgeraccount a ON a.id = e.account_id
            JOIN commissions_commissionreversal r ON r.id = e.journal_id - (2::bigint << 56)
            WHERE e.{between(2)} AND a.owner_kind <> 'shop' AND r.commission_id NOT IN (
                SELECT commission_id FROM commissions_attributionoverride)
            GROUP BY 1, 2, 3 HAVING sum(e.amount_fen) <> 0) g
          ON (g.commission, g.owner_kind, g.owner_id) = (w.commission, w.owner_kind, w.owner_id)
        WHERE w.fen IS DISTINCT FROM g.fen ORDER BY 1, 2, 3
        """,
    ),
    Rule(
        "I5",
        "a line has one commission and a role one winner, who is the one attributed",
        f"""
        SELECT c.id AS commission, s.role, s.payee_id AS payee, a.rule
        FROM commissions_commissionsplit s
        JOIN commissions_commissionorder c ON c.id = s.commission_id
        JOIN commissions_attribution a ON a.id = c.attribution_id
        LEFT JOIN ({LATEST}) v ON v.commission_id = c.id
        LEFT JOIN commissions_promoter promoter ON promoter.id
            = CASE WHEN v.id IS NULL THEN a.promoter_id ELSE v.promoter_id END
        LEFT JOIN commissions_promoter inviter ON inviter.id
            = CASE WHEN v.id IS NULL THEN a.inviter_id ELSE v.inviter_id END
        LEFT JOIN commissions_promoter second ON second.id
            = CASE WHEN v.id IS NULL THEN a.inviter2_id ELSE v.inviter2_id END
        WHERE (s.role = 'promoter' AND s.payee_id IS DISTINCT FROM promoter.account_id)
           OR (s.role = 'inviter' AND s.payee_id IS DISTINCT FROM inviter.account_id)
           OR (s.role = 'inviter2' AND s.payee_id IS DISTINCT FROM second.account_id)
           OR (s.role = 'creator' AND s.payee_id IS DISTINCT FROM
               CASE WHEN v.id IS NULL THEN a.creator_id ELSE v.creator_id END)
           OR a.order_line_id <> c.order_line_id
        UNION ALL
        SELECT min(s.commission_id), s.role, NULL, 'twice' FROM commissions_commissionsplit s
        GROUP BY s.commission_id, s.role HAVING count(*) > 1
        UNION ALL
        SELECT min(c.id), 'line', NULL, 'twice' FROM commissions_commissionorder c
        GROUP BY c.order_line_id HAVING count(*) > 1
        ORDER BY 1, 2
        """,
    ),
    Rule(
        "I6 A6",
        "every inviter joined earlier (so no cycle) and is the one of the dated edges",
        """
        SELECT p.id AS promoter, p.sponsor_id AS sponsor, e.sponsor_id AS edge
        FROM commissions_promoter p LEFT JOIN (
            SELECT DISTINCT ON (promoter_id) promoter_id, sponsor_id
            FROM commissions_sponsoredge ORDER BY promoter_id, from_at DESC, id DESC) e
          ON e.promoter_id = p.id
        WHERE p.sponsor_id >= p.id OR p.sponsor_id IS DISTINCT FROM e.sponsor_id
        ORDER BY 1
        """,
    ),
    Rule(
        "I8",
        "every commission names a published plan, a touch or source, and a real inviter",
        """
        SELECT c.id AS commission, a.rule, a.touch_id AS touch, a.inviter_id AS inviter,
               v.published_at
        FROM commissions_commissionorder c
        JOIN commissions_attribution a ON a.id = c.attribution_id
        JOIN commissions_planversion v ON v.id = c.plan_version_id
        WHERE v.published_at IS NULL
           OR (a.rule = 'none') <> (a.promoter_id IS NULL AND a.creator_id IS NULL)
           OR (a.rule = 'last_touch' AND a.touch_id IS NULL)
           OR (a.rule IN ('coupon', 'named', 'lock')
               AND a.touch_id IS NULL AND a.source_id IS NULL)
           OR (a.inviter_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM commissions_sponsoredge e
                WHERE e.promoter_id = a.promoter_id AND e.sponsor_id = a.inviter_id))
           OR (a.inviter2_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM commissions_sponsoredge e
                JOIN commissions_sponsoredge below ON below.sponsor_id = e.promoter_id
                WHERE below.promoter_id = a.promoter_id AND e.sponsor_id = a.inviter2_id))
        ORDER BY 1
        """,
    ),
    Rule(
        "I8",
        "everything that a commission names exists",
        """
        SELECT c.id AS commission, NULL::bigint AS split FROM commissions_commissionorder c
        LEFT JOIN commissions_attribution a ON a.id = c.attribution_id
        LEFT JOIN commissions_touch t ON t.id = a.touch_id
        LEFT JOIN commissions_promoter p ON p.id = a.promoter_id
        LEFT JOIN commissions_promoter i ON i.id = a.inviter_id
        LEFT JOIN commissions_promoter i2 ON i2.id = a.inviter2_id
        LEFT JOIN commissions_agencyedge m ON m.id = a.membership_id
        LEFT JOIN commissions_agencyedge u ON u.id = a.affiliation_id
        LEFT JOIN accounts_account creator ON creator.id = a.creator_id
        LEFT JOIN commissions_planversion v ON v.id = c.plan_version_id
        LEFT JOIN shops_shop shop ON shop.id = c.shop_id
        LEFT JOIN commissions_settlementrun r ON r.id = c.settlement_run_id
        WHERE a.id IS NULL OR (a.touch_id IS NOT NULL AND t.id IS NULL)
           OR (a.promoter_id IS NOT NULL AND p.id IS NULL)
           OR (a.inviter_id IS NOT NULL AND i.id IS NULL)
           OR (a.inviter2_id IS NOT NULL AND i2.id IS NULL)
           OR (a.membership_id IS NOT NULL AND m.id IS NULL)
           OR (a.affiliation_id IS NOT NULL AND u.id IS NULL)
           OR (a.creator_id IS NOT NULL AND creator.id IS NULL)
           OR v.id IS NULL OR shop.id IS NULL
           OR (c.settlement_run_id IS NOT NULL AND r.id IS NULL)
        UNION ALL
        SELECT s.commission_id, s.id FROM (
            SELECT payee_id, min(commission_id) AS commission_id, min(id) AS id
            FROM commissions_commissionsplit WHERE payee_id IS NOT NULL GROUP BY 1) s
        LEFT JOIN accounts_account payee ON payee.id = s.payee_id WHERE payee.id IS NULL
        UNION ALL
        SELECT s.commission_id, s.id FROM commissions_commissionsplit s
        LEFT JOIN commissions_commissionorder c ON c.id = s.commission_id WHERE c.id IS NULL
        ORDER BY 1, 2
        """,
    ),
]
