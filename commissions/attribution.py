"""Attribution 归因: to whom a paid line is owed, by one written order of rules (K3).

    named at checkout (the click, then the note or live room)  >  last touch inside its window
    >  none

The first candidate that nothing speaks against wins; every other is kept with the reason it
lost: `wrong_target`, `window_over`, `self_purchase`, `own_goods`, `promoter_frozen`,
`promoter_left`, `unknown_source`, and for those that were good but not first `outranked` (by a
stronger rule) or `earlier_touch`. Touches after the order was placed are never looked at.

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
from typing import Any, NamedTuple, Protocol

from django.conf import settings

from commissions import plans
from commissions.models import Attribution, Promoter

LOOKED_AT = 500
KEPT = 50

# What the statement's CTE `line` has to select of a line l, its order o and its checkout, and
# where from.
LINE_COLUMNS = """
    l.product_id, l.referral_code, l.source_kind, l.source_id, o.buyer_id, o.placed_at,
    coalesce(click.visitor, '') AS visitor, click.id AS click_id,
    click.link_id AS click_link_id, click.at AS clicked_at
"""
LINE_SOURCES = """
    JOIN shops_checkout k ON k.id = o.checkout_id
    LEFT JOIN commissions_touch click ON k.click_id <> '' AND click.click_id = k.click_id
