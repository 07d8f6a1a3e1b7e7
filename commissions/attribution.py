"""Attribution 归因: to whom a paid line is owed, by one written order of rules (K3).

    coupon code  >  named at checkout (the click, then the note or live room)
    >  last touch inside its window  >  customer lock  >  none

The first candidate that nothing speaks against wins; every other is kept with the reason it
lost: `wrong_target`, `window_over`, `self_purchase` (the buyer's account), `self_phone`,
`self_payer`, `self_address` (another account of somebody who shares these with the buyer),
`own_goods`, `promoter_frozen`, `promoter_left`, `unknown_source`, and for those that were good but
not first `outranked` (by a stronger rule) or `earlier_touch`. Touches after the order was placed
are never looked at, nor are opened notes and live rooms that do not show the product.

Who a line is owed to is read as of the order: the inviter, the agency and its share are those of
the dated edges when it was placed, however late the worker comes and whatever changed since.

The candidates are a part of the statement that reads the lines (`commissions.accruals`), however
many lines and touches there are: it looks at the newest 500 touches of a buyer, and of the
visitor who clicked, inside the longest window and keeps 50 candidates a line, those that cover
the product first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from commissions import locks, plans
from commissions.attribution_rules import CONTACTS, Rules, rules_now
from commissions.models import Attribution, Promoter
from commissions.risk_rules import NOBODY

LOOKED_AT = 500
KEPT = 50

# What the statement's CTE `line` has to select of a line l, its order o and its checkout, and
# where from.
LINE_COLUMNS = """
    l.product_id, l.referral_code, l.coupon_id, l.source_kind, l.source_id, o.buyer_id, o.placed_at,
    o.checkout_id, k.address,
    coalesce(click.visitor, '') AS visitor, click.id AS click_id,
    click.link_id AS click_link_id, click.at AS clicked_at
"""
LINE_SOURCES = """
    JOIN shops_checkout k ON k.id = o.checkout_id
    LEFT JOIN commissions_touch click ON k.click_id <> '' AND click.click_id = k.click_id
"""
_RECENT = """
SELECT 3, kind, link_id, content_id, id, at, NULL::bigint FROM commissions_touch
WHERE {whose} AND at <= line.placed_at AND at > line.placed_at - %(longest)s::interval
  AND (kind = 'referral' OR CASE kind
    WHEN 'note' THEN EXISTS (SELECT 1 FROM notes_noteproduct c
        WHERE c.note_id = content_id AND c.product_id = line.product_id)
    ELSE EXISTS (SELECT 1 FROM notes_liveproduct c
        WHERE c.session_id = content_id AND c.product_id = line.product_id) END)
ORDER BY at DESC LIMIT %(looked_at)s
"""
# rank 0: the coupon code named at checkout, whose shop was verified then; 1: the click named there;
# 2: the note or live room named there, whose card was verified when the order was placed; 3: a
# touch of the buyer or of the visitor who clicked; 4: who holds the shop's customer. The
# buyers of orders made elsewhere are one account of the partner: nobody's customer.
LOCK = """
SELECT 4, 'lock', NULL, held.change_id, NULL, held.from_at, held.promoter_id
FROM (SELECT 1 FROM commissions_lockchange WHERE EXISTS (SELECT 1 FROM commissions_lockchange)
      AND buyer_id = line.buyer_id AND shop_id = line.shop_id AND at <= line.placed_at
      AND line.source_kind <> 'external' LIMIT 1) bound
