"""Who else shares in a line, as of its order: inviters and agencies by dated edges (X6, K1, K9).

Most promoters are no agency's member and have the inviter with whom they joined: for them the
statement that reads the lines says all. For the others, and where the market pays three levels, one
more statement reads what held when each order was placed, for all of these lines at once.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from backend.core.sql import columns, numbers, tuples
from commissions import attribution, plans
from commissions.attribution import Beside, Decision

# The inviter of a promoter when the order was placed. The column is right for whoever did not
# change since; for the others the dated edges are, as they were known then.
_SPONSOR = """
CASE WHEN {who}.sponsored_at > placed.at THEN (
    SELECT edge.sponsor_id FROM commissions_sponsoredge edge
    WHERE edge.promoter_id = {who}.id
      AND edge.from_at <= placed.at AND edge.recorded_at <= placed.at
    ORDER BY edge.from_at DESC, edge.id DESC LIMIT 1)
ELSE {who}.sponsor_id END
"""
# The agency of a member when the order was placed, and its share.
_AGENCY = """
SELECT edge.id AS edge_id, agency.id AS agency_id, agency.owner_id, agency.status,
    (SELECT share.share_bps FROM commissions_agencyshare share
     WHERE share.agency_id = agency.id AND share.from_at <= placed.at
     ORDER BY share.number DESC LIMIT 1) AS share_bps
FROM (
    SELECT id, agency_id, kind FROM commissions_agencyedge
    WHERE {whose} AND from_at <= placed.at ORDER BY number DESC LIMIT 1) edge
JOIN commissions_agency agency ON agency.id = edge.agency_id
WHERE edge.kind = 'joined'
"""
_ABOVE = attribution.KIN.format(
    accounts="i.account_id, second.account_id, member.owner_id, upper.owner_id"
)
_CHAINS = f"""
SELECT asked.line_id, i.id, i.account_id, i.status, second.id, second.account_id, second.status,
    member.edge_id, member.owner_id, member.status, member.share_bps,
    upper.edge_id, upper.owner_id, upper.status, upper.share_bps,
    CASE WHEN %(contacts)s::int > 0 THEN {_ABOVE} END
FROM unnest(%(lines)s::bigint[], %(promoters)s::bigint[]) AS asked(line_id, promoter_id)
JOIN shops_orderline l ON l.id = asked.line_id JOIN shops_order o ON o.id = l.order_id
JOIN shops_checkout k ON k.id = o.checkout_id
CROSS JOIN LATERAL (SELECT o.placed_at AS at) placed
CROSS JOIN LATERAL (SELECT o.buyer_id, o.checkout_id, k.address) line
JOIN commissions_promoter p ON p.id = asked.promoter_id
LEFT JOIN commissions_promoter i ON i.id = {_SPONSOR.format(who="p")}
LEFT JOIN commissions_promoter second ON second.id = {_SPONSOR.format(who="i")}
LEFT JOIN LATERAL ({_AGENCY.format(whose="promoter_id = p.id")}) member ON true
LEFT JOIN LATERAL ({_AGENCY.format(whose="child_id = member.agency_id")}) upper ON true
"""


class Chain(NamedTuple):
    """Who stood above a promoter when an order was placed; empty where nobody did."""

    line_id: int
    inviter_id: int | None
    inviter_account_id: int | None
    inviter_status: str | None
    inviter2_id: int | None
    inviter2_account_id: int | None
    inviter2_status: str | None
    membership_id: int | None
    agency_account_id: int | None
    agency_status: str | None
    agency_bps: int | None
    affiliation_id: int | None
    agency2_account_id: int | None
    agency2_status: str | None
    agency2_bps: int | None
    # What they share with the buyer, as the candidates' (`commissions.attribution`).
    kin: list[int] | None


def complete(found: Iterable[tuple[int, int, int, Decision]]) -> None:
    """Ends the decisions that wait for the dated edges, each with its line, buyer and shop's owner;
    one statement, none where nothing waits."""
    waiting = {line_id: (buyer, owner, one) for line_id, buyer, owner, one in found if one.undated}
    if not waiting:
        return
    asked = [(line_id, decision.promoter_id) for line_id, (_, _, decision) in waiting.items()]
    lines, promoters = columns(asked, 2)
    # All of them wait under the same rules.
    _, rules = next(one.undated for _, _, one in waiting.values() if one.undated)
    asked_for = attribution.parameters(rules) | {
        "lines": numbers(lines),
        "promoters": numbers(promoters),
    }
    read = tuples(_CHAINS, asked_for)
    for chain in map(Chain._make, read):
        buyer_id, owner_id, decision = waiting[chain.line_id]
        _award(decision, chain, buyer_id, owner_id)
        decision.undated = None


def _award(decision: Decision, chain: Chain, buyer_id: int, owner_id: int) -> None:
    assert decision.undated is not None, "nothing waits"
    winner, rules = decision.undated
    winner = winner._replace(
        inviter_id=chain.inviter_id,
        inviter_account_id=chain.inviter_account_id,
        inviter_status=chain.inviter_status,
        kin=[*(winner.kin or []), *(chain.kin or [])],
    )
    attribution.award_inviter(decision, winner, buyer_id, owner_id, rules)

    def may_share(role: str, account_id: int | None, status: str | None) -> bool:
        beside = Beside(role, account_id, status)
        why_not = attribution.unfit(winner, beside, buyer_id, owner_id, rules)
        decision.findings += [why_not] if why_not else []
        return account_id is not None and not why_not

    second = chain.inviter2_account_id
    if plans.paying_levels() >= 3 and may_share("inviter2", second, chain.inviter2_status):
        assert second is not None, "nobody shares"
        decision.inviter2_id, decision.payees["inviter2"] = chain.inviter2_id, second
    _award_agencies(decision, chain, may_share)


def _award_agencies(
    decision: Decision, chain: Chain, may_share: Callable[[str, int | None, str | None], bool]
) -> None:
    """The promoter's agency and the one above it. Where one may not share, nothing is passed on:
    the one below keeps it, and the finding says why."""
    c = chain
    steps = (
        ("agency", "membership_id", c.agency_account_id, c.agency_status, c.agency_bps),
        ("agency2", "affiliation_id", c.agency2_account_id, c.agency2_status, c.agency2_bps),
    )
    for role, edge, account, status, bps in steps:
        if account is None or not bps or not may_share(role, account, status):
            return
        setattr(decision, edge, getattr(chain, edge))
        decision.payees[role] = account
        decision.passed += (bps,)