"""
_RECENT = """
SELECT 3, kind, link_id, content_id, id, at FROM commissions_touch
WHERE {whose} AND at <= line.placed_at AND at > line.placed_at - %(longest)s::interval
ORDER BY at DESC LIMIT %(looked_at)s
"""
# rank 1: the click named at checkout; 2: the note or live room named there, whose card was
# verified when the order was placed; 3: a touch of the buyer or of the visitor who clicked.
CANDIDATES = f"""
judged AS (
    SELECT line.id AS line_id, line.placed_at, found.*, link.promoter_id,
        found.at <= line.placed_at - CASE found.kind WHEN 'referral' THEN %(referral)s::interval
            WHEN 'note' THEN %(note)s::interval ELSE %(live)s::interval END AS is_late,
        found.rank = 2 OR CASE coalesce(link.target_kind, found.kind)
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
            CASE WHEN line.click_link_id = named.id THEN line.clicked_at END AS at
        FROM commissions_promotionlink named
        WHERE line.referral_code <> '' AND named.code = line.referral_code
        UNION ALL
        SELECT 2, line.source_kind, NULL, line.source_id, NULL, NULL
        WHERE line.source_kind IN ('note', 'live') AND line.source_id IS NOT NULL
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
    # Whether the dated edges have to be asked: a member of an agency, or another inviter since.
    is_dated: bool | None


# The columns of a Candidate, in its order. Times are taken as text: only a loser's is looked at.
COLUMNS = ", ".join(
    "candidate.at::text" if name == "at" else f"candidate.{name}" for name in Candidate._fields
)


def parameters() -> dict[str, Any]:
    """What CANDIDATES asks for: windows and limits as the settings are now."""
    days = settings.TOUCH_WINDOW_DAYS
    windows = {kind: f"{days[kind]} days" for kind in ("referral", "note", "live")}
    longest = f"{max(days.values())} days"
    return {**windows, "longest": longest, "looked_at": LOOKED_AT, "kept": KEPT}


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
    # The accounts to be paid, by role; empty where nobody won.
    payees: dict[str, int] = field(default_factory=dict)
    # The shares of the agencies among them, each of the part above it.
    passed: tuple[int, ...] = ()
    # Whether inviters and agencies are still to be read from the dated edges (commissions.uplines).
    is_open: bool = False
    losers: list[dict[str, Any]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


def decide(candidates: Iterable[Candidate], *, buyer_id: int, owner_id: int) -> Decision:
    """The decision about a line of this buyer and this shop's owner; its candidates in ORDER."""
    decision = Decision()
    winner: Candidate | None = None
    for candidate in candidates:
        if candidate.rank is None:
            break
        reason = _refusal(candidate, buyer_id, owner_id)
        if reason is None:
            if winner is None:
                winner = candidate
                continue
            reason = "earlier_touch" if winner.rank == candidate.rank else "outranked"
        decision.losers.append(_loser(candidate, reason))
        if reason in ("self_purchase", "own_goods") and reason not in decision.findings:
            decision.findings.append(reason)
    if winner is not None:
        _award(decision, winner, buyer_id, owner_id)
    return decision


def _refusal(candidate: Candidate, buyer_id: int, owner_id: int) -> str | None:
    """Why this candidate cannot win, or None."""
    account = _beneficiary(candidate)
    if account is None:
        return "unknown_source"
    if not candidate.covers:
        return "wrong_target"
    if candidate.is_late:
        return "window_over"
    if account == buyer_id and settings.SELF_PURCHASE == "none":
        return "self_purchase"
    if account == owner_id:
        return "own_goods"
    return _NOT_ACTIVE.get(candidate.promoter_status)


_NOT_ACTIVE: dict[str | None, str] = {
    Promoter.Status.FROZEN.value: "promoter_frozen",
    Promoter.Status.LEFT.value: "promoter_left",
}


def _beneficiary(candidate: Candidate) -> int | None:
    """Whose account would earn: the link's promoter or the content's author."""
    referral = candidate.kind == "referral"
    return candidate.promoter_account_id if referral else candidate.creator_id


def _loser(candidate: Candidate, reason: str) -> dict[str, Any]:
    at = candidate.at
    return {
        "kind": candidate.kind,
        "id": candidate.link_id or candidate.content_id,
        "touch": candidate.touch_id,
        "at": datetime.fromisoformat(at).isoformat() if at else None,
        "reason": reason,
    }


_NAMED, _LAST_TOUCH = Attribution.Rule.NAMED.value, Attribution.Rule.LAST_TOUCH.value


def _award(decision: Decision, winner: Candidate, buyer_id: int, owner_id: int) -> None:
    decision.rule = _LAST_TOUCH if winner.rank == 3 else _NAMED
    decision.source_kind = winner.kind
    decision.source_id = winner.link_id or winner.content_id
    decision.touch_id = winner.touch_id
    account = _beneficiary(winner)
    assert account is not None, "nobody won"
    if winner.kind != "referral":
        decision.creator_id, decision.payees = winner.creator_id, {"creator": account}
        return
    decision.promoter_id, decision.payees = winner.promoter_id, {"promoter": account}
    if winner.is_dated or plans.paying_levels() >= 3:
        decision.is_open = True
    else:
        award_inviter(decision, winner, buyer_id=buyer_id, owner_id=owner_id)


class Inviting(Protocol):
    """Whatever tells who the inviter of a promoter is."""

    @property
    def inviter_id(self) -> int | None:
        """The promoter."""

    @property
    def inviter_account_id(self) -> int | None:
        """The account."""

    @property
    def inviter_status(self) -> str | None:
        """The promoter's state."""


def award_inviter(decision: Decision, above: Inviting, *, buyer_id: int, owner_id: int) -> None:
    """Lets the promoter's inviter share, or says why not; then the share goes to the shop."""
    why_not = _no_inviter(above, buyer_id, owner_id)
    if why_not:
        decision.findings.append(why_not)
    elif above.inviter_account_id and plans.paying_levels() >= 2:
        decision.inviter_id = above.inviter_id
        decision.payees["inviter"] = above.inviter_account_id


def _no_inviter(above: Inviting, buyer_id: int, owner_id: int) -> str | None:
    """Why the promoter's inviter does not share in this line; the share goes back to the shop."""
    account, status = above.inviter_account_id, above.inviter_status
    return unfit("inviter", account, status, buyer_id=buyer_id, owner_id=owner_id)


def unfit(
    role: str, account: int | None, status: str | None, *, buyer_id: int, owner_id: int
) -> str | None:
    """Why somebody beside the winner does not share in this line."""
    if account is None:
        return None
    if status != _ACTIVE:
        return f"{role}_{status}"
    if account == buyer_id and settings.SELF_PURCHASE == "none":
        return f"{role}_buys"
    return f"{role}_owns_shop" if account == owner_id else None


_ACTIVE = Promoter.Status.ACTIVE.value