CROSS JOIN LATERAL tuike_customer_lock(line.buyer_id, line.shop_id, line.placed_at) held
"""
CANDIDATES = f"""
judged AS (
    SELECT line.id AS line_id, line.placed_at, found.*,
        coalesce(link.promoter_id, found.holder_id) AS promoter_id,
        found.rank BETWEEN 1 AND 3 AND found.at <= line.placed_at
            - CASE found.kind WHEN 'referral' THEN %(referral)s::interval
            WHEN 'note' THEN %(note)s::interval ELSE %(live)s::interval END AS is_late,
        found.rank IN (0, 2, 4) OR CASE coalesce(link.target_kind, found.kind)
            WHEN 'product' THEN link.target_id = line.product_id
            WHEN 'shop' THEN link.target_id = line.shop_id
            WHEN 'note' THEN EXISTS (SELECT 1 FROM notes_noteproduct c
                WHERE c.note_id = coalesce(link.target_id, found.content_id)
                  AND c.product_id = line.product_id)
            ELSE EXISTS (SELECT 1 FROM notes_liveproduct c
                WHERE c.session_id = coalesce(link.target_id, found.content_id)
                  AND c.product_id = line.product_id) END AS covers
    FROM line CROSS JOIN LATERAL (
        SELECT 1 AS rank, 'referral' AS kind, named.id AS link_id, NULL::bigint AS content_id,
            CASE WHEN line.click_link_id = named.id THEN line.click_id END AS touch_id,
            CASE WHEN line.click_link_id = named.id THEN line.clicked_at END AS at,
            NULL::bigint AS holder_id
        FROM commissions_promotionlink named
        WHERE line.referral_code <> '' AND named.code = line.referral_code
        UNION ALL
        SELECT 2, line.source_kind, NULL, line.source_id, NULL, NULL, NULL
        WHERE line.source_kind IN ('note', 'live') AND line.source_id IS NOT NULL
        UNION ALL
        SELECT 0, 'coupon', NULL, code.id, NULL, NULL, code.promoter_id
        FROM commissions_couponcode code WHERE code.id = line.coupon_id
        UNION ALL ({LOCK})
        UNION ALL ({_RECENT.format(whose="account_id = line.buyer_id")})
        UNION ALL ({
    _RECENT.format(
        whose='''line.visitor <> '' AND visitor = line.visitor
            AND account_id IS DISTINCT FROM line.buyer_id'''
    )
})
    ) found
    LEFT JOIN commissions_promotionlink link ON link.id = found.link_id
    WHERE line.is_missing AND (found.rank < 3 OR line.referral_code = ''
                               OR found.touch_id IS DISTINCT FROM line.click_id)
),
candidate AS (
    SELECT judged.*, p.account_id AS promoter_account_id, p.status AS promoter_status,
        i.id AS inviter_id, i.account_id AS inviter_account_id, i.status AS inviter_status,
        p.member_since <= judged.placed_at OR p.sponsored_at > judged.placed_at AS is_dated,
        CASE kind WHEN 'note' THEN (SELECT author_id FROM notes_note WHERE id = content_id)
            WHEN 'live' THEN (SELECT host_id FROM notes_livesession WHERE id = content_id)
            WHEN 'coupon' THEN (SELECT creator_id FROM commissions_couponcode
                WHERE id = content_id)
            END AS creator_id,
        row_number() OVER (PARTITION BY line_id
            ORDER BY rank = 3, covers DESC, at DESC NULLS LAST, touch_id DESC) AS place
    FROM judged LEFT JOIN commissions_promoter p ON p.id = judged.promoter_id
    LEFT JOIN commissions_promoter i ON i.id = p.sponsor_id
)
"""
# The candidates of a line, and the order in which the first that nothing speaks against wins.
OF_LINE = "candidate ON candidate.line_id = line.id AND candidate.place <= %(kept)s"
ORDER = "candidate.rank, candidate.at DESC NULLS LAST, candidate.touch_id DESC"


# Which of those who would earn share a phone (1), a payer (2) or an address (4) with the buyer:
# account × 8 + these. Phones are those of the account and of its address book.
KIN = """
ARRAY(
    SELECT kin.id * 8 + kin.bits FROM (
        SELECT a.id, coalesce(home.bits, 0)
            | ((a.phone <> '' AND a.phone IN (b.phone, line.address->>'phone')) IS TRUE)::int
            | CASE WHEN mine.payer IS NOT NULL AND EXISTS (SELECT 1 FROM shops_payment theirs
                JOIN shops_checkout t ON t.id = theirs.checkout_id AND t.buyer_id = a.id
                WHERE theirs.payer = mine.payer AND theirs.provider = mine.provider)
                THEN 2 ELSE 0 END AS bits
        FROM accounts_account b
        LEFT JOIN shops_payment mine ON mine.checkout_id = line.checkout_id
            AND mine.status = 'accepted' AND mine.payer <> ALL(%(nobody)s::text[])
        JOIN accounts_account a ON a.id <> line.buyer_id AND a.id IN ({accounts})
        LEFT JOIN LATERAL (SELECT bit_or(
                ((x.phone <> '' AND x.phone IN (b.phone, line.address->>'phone')) IS TRUE)::int
                | CASE WHEN x.detail <> '' AND x.detail = line.address->>'detail'
                    AND x.region_code = line.address->>'region_code' THEN 4 ELSE 0 END) AS bits
            FROM accounts_address x WHERE x.account_id = a.id) home ON true
        WHERE b.id = line.buyer_id
    ) kin WHERE kin.bits & %(contacts)s::int > 0)
