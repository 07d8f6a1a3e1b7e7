"""Trying a version on past lines: how they are read, which the version wins, what it pays."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from backend.core.clock import business_day
from backend.core.money import share_fen
from commissions import plans, pricing, split, targeting
from commissions.models import PlanFund, PlanVersion
from commissions.split import Shares

SHOWN = 1_000  # promoters with the largest differences


class Line(NamedTuple):
    """A past line as it is read."""

    commission_id: int
    order_id: int
    placed_at: datetime
    qty: int
    base_fen: int
    fee_bps: int
    rate_bps: int
    budget_fen: int
    step: str
    plan_id: int
    is_platforms: bool
    all_products: bool
    terms: Any
    offer_bps: int
    account_id: int
    has_promoter: bool
    has_inviter: bool
    has_inviter2: bool
    covered: bool
    tier: str
    promoter_bps: int
    inviter_bps: int
    creator_bps: int
    charity_bps: int
    inviter2_bps: int


_FIRST_SHARE = Line._fields.index(Shares._fields[0])
assert Line._fields[_FIRST_SHARE:] == Shares._fields

PERIOD = """
FROM commissions_commissionorder c JOIN shops_orderline l ON l.id = c.order_line_id
JOIN shops_order o ON o.id = l.order_id JOIN commissions_attribution a ON a.id = c.attribution_id
WHERE o.placed_at >= %(from)s::timestamptz AND o.placed_at < %(to)s::timestamptz
  AND (%(shop)s::bigint IS NULL OR c.shop_id = %(shop)s::bigint)
  AND coalesce(a.promoter_id, a.creator_id) IS NOT NULL
"""
COUNT = f"SELECT count(*) {PERIOD}"
LINES = f"""
WITH page AS MATERIALIZED (
    SELECT c.id, c.accrued_at, c.order_line_id, c.plan_version_id, c.base_fen, c.fee_bps,
        c.rate_bps, c.budget_fen, c.step, c.terms, c.shop_id, l.order_id, l.product_id, l.qty,
        l.commission_bps, o.placed_at, a.promoter_id, a.inviter_id, a.inviter2_id, a.creator_id
    {PERIOD} AND c.id > %(after)s ORDER BY c.id LIMIT %(page)s
)
SELECT p.id, p.order_id, p.placed_at, p.qty, p.base_fen, p.fee_bps, p.rate_bps, p.budget_fen,
    p.step, v.plan_id, v.shop_id IS NULL, v.all_products, p.terms::text, p.commission_bps,
    coalesce(m.account_id, p.creator_id), p.promoter_id IS NOT NULL, p.inviter_id IS NOT NULL,
    p.inviter2_id IS NOT NULL,
    d.id IS NOT NULL AND (d.all_products OR EXISTS (SELECT FROM commissions_planproduct n
            WHERE n.version_id = d.id AND n.product_id = p.product_id))
        AND {targeting.speaks_to(version="d", who="who", tier="t.tier", at="p.placed_at")},
    coalesce(t.tier, 'standard'), v.promoter_bps, v.inviter_bps, v.creator_bps, v.charity_bps,
    v.inviter2_bps
FROM page p JOIN commissions_planversion v ON v.id = p.plan_version_id
LEFT JOIN commissions_promoter m ON m.id = p.promoter_id
LEFT JOIN commissions_promoter who ON who.account_id = coalesce(m.account_id, p.creator_id)
LEFT JOIN commissions_planversion d ON d.id = %(version)s::bigint
    AND (d.shop_id IS NULL OR d.shop_id = p.shop_id)
LEFT JOIN LATERAL (
    SELECT coalesce((SELECT x.tier FROM commissions_tierchange x
        WHERE x.promoter_id = who.id AND x.from_at <= p.placed_at
        ORDER BY x.from_at DESC, x.id DESC LIMIT 1), 'standard') AS tier) t ON d.id IS NOT NULL
