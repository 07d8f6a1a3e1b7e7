"""Trying a version on past lines: how they are read, which the version wins, what it pays."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from backend.core.money import share_fen
from commissions import plans, pricing, split
from commissions.models import PlanFund, PlanVersion
from commissions.split import Shares

SHOWN = 1_000  # promoters with the largest differences


class Line(NamedTuple):
    """A past line as it is read; `day` is the ordinal of the business day of its order."""

    commission_id: int
    version_id: int
    order_id: int
    day: int
    qty: int
    base_fen: int
    fee_bps: int
    rate_bps: int
    budget_fen: int
    step: str
    terms: str | None
    offer_bps: int
    account_id: int
    has_promoter: bool
    has_inviter: bool
    has_inviter2: bool
    covered: bool
    tier: str


class Winner(NamedTuple):
    """What of the version that won a line is asked of each line."""

    plan_id: int
    is_platforms: bool
    all_products: bool
    shares: Shares


class Winners(dict[int, Winner]):
    """The versions that won, by id; a market has few of them and many lines."""

    def meet(self, ids: set[int]) -> None:
        """Reads those that are not known yet: one query at most."""
        if new := ids - self.keys():
            for version in PlanVersion.objects.filter(pk__in=new):
                self[version.pk] = Winner(
                    version.plan_id,
                    version.shop_id is None,
                    version.all_products,
                    plans.shares_of(version),
                )


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
SELECT p.id, p.plan_version_id, p.order_id,
    (p.placed_at AT TIME ZONE %(zone)s)::date - DATE '0001-01-01' + 1, p.qty, p.base_fen,
    p.fee_bps, p.rate_bps, p.budget_fen, p.step, p.terms::text, p.commission_bps,
    coalesce(m.account_id, p.creator_id), p.promoter_id IS NOT NULL, p.inviter_id IS NOT NULL,
    p.inviter2_id IS NOT NULL,
    d.id IS NOT NULL AND (d.all_products OR EXISTS (SELECT FROM commissions_planproduct n
            WHERE n.version_id = d.id AND n.product_id = p.product_id))
        AND (d.all_promoters OR t.tier = ANY(d.tiers) OR EXISTS (
            SELECT FROM commissions_plantarget n
            WHERE n.version_id = d.id AND n.promoter_id = who.id)),
    coalesce(t.tier, 'standard')
FROM page p
LEFT JOIN commissions_promoter m ON m.id = p.promoter_id
LEFT JOIN commissions_promoter who ON who.account_id = coalesce(m.account_id, p.creator_id)
LEFT JOIN commissions_planversion d ON d.id = %(version)s::bigint
    AND (d.shop_id IS NULL OR d.shop_id = p.shop_id)
LEFT JOIN LATERAL (
    SELECT coalesce((SELECT x.tier FROM commissions_tierchange x
        WHERE x.promoter_id = who.id AND x.from_at <= p.placed_at
        ORDER BY x.from_at DESC, x.id DESC LIMIT 1), 'standard') AS tier) t ON %(by_tier)s
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
        self.rank, self.shares = _RANK[step], plans.shares_of(version)
        self.used: defaultdict[tuple[str, int, int], int] = defaultdict(int)

    @classmethod
    def of(cls, version: PlanVersion | None) -> "Rules | None":
        """The rules of a version; None where the live plans are run."""
        if version is None:
            return None
        fund = PlanFund.objects.filter(plan=version.plan_id).first()
        return cls(version, plans.step_of(version), fund.funded_fen if fund else None)

    @property
    def by_tier(self) -> bool:
        """Whether the version asks for the tier that a promoter had."""
        return bool(self.version.tiers or self.version.tier_bonuses)

    def wins(self, line: Line, winner: Winner) -> bool:
        """Whether the version outranks what won the line."""
        if not line.covered:
            return False
        version, theirs = self.version, _RANK[_step(line)]
        if winner.plan_id == version.plan_id or self.rank != theirs:
            return winner.plan_id == version.plan_id or self.rank < theirs
        return (version.shop_id is None, version.all_products) <= (
            winner.is_platforms,
            winner.all_products,
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
            if version.cap_day_fen:
                found.append((("day", line.account_id, line.day), version.cap_day_fen))
            if version.cap_month_fen:
                month = _month(line.day)
                found.append((("month", line.account_id, month), version.cap_month_fen))
        return found


Cap = tuple[tuple[str, int, int], int]
_RANK = {step: place for place, step in enumerate(plans.PRECEDENCE)}


def _step(line: Line) -> str:
    return line.step or ("product" if line.offer_bps else "platform")


@lru_cache(maxsize=512)
def _month(day: int) -> int:
    """The ordinal of the first day of a day's month."""
    return date.fromordinal(day).replace(day=1).toordinal()


def add(line: Line, winner: Winner, rules: Rules | None, sums: Sums) -> None:
    """Prices a line as it was and as it would be, and adds both up."""
    shares = winner.shares
    before = _history(line)
    after, after_shares, cut = before, shares, ""
    if rules is not None:
        if winner.plan_id == rules.version.plan_id:
            after = share_fen(line.base_fen, line.offer_bps)
        if rules.wins(line, winner):
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
    return split.first_part_fen(budget_fen, shares, roles)


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