"""
_EARNING = "candidate.promoter_account_id, candidate.inviter_account_id, candidate.creator_id"
_KIN = f"""CASE WHEN %(contacts)s::int > 0 AND candidate.covers AND candidate.is_late IS NOT TRUE
    THEN {KIN.format(accounts=_EARNING)} END"""
# The lock setting under which this candidate's paid order would extend a lock, if any.
_IN_FORCE = locks.IN_FORCE.format(columns="s.id", shop="line.shop_id", at="line.placed_at")
_LOCK_SETTING = f"""CASE WHEN candidate.promoter_id IS NOT NULL
    AND line.source_kind <> 'external'
    AND EXISTS (SELECT 1 FROM commissions_locksetting) THEN ({_IN_FORCE}) END"""


class Candidate(NamedTuple):
    """Somebody to whom a line may be owed, as read; all empty where a line has none."""

    rank: int | None
    kind: str
    link_id: int | None
    content_id: int | None
    touch_id: int | None
    at: str | None
    is_late: bool | None
    covers: bool | None
    promoter_id: int | None
    promoter_account_id: int | None
    promoter_status: str | None
    inviter_id: int | None
    inviter_account_id: int | None
    inviter_status: str | None
    creator_id: int | None
    kin: list[int] | None = None
    lock_setting_id: int | None = None
    # Whether the dated edges have to be asked: a member of an agency, or another inviter since.
    is_dated: bool | None = None


# The columns of a Candidate, in its order. Times are taken as text: only a loser's is looked at.
_SPECIAL = {"at": "candidate.at::text", "kin": _KIN, "lock_setting_id": _LOCK_SETTING}
COLUMNS = ", ".join(_SPECIAL.get(name, f"candidate.{name}") for name in Candidate._fields)


def parameters(rules: Rules | None = None) -> dict[str, Any]:
    """What CANDIDATES and COLUMNS ask for: windows and limits as the rules are, now by default."""
    rules = rules or rules_now()
    windows = {kind: f"{rules.windows[kind]} days" for kind in ("referral", "note", "live")}
    longest = f"{max(rules.windows.values())} days"
    contacts = sum(CONTACTS[name] for name in rules.compares)
    return {
        **windows,
        "longest": longest,
        "looked_at": LOOKED_AT,
        "kept": KEPT,
        "contacts": contacts,
        "nobody": list(NOBODY),
    }


@dataclass(slots=True)
class Decision:
    """Who a line is owed to, by which rule; accounts beside the promoters' ids."""

    rule: str = Attribution.Rule.NONE.value
    source_kind: str = ""
    source_id: int | None = None
    touch_id: int | None = None
    promoter_id: int | None = None
    inviter_id: int | None = None
    creator_id: int | None = None
    inviter2_id: int | None = None
    # The edges by which the promoter was an agency's member, and that agency another's.
    membership_id: int | None = None
    affiliation_id: int | None = None
    # Where the winner is a promoter and the shop's locks are on: the setting to extend one by.
    lock_setting_id: int | None = None
    # The accounts to be paid, by role; empty where nobody won.
    payees: dict[str, int] = field(default_factory=dict)
    # The shares of the agencies among them, each of the part above it.
    passed: tuple[int, ...] = ()
    # By whom and by which rules it was won, where inviters and agencies are still to be read from
    # the dated edges (commissions.uplines).
    undated: tuple[Candidate, "Rules"] | None = None
    losers: list[dict[str, Any]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


def decide(
    candidates: Iterable[Candidate], *, buyer_id: int, owner_id: int, rules: Rules | None = None
) -> Decision:
    """The decision about a line of this buyer and this shop's owner; its candidates in ORDER."""
    rules = rules or rules_now()
    decision = Decision()
    winner: Candidate | None = None
    for candidate in candidates:
        if candidate.rank is None:
            break
        if candidate.rank in rules.without:
            continue
        reason = _refusal(candidate, buyer_id, owner_id, rules)
        if reason is None:
            if winner is None:
                winner = candidate
                continue
            reason = "earlier_touch" if winner.rank == candidate.rank else "outranked"
        decision.losers.append(_loser(candidate, reason))
        if reason in _FOUND:
            own = _relation(candidate, _beneficiary(candidate), buyer_id)
            _find(decision, own or [reason])
    if winner is not None:
        _award(decision, winner, buyer_id, owner_id, rules)
    return decision


def _find(decision: Decision, codes: Iterable[str]) -> None:
    """Adds findings, each once."""
    decision.findings += [code for code in codes if code not in decision.findings]


# Why a candidate lost that is a finding as well. No personal data in it: the word alone.
_FOUND = {"self_purchase", "self_phone", "self_payer", "self_address", "own_goods"}


def _relation(candidate: Candidate, account: int | None, buyer_id: int) -> list[str]:
    """How this account is the buyer's own: by itself, or by what both share."""
    if account == buyer_id:
        return ["self_purchase"]
    bits = next((pair & 7 for pair in candidate.kin or () if pair >> 3 == account), 0)
    return [f"self_{name}" for name, bit in CONTACTS.items() if bits & bit]


def _refusal(candidate: Candidate, buyer_id: int, owner_id: int, rules: Rules) -> str | None:
    """Why this candidate cannot win, or None."""
    account = _beneficiary(candidate)
    if account is None:
        return "unknown_source"
    if not candidate.covers:
        return "wrong_target"
    if candidate.is_late:
        return "window_over"
    if rules.self_purchase != "commission":
        own = _relation(candidate, account, buyer_id)
        if own:
            return own[0]
    if account == owner_id:
        return "own_goods"
    return _NOT_ACTIVE.get(candidate.promoter_status)


_NOT_ACTIVE: dict[str | None, str] = {
    Promoter.Status.FROZEN.value: "promoter_frozen",
    Promoter.Status.LEFT.value: "promoter_left",
}


def _beneficiary(candidate: Candidate) -> int | None:
    """Whose account would earn: the promoter of the link, lock or code, or the content's author."""
    if candidate.promoter_id is not None:
        return candidate.promoter_account_id
    return candidate.creator_id


def _loser(candidate: Candidate, reason: str) -> dict[str, Any]:
    at = candidate.at
    return {
        "kind": candidate.kind,
        "id": candidate.link_id or candidate.content_id,
        "touch": candidate.touch_id,
        "at": datetime.fromisoformat(at).isoformat() if at else None,
        "reason": reason,
    }


_RULES = {
    0: Attribution.Rule.COUPON.value,
    1: Attribution.Rule.NAMED.value,
    2: Attribution.Rule.NAMED.value,
    3: Attribution.Rule.LAST_TOUCH.value,
    4: Attribution.Rule.LOCK.value,
}


def _award(
    decision: Decision, winner: Candidate, buyer_id: int, owner_id: int, rules: Rules
) -> None:
    assert winner.rank is not None, "nobody won"
    decision.rule = _RULES[winner.rank]
    decision.source_kind = winner.kind
    decision.source_id = winner.link_id or winner.content_id
    decision.touch_id = winner.touch_id
    account = _beneficiary(winner)
    assert account is not None, "nobody won"
    _find(decision, _relation(winner, account, buyer_id))
    if winner.promoter_id is None:
        decision.creator_id, decision.payees = winner.creator_id, {"creator": account}
        return
    decision.promoter_id, decision.payees = winner.promoter_id, {"promoter": account}
    decision.lock_setting_id = winner.lock_setting_id
    if winner.is_dated or plans.paying_levels() >= 3:
        decision.undated = winner, rules
    else:
        award_inviter(decision, winner, buyer_id, owner_id, rules)


def award_inviter(
    decision: Decision, winner: Candidate, buyer_id: int, owner_id: int, rules: Rules
) -> None:
    """Lets the promoter's inviter share, or says why not; then the share goes to the shop."""
    why_not = _no_inviter(winner, buyer_id, owner_id, rules)
    if why_not:
        _find(decision, [why_not])
    elif winner.inviter_account_id and plans.paying_levels() >= 2:
        decision.inviter_id = winner.inviter_id
        decision.payees["inviter"] = winner.inviter_account_id


def _no_inviter(winner: Candidate, buyer_id: int, owner_id: int, rules: Rules) -> str | None:
    """Why the promoter's inviter does not share in this line; the share goes back to the shop."""
    beside = Beside("inviter", winner.inviter_account_id, winner.inviter_status)
    return unfit(winner, beside, buyer_id, owner_id, rules)


class Beside(NamedTuple):
    """Somebody who would share in a line beside the winner."""

    role: str
    account_id: int | None
    status: str | None


def unfit(
    winner: Candidate, beside: Beside, buyer_id: int, owner_id: int, rules: Rules
) -> str | None:
    """Why somebody beside the winner does not share in this line, or None."""
    role, account, status = beside
    if account is None:
        return None
    if status != _ACTIVE:
        return f"{role}_{status}"
    own = _relation(winner, account, buyer_id)
    if own and rules.self_purchase != "commission":
        return own[0].replace("self_purchase", f"{role}_buys").replace("self_", f"{role}_")
    return f"{role}_owns_shop" if account == owner_id else None


_ACTIVE = Promoter.Status.ACTIVE.value
