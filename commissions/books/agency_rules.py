"""Rules of agencies: I5, I8, A6. What is passed on is the share of a member's part that was agreed
to, by the dated edge that held when the order was placed, and the owner of that agency has it."""

from commissions.books.rule import Rule

# The lines of which something was passed on, with their parts: a few among many. Whose member's it
# is says the attribution, or the override that stands.
_PASSED = """
SELECT a.id AS attribution, c.id AS commission, o.placed_at, w.promoter_id, w.membership_id,
    w.affiliation_id,
    max(s.amount_fen) FILTER (WHERE s.role = 'promoter') AS kept,
    max(s.amount_fen) FILTER (WHERE s.role = 'agency2') AS upper,
    sum(s.amount_fen) FILTER (WHERE s.role IN ('promoter', 'agency', 'agency2')) AS part,
    max(s.share_bps) FILTER (WHERE s.role = 'agency') AS bps,
    max(s.share_bps) FILTER (WHERE s.role = 'agency2') AS upper_bps,
    max(s.payee_id) FILTER (WHERE s.role = 'agency') AS payee,
    max(s.payee_id) FILTER (WHERE s.role = 'agency2') AS upper_payee
FROM commissions_commissionorder c
JOIN commissions_attribution a ON a.id = c.attribution_id
JOIN commissions_commissionsplit s ON s.commission_id = c.id
JOIN shops_orderline l ON l.id = c.order_line_id
JOIN shops_order o ON o.id = l.order_id
CROSS JOIN LATERAL (
    SELECT promoter_id, membership_id, affiliation_id FROM (
        SELECT number, promoter_id, membership_id, affiliation_id
        FROM commissions_attributionoverride WHERE commission_id = c.id
        UNION ALL SELECT 0, a.promoter_id, a.membership_id, a.affiliation_id) stands
    ORDER BY number DESC LIMIT 1) w
WHERE c.id IN (
    SELECT commission_id FROM commissions_commissionsplit WHERE role IN ('agency', 'agency2'))
GROUP BY a.id, c.id, o.placed_at, w.promoter_id, w.membership_id, w.affiliation_id
"""
# What an agency took of its members' part when an order was placed.
_SHARE = """(
    SELECT share.share_bps FROM commissions_agencyshare share
    WHERE share.agency_id = {0}.agency_id AND share.from_at <= p.placed_at
    ORDER BY share.number DESC LIMIT 1)"""
# The membership that held when an order was placed.
_LAST = """(
    SELECT last.id FROM commissions_agencyedge last
    WHERE last.{0} AND last.from_at <= p.placed_at ORDER BY last.number DESC LIMIT 1)"""

RULES = [
    Rule(
        "I5 I8",
        "what is passed on goes to the agency of the dated edge, at the share of that day",
        f"""
        SELECT p.commission, p.membership_id AS membership, p.affiliation_id AS affiliation, p.bps,
               p.upper_bps
        FROM ({_PASSED}) p
        LEFT JOIN commissions_agencyedge m ON m.id = p.membership_id
        LEFT JOIN commissions_agency agency ON agency.id = m.agency_id
        LEFT JOIN commissions_agencyedge u ON u.id = p.affiliation_id
        LEFT JOIN commissions_agency upper ON upper.id = u.agency_id
        WHERE m.kind IS DISTINCT FROM 'joined' OR agency.owner_id IS DISTINCT FROM p.payee
           OR m.id IS DISTINCT FROM {_LAST.format("promoter_id = p.promoter_id")}
           OR p.bps IS DISTINCT FROM {_SHARE.format("m")}
           OR (p.upper_bps IS NOT NULL AND (
                u.kind IS DISTINCT FROM 'joined' OR upper.owner_id IS DISTINCT FROM p.upper_payee
                OR u.id IS DISTINCT FROM {_LAST.format("child_id = m.agency_id")}
                OR p.upper_bps IS DISTINCT FROM {_SHARE.format("u")}))
        ORDER BY 1
        """,
    ),
    Rule(
        "I2",
        "what is kept and what is passed on are their shares of the member's part, to the fen",
        f"""
        SELECT p.commission, p.part AS part_fen, p.kept AS kept_fen, p.upper AS upper_fen, p.bps,
               p.upper_bps
        FROM ({_PASSED}) p
        WHERE p.kept IS NULL OR p.bps IS NULL
           OR abs(p.kept::numeric * 10000 - p.part * (10000 - p.bps)) >= 10000
           OR abs(p.upper::numeric * 100000000 - p.part * p.bps * p.upper_bps) >= 100000000
        ORDER BY 1
        """,
    ),
    Rule(
        "I6 A6",
        "a member joins and leaves by turns, one agency at a time, and an upper agency is older",
        """
        SELECT e.id AS edge, e.promoter_id AS promoter, e.child_id AS child, e.number, e.kind
        FROM commissions_agencyedge e LEFT JOIN commissions_agencyedge before
          ON before.number = e.number - 1
          AND (before.promoter_id = e.promoter_id OR before.child_id = e.child_id)
        LEFT JOIN commissions_promoter p ON p.id = e.promoter_id AND e.number = 1
        WHERE (mod(e.number, 2) = 1) <> (e.kind = 'joined') OR e.agency_id >= e.child_id
           OR (p.id IS NOT NULL AND p.member_since IS DISTINCT FROM e.from_at)
           OR (e.number > 1 AND (before.id IS NULL OR before.from_at > e.from_at
               OR (e.kind = 'left' AND before.agency_id <> e.agency_id)))
        ORDER BY 1
        """,
    ),
]
