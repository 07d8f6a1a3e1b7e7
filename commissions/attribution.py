"""Attribution 归因: to whom a paid line is owed, by one written order of rules (K3).

    named at checkout (the click, then the note or live room)  >  last touch inside its window
    >  none

The first candidate that nothing speaks against wins; every other is kept with the reason it
lost: `wrong_target`, `window_over`, `self_purchase`, `own_goods`, `promoter_frozen`,
`promoter_left`, `unknown_source`, and for those that were good but not first `outranked` (by a
stronger rule) or `earlier_touch`. Touches after the order was placed are never looked at.

One query reads the candidates of a whole batch of lines, however many touches there are: it
looks at the newest 500 touches of a buyer inside the longest window and keeps 50 candidates a
line, those that cover the product first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from backend.core.sql import rows
from commissions.models import Attribution, Promoter

LOOKED_AT = 500
KEPT = 50

_COVERS_CONTENT = """
   (kind = 'note' AND EXISTS (SELECT 1 FROM notes_noteproduct c
        WHERE c.note_id = content_id AND c.product_id = found.product_id))
OR (kind = 'live' AND EXISTS (SELECT 1 FROM notes_liveproduct c
        WHERE c.session_id = content_id AND c.product_id = found.product_id))
"""
_COVERS_LINK = """
   (link.target_kind = 'product' AND link.target_id = found.product_id)
OR (link.target_kind = 'shop' AND link.target_id = found.shop_id)
OR (link.target_kind = 'note' AND EXISTS (SELECT 1 FROM notes_noteproduct c
        WHERE c.note_id = link.target_id AND c.product_id = found.product_id))
OR (link.target_kind = 'live' AND EXISTS (SELECT 1 FROM notes_liveproduct c
        WHERE c.session_id = link.target_id AND c.product_id = found.product_id))
"""
_RECENT = """
SELECT id, kind, link_id, content_id, at FROM commissions_touch
WHERE {whose} AND at <= line.placed_at AND at > line.placed_at - %(longest)s::interval
ORDER BY at DESC LIMIT %(looked_at)s
"""
# rank 1: the click named at checkout; 2: the note or live room named there, whose card was
# verified when the order was placed; 3: a touch of the buyer or of the visitor who clicked.
_CANDIDATES = f"""
WITH line AS MATERIALIZED (
    SELECT l.id, l.product_id, l.referral_code, l.source_kind, l.source_id,
           o.shop_id, o.buyer_id, o.placed_at, click.id AS click_id,
           coalesce(click.visitor, '') AS visitor, click.link_id AS click_link_id,
           click.at AS clicked_at
    FROM shops_orderline l
    JOIN shops_order o ON o.id = l.order_id
    JOIN shops_checkout k ON k.id = o.checkout_id
    LEFT JOIN commissions_touch click ON k.click_id <> '' AND click.click_id = k.click_id
    WHERE l.id = ANY(%(lines)s::bigint[])
),
found AS (
    SELECT line.id AS line_id, line.product_id, line.shop_id, 1 AS rank, 'referral' AS kind,
           link.id AS link_id, NULL::bigint AS content_id,
           CASE WHEN line.click_link_id = link.id THEN line.click_id END AS touch_id,
           CASE WHEN line.click_link_id = link.id THEN line.clicked_at END AS at
    FROM line JOIN commissions_promotionlink link
      ON line.referral_code <> '' AND link.code = line.referral_code
    UNION ALL
    SELECT line.id, line.product_id, line.shop_id, 2, line.source_kind, NULL, line.source_id,
           NULL, NULL
    FROM line WHERE line.source_kind IN ('note', 'live') AND line.source_id IS NOT NULL
    UNION ALL
    SELECT line.id, line.product_id, line.shop_id, 3, touch.kind, touch.link_id,
           touch.content_id, touch.id, touch.at
    FROM line CROSS JOIN LATERAL (
        ({_RECENT.format(whose="account_id = line.buyer_id")})
        UNION
        ({_RECENT.format(whose="line.visitor <> '' AND visitor = line.visitor")})
    ) touch
    WHERE touch.id IS DISTINCT FROM line.click_id OR line.referral_code = ''
),
judged AS (
    SELECT found.line_id, found.rank, found.kind, found.link_id, found.content_id,
           found.touch_id, found.at, link.promoter_id,
           CASE WHEN link.id IS NULL THEN found.rank = 2 OR {_COVERS_CONTENT}
                ELSE {_COVERS_LINK} END AS covers
    FROM found LEFT JOIN commissions_promotionlink link ON link.id = found.link_id
),
kept AS (
    SELECT *, row_number() OVER (PARTITION BY line_id
        ORDER BY (rank = 3), covers DESC, at DESC NULLS LAST, touch_id DESC) AS place
    FROM judged
)
SELECT kept.line_id, kept.rank, kept.kind, kept.link_id, kept.content_id, kept.touch_id,
       kept.at, kept.covers, p.id AS promoter_id, p.account_id AS promoter_account_id,
       p.status AS promoter_status, i.id AS inviter_id, i.account_id AS inviter_account_id,
       i.status AS inviter_status, coalesce(note.author_id, live.host_id) AS creator_id