ORDER BY p.accrued_at, p.order_line_id
"""


@dataclass(slots=True)
class Sums:
    """What a what-if adds up, in fen; people by account: what they had, what they would have."""

    lines: int = 0
    changed: int = 0
    base_fen: int = 0
    fee_fen: int = 0
    before_fen: int = 0
    after_fen: int = 0
    differs_from_history: int = 0
    cut: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    people: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))


class Rules:
    """The version that is tried: its terms, and what it has used so far."""

    def __init__(self, version: PlanVersion, step: str, fund_fen: int | None) -> None:
        self.version, self.step, self.left = version, step, fund_fen
        self.shares = plans.shares_of(version)
        self.used: defaultdict[tuple[str, int, int], int] = defaultdict(int)

    @classmethod
    def of(cls, version: PlanVersion | None) -> "Rules | None":
        """The rules of a version; None where the live plans are run."""
        if version is None:
            return None
        fund = PlanFund.objects.filter(plan=version.plan_id).first()
        return cls(version, plans.step_of(version), fund.funded_fen if fund else None)

    def wins(self, line: Line) -> bool:
        """Whether the version outranks what won the line."""
        if not line.covered:
            return False
        mine, theirs = _RANK[self.step], _RANK[_step(line)]
        if mine != theirs or line.plan_id == self.version.plan_id:
            return mine <= theirs or line.plan_id == self.version.plan_id
        version = self.version
        return (version.shop_id is None, version.all_products) <= (
            line.is_platforms,
            line.all_products,
        )

    def price(self, line: Line, caps: list["Cap"]) -> pricing.Price:
        """What the version pays the line with what is left of its caps."""
        version = self.version
        return pricing.price(
            base_fen=line.base_fen,
            qty=line.qty,
            fee_bps=line.fee_bps,
            terms=pricing.Terms(
                line.offer_bps if version.rate_bps is None else version.rate_bps,
                version.tier_bonuses.get(line.tier, 0),
                version.unit_fen,
            ),
            limits=[pricing.Limit(key[0], most, self.used[key]) for key, most in caps],
        )

    def take(self, fen: int, caps: list["Cap"]) -> bool:
        """Takes it from fund and caps; False where the fund has less left."""
        if self.left is not None:
            if fen > self.left:
                return False
            self.left -= fen
        for key, _ in caps:
            self.used[key] += fen
        return True

    def caps(self, line: Line) -> list["Cap"]:
        """What limits the line: what each cap counts, and its limit."""
        version, found = self.version, list[Cap]()
        if version.cap_order_fen:
            found.append((("order", line.account_id, line.order_id), version.cap_order_fen))
        if version.cap_day_fen or version.cap_month_fen:
            day = business_day(line.placed_at)
            if version.cap_day_fen:
                found.append((("day", line.account_id, day.toordinal()), version.cap_day_fen))
            if version.cap_month_fen:
                month = day.replace(day=1).toordinal()
                found.append((("month", line.account_id, month), version.cap_month_fen))
        return found


Cap = tuple[tuple[str, int, int], int]
_RANK = {step: place for place, step in enumerate(plans.PRECEDENCE)}


def _step(line: Line) -> str:
    return line.step or ("product" if line.offer_bps else "platform")


@lru_cache(maxsize=4096)
def _shares(numbers: tuple[int, ...]) -> Shares:
    """A market has few plans and many lines."""
    return Shares(*numbers)


def add(line: Line, rules: Rules | None, sums: Sums) -> None:
    """Prices a line as it was and as it would be, and adds both up."""
    shares = _shares(line[_FIRST_SHARE:])
    before = _history(line)
    after, after_shares, cut = before, shares, ""
    if rules is not None:
        if line.plan_id == rules.version.plan_id:
            after = share_fen(line.base_fen, line.offer_bps)
        if rules.wins(line):
            caps = rules.caps(line)
            priced = rules.price(line, caps)
            if rules.take(priced.budget_fen, caps):
                after, after_shares, cut = priced.budget_fen, rules.shares, priced.cut_by
            else:
                cut = "fund"
    sums.lines += 1
    sums.base_fen += line.base_fen
    sums.fee_fen += share_fen(line.base_fen, line.fee_bps)
    sums.before_fen += before
    sums.after_fen += after
    sums.differs_from_history += before != line.budget_fen
    if cut:
        sums.cut[cut] += 1
    person = sums.people[line.account_id]
    earned = _earned(line, before, shares)
    person[0] += earned
    if after == before and after_shares == shares:
        person[1] += earned
    else:
        sums.changed += 1
        person[1] += _earned(line, after, after_shares)


def _history(line: Line) -> int:
    """What the line was paid, computed anew from its rate or its terms."""
    if line.terms is None:
        return share_fen(line.base_fen, line.rate_bps)
    terms = json.loads(line.terms)
    return pricing.price(
        base_fen=line.base_fen,
        qty=terms["qty"],
        fee_bps=line.fee_bps,
        terms=pricing.Terms(terms["rate_bps"], terms["bonus_bps"], terms["unit_fen"]),
        limits=[
            pricing.Limit(one["name"], one["limit_fen"], one["used_fen"]) for one in terms["limits"]
        ],
    ).budget_fen


@lru_cache
def _roles(promoter: bool, inviter: bool, inviter2: bool) -> tuple[str, ...]:
    """Who shares in a line, whom it was won by first."""
    if not promoter:
        return (split.CREATOR,)
    beside = ((split.INVITER, inviter), (split.INVITER2, inviter2))
    return (split.PROMOTER, *(role for role, shares in beside if shares))


def _earned(line: Line, budget_fen: int, shares: Shares) -> int:
    """The part of who earns first, before what is passed on: the promoter, or the content's
    author."""
    roles = _roles(line.has_promoter, line.has_inviter, line.has_inviter2)
    parts = split.budget_parts(budget_fen, shares, roles)
    return sum(part.amount_fen for part in parts if part.role == roles[0])


def result(sums: Sums) -> dict[str, Any]:
    """Totals, and the promoters with the largest differences, best first."""
    ranked = sorted(sums.people.items(), key=lambda one: (-abs(one[1][1] - one[1][0]), one[0]))
    gains = [after - before for before, after in sums.people.values()]
    kept = sums.base_fen - sums.fee_fen
    return {
        "lines": sums.lines,
        "changed_lines": sums.changed,
        "differs_from_history": sums.differs_from_history,
        "base_fen": sums.base_fen,
        "before_fen": sums.before_fen,
        "after_fen": sums.after_fen,
        "difference_fen": sums.after_fen - sums.before_fen,
        "margin_before_fen": kept - sums.before_fen,
        "margin_after_fen": kept - sums.after_fen,
        "cut_lines": dict(sums.cut),
        "winners": sum(gain > 0 for gain in gains),
        "losers": sum(gain < 0 for gain in gains),
        "promoters": [
            {
                "account": account,
                "before_fen": before,
                "after_fen": after,
                "difference_fen": after - before,
            }
            for account, (before, after) in ranked[:SHOWN]
        ],
    }