FROM kept
LEFT JOIN commissions_promoter p ON p.id = kept.promoter_id
LEFT JOIN commissions_promoter i ON i.id = p.sponsor_id
LEFT JOIN notes_note note ON kept.kind = 'note' AND note.id = kept.content_id
LEFT JOIN notes_livesession live ON kept.kind = 'live' AND live.id = kept.content_id
WHERE kept.place <= %(kept)s
ORDER BY kept.line_id, kept.rank, kept.at DESC NULLS LAST, kept.touch_id DESC
"""


@dataclass(frozen=True, slots=True)
class Line:
    """What attribution needs to know of an order line."""

    line_id: int
    buyer_id: int
    owner_id: int
    placed_at: datetime


@dataclass(slots=True)
class Decision:
    """Who a line is owed to, by which rule; accounts beside the promoters' ids."""

    rule: str = Attribution.Rule.NONE
    source_kind: str = ""
    source_id: int | None = None
    touch_id: int | None = None
    promoter_id: int | None = None
    promoter_account_id: int | None = None
    inviter_id: int | None = None
    inviter_account_id: int | None = None
    creator_id: int | None = None
    losers: list[dict[str, Any]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    @property
    def payees(self) -> dict[str, int]:
        """The accounts to be paid, by role; empty where nobody won."""
        by_role = {
            "promoter": self.promoter_account_id,
            "inviter": self.inviter_account_id,
            "creator": self.creator_id,
        }
        return {role: account for role, account in by_role.items() if account is not None}


def decide(lines: Sequence[Line]) -> dict[int, Decision]:
    """The decision of each line; one query for all of them."""
    if not lines:
        return {}
    longest = max(settings.TOUCH_WINDOW_DAYS.values())
    found = rows(
        _CANDIDATES,
        {
            "lines": [line.line_id for line in lines],
            "longest": timedelta(days=longest),
            "looked_at": LOOKED_AT,
            "kept": KEPT,
        },
    )
    candidates: dict[int, list[dict[str, Any]]] = {}
    for row in found:
        candidates.setdefault(row["line_id"], []).append(row)
    return {line.line_id: _choose(line, candidates.get(line.line_id, [])) for line in lines}


def _choose(line: Line, candidates: list[dict[str, Any]]) -> Decision:
    decision = Decision()
    winner: dict[str, Any] | None = None
    for candidate in candidates:
        reason = _refusal(line, candidate)
        if reason is None and winner is None:
            winner = candidate
            continue
        if reason is None:
            assert winner is not None
            same = winner["rank"] == candidate["rank"]
            reason = "earlier_touch" if same else "outranked"
        decision.losers.append(_loser(candidate, reason))
        if reason in ("self_purchase", "own_goods") and reason not in decision.findings:
            decision.findings.append(reason)
    if winner is not None:
        _award(decision, winner, line)
    return decision


def _refusal(line: Line, candidate: dict[str, Any]) -> str | None:
    """Why this candidate cannot win, or None."""
    account = _beneficiary(candidate)
    at = candidate["at"]
    window = timedelta(days=settings.TOUCH_WINDOW_DAYS[candidate["kind"]])
    reasons = {
        "unknown_source": account is None,
        "wrong_target": not candidate["covers"],
        "window_over": at is not None and at <= line.placed_at - window,
        "self_purchase": account == line.buyer_id and settings.SELF_PURCHASE == "none",
        "own_goods": account == line.owner_id,
        "promoter_frozen": candidate["promoter_status"] == Promoter.Status.FROZEN,
        "promoter_left": candidate["promoter_status"] == Promoter.Status.LEFT,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _beneficiary(candidate: dict[str, Any]) -> int | None:
    """Whose account would earn: the link's promoter or the content's author."""
    name = "promoter_account_id" if candidate["kind"] == "referral" else "creator_id"
    account: int | None = candidate[name]
    return account


def _loser(candidate: dict[str, Any], reason: str) -> dict[str, Any]:
    at = candidate["at"]
    return {
        "kind": candidate["kind"],
        "id": candidate["link_id"] or candidate["content_id"],
        "touch": candidate["touch_id"],
        "at": at.isoformat() if at else None,
        "reason": reason,
    }


def _award(decision: Decision, winner: dict[str, Any], line: Line) -> None:
    named = winner["rank"] < 3
    decision.rule = Attribution.Rule.NAMED if named else Attribution.Rule.LAST_TOUCH
    decision.source_kind = winner["kind"]
    decision.source_id = winner["link_id"] or winner["content_id"]
    decision.touch_id = winner["touch_id"]
    if winner["kind"] != "referral":
        decision.creator_id = winner["creator_id"]
        return
    decision.promoter_id = winner["promoter_id"]
    decision.promoter_account_id = winner["promoter_account_id"]
    why_not = _no_inviter(winner, line)
    if why_not:
        decision.findings.append(why_not)
    elif winner["inviter_id"] and settings.PAYING_LEVELS >= 2:
        decision.inviter_id = winner["inviter_id"]
        decision.inviter_account_id = winner["inviter_account_id"]


def _no_inviter(winner: dict[str, Any], line: Line) -> str | None:
    """Why the promoter's inviter does not share in this line; the share goes back to the shop."""
    if winner["inviter_id"] is None:
        return None
    if winner["inviter_status"] != Promoter.Status.ACTIVE:
        return f"inviter_{winner['inviter_status']}"
    if winner["inviter_account_id"] == line.buyer_id and settings.SELF_PURCHASE == "none":
        return "inviter_buys"
    return "inviter_owns_shop" if winner["inviter_account_id"] == line.owner_id else None
