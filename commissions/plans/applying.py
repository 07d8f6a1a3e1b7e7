"""Applying plans to lines that were sold: which one wins, what it pays, what it takes of its fund
and caps. Inside the transaction that makes the lines' commission orders, and before it: what is
taken and what is made of it commit together.

Locks: funds by plan, then counters by their key. Whoever makes a line under a plan has locked its
fund first, so nobody who holds an attribution waits for a fund.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection

from backend.core.clock import business_day
from backend.core.sql import columns, numbers, rows, run, texts
from commissions import pricing, targeting
from commissions.models import CommissionOrder
from commissions.split import Shares

# The steps in the order in which the first that applies wins.
PRECEDENCE = tuple(str(step) for step in CommissionOrder.Step)
_RANK = {step: place for place, step in enumerate(PRECEDENCE, start=1)}
USED_UP = "fund_used_up"
Terms = dict[str, Any]


class Sold(NamedTuple):
    """A line with somebody to pay: who earns (the promoter, or the content's author), what was
    paid, and what the product offered; `default_*` divide it where no plan applies."""

    line_id: int
    account_id: int
    base_fen: int
    fee_bps: int
    offer_bps: int
    default_id: int
    default_shares: Shares


class Applied(NamedTuple):
    """What won a line: the version and its step, the budget, and how it came about (`terms`,
    from which `pricing.price` gets the same)."""

    version_id: int
    step: str
    shares: Shares
    rate_bps: int
    budget_fen: int
    terms: Terms


_SHARES = ", ".join(f"v.{name}" for name in Shares._fields)
STEP = """CASE WHEN p.kind <> 'open' THEN p.kind::text WHEN v.tiers <> '{}' THEN 'tier'
    WHEN v.shop_id IS NOT NULL THEN 'shop' ELSE 'platform' END"""
_RANKS = " ".join(f"WHEN '{step}' THEN {rank}" for step, rank in _RANK.items())
_HOW = targeting.how(version="v", who="who", tier="t.tier", edge="member.edge_id")
# Every version that covers a line, best first: by step; the shop's before the platform's, named
# products before all, the later before the earlier. Tiers and memberships are those of the instant
# of the order.
_COVERING = f"""
SELECT l.id AS line_id, o.id AS order_id, o.placed_at, l.qty, t.tier, v.id AS version_id,
    v.plan_id, p.name AS plan, s.step, v.rate_bps, v.unit_fen,
    coalesce((v.tier_bonuses ->> t.tier)::int, 0) AS bonus_bps,
    v.cap_order_fen, v.cap_day_fen, v.cap_month_fen, {_SHARES},
    EXISTS (SELECT FROM commissions_planfund f WHERE f.plan_id = v.plan_id) AS is_funded,
    {_HOW} AS named_by, member.agency_id, member.edge_id
FROM unnest(%(lines)s::bigint[], %(accounts)s::bigint[], %(offers)s::int[])
    AS w(line_id, account_id, offer_bps)
JOIN shops_orderline l ON l.id = w.line_id JOIN shops_order o ON o.id = l.order_id
LEFT JOIN commissions_promoter who ON who.account_id = w.account_id
CROSS JOIN LATERAL (SELECT coalesce((
    SELECT c.tier FROM commissions_tierchange c
    WHERE c.promoter_id = who.id AND c.from_at <= o.placed_at
    ORDER BY c.from_at DESC, c.id DESC LIMIT 1), 'standard') AS tier) t
JOIN commissions_planversion v ON v.published_at IS NOT NULL AND NOT v.is_default
    AND (v.shop_id = o.shop_id OR v.shop_id IS NULL)
    AND v.starts_at <= o.placed_at AND (v.ends_at IS NULL OR o.placed_at < v.ends_at)
JOIN commissions_commissionplan p ON p.id = v.plan_id
CROSS JOIN LATERAL (SELECT {STEP} AS step) s
CROSS JOIN LATERAL (SELECT CASE s.step {_RANKS} END AS rank) r
LEFT JOIN LATERAL ({targeting.membership(version="v", who="who", at="o.placed_at")}) member ON true
WHERE (r.rank < {_RANK["product"]} OR w.offer_bps = 0)
  AND (v.all_products OR EXISTS (SELECT FROM commissions_planproduct n
       WHERE n.version_id = v.id AND n.product_id = l.product_id))
  AND {_HOW} IS NOT NULL
ORDER BY l.id, r.rank, v.shop_id IS NULL, v.all_products, v.starts_at DESC, v.id DESC
"""


def apply(sold: Sequence[Sold]) -> dict[int, Applied]:
    """What wins each of these lines, by line; a line that no plan covers is absent. Takes what it
    pays from the funds and counts it against the caps."""
    assert connection.in_atomic_block, "what is taken belongs to the transaction of its lines"
    lines = {line.line_id: line for line in sold}
    if not lines:
        return {}
    ids, accounts, _, _, offers, _, _ = columns(sold, len(Sold._fields))
    asked = {"lines": numbers(ids), "accounts": numbers(accounts), "offers": numbers(offers)}
    covering = [
        (lines[line_id], _reachable(group))
        for line_id, group in groupby(rows(_COVERING, asked), itemgetter("line_id"))
    ]
    book = Book([(line, offer) for line, offers_of in covering for offer in offers_of])
    found = {line.line_id: _choose(line, offers_of, book) for line, offers_of in covering}
    book.close()
    return found


def _reachable(offers: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The offers of a line up to the first without a fund: that one applies for certain."""
    found = []
    for offer in offers:
        found.append(offer)
        if not offer["is_funded"]:
            break
    return found


def _choose(line: Sold, offers: list[dict[str, Any]], book: "Book") -> Applied:
    """The first offer whose fund has enough for the whole line; where none has, the product's
    own offer under the default plan, as if there were no other."""
    passed: list[Terms] = []
    for offer in offers:
        limits = book.limits_of(line, offer)
        applied = _priced(line, offer, limits, passed, settings.COMMISSION_CAP_BPS)
        left = book.left(offer)
        if left is None or applied.budget_fen <= left:
            book.take(line, offer, applied.budget_fen)
            return applied
        passed.append(
            {
                "version_id": offer["version_id"],
                "plan": offer["plan"],
                "step": offer["step"],
                "reason": USED_UP,
                "wanted_fen": applied.budget_fen,
                "left_fen": left,
            }
        )
    # An offer was held to the platform's cap when it was made.
    return _priced(line, _default(line, offers[0]), [], passed, None)


def _default(line: Sold, like: dict[str, Any]) -> dict[str, Any]:
    """The product's offer in the form of a plan's."""
    return {
        "version_id": line.default_id,
        "step": CommissionOrder.Step.PRODUCT if line.offer_bps else CommissionOrder.Step.PLATFORM,
        "tier": like["tier"],
        "named_by": "all",
        "qty": like["qty"],
        "rate_bps": line.offer_bps,
        "unit_fen": None,
        "bonus_bps": 0,
        "is_funded": False,
        **line.default_shares._asdict(),
    }


def _named(offer: dict[str, Any]) -> Terms | None:
    """How the version named who earns, None where it speaks to everybody; of an agency the edge by
    which they were its member."""
    by = offer["named_by"]
    if by == "all":
        return None
    if by != "agency":
        return {"by": by}
    return {"by": by, "agency_id": offer["agency_id"], "edge_id": offer["edge_id"]}


Counted = tuple[str, int, int]  # a cap's name, its limit, the period it counts


def _priced(
    line: Sold,
    offer: dict[str, Any],
    limits: list[tuple[Counted, int]],
    passed: list[Terms],
    cap_bps: int | None,
) -> Applied:
    rate = offer["rate_bps"] if offer["rate_bps"] is not None else line.offer_bps
    priced = pricing.price(
        base_fen=line.base_fen,
        qty=offer["qty"],
        fee_bps=line.fee_bps,
        terms=pricing.Terms(rate, offer["bonus_bps"], offer["unit_fen"]),
        limits=[pricing.Limit(name, most, used) for (name, most, _), used in limits],
        cap_bps=cap_bps,
    )
    terms = {
        "step": str(offer["step"]),
        "tier": offer["tier"],
        "named": _named(offer),
        "qty": offer["qty"],
        "rate_bps": rate if offer["unit_fen"] is None else 0,
        "bonus_bps": offer["bonus_bps"],
        "unit_fen": offer["unit_fen"],
        "limits": [
            {"name": name, "limit_fen": most, "used_fen": used, "period": period}
            for (name, most, period), used in limits
        ],
        "cap_bps": cap_bps,
        "wanted_fen": priced.wanted_fen,
        "budget_fen": priced.budget_fen,
        "cut_by": priced.cut_by,
        "funded": offer["is_funded"],
        "account_id": line.account_id,
        "passed_over": list(passed),
    }
    shares = Shares(**{name: offer[name] for name in Shares._fields})
    return Applied(
        offer["version_id"],
        str(offer["step"]),
        shares,
        priced.rate_bps,
        priced.budget_fen,
        terms,
    )


def _caps(offer: dict[str, Any]) -> Iterator[Counted]:
    """The caps of an offer with the period that each counts: an order's id, or the first day of
    the business day or month, of the market's zone, in which the order was placed."""
    if offer.get("cap_order_fen"):
        yield "order", offer["cap_order_fen"], offer["order_id"]
    if offer.get("cap_day_fen") or offer.get("cap_month_fen"):
        day = business_day(offer["placed_at"])
        if offer["cap_day_fen"]:
            yield "day", offer["cap_day_fen"], int(f"{day:%Y%m%d}")
        if offer["cap_month_fen"]:
            yield "month", offer["cap_month_fen"], int(f"{day:%Y%m}01")


# Who waited for a fund sees what the other has taken: the lock reads the row again.
_LOCK_FUNDS = """
SELECT plan_id, funded_fen, taken_fen, returned_fen FROM commissions_planfund
WHERE plan_id = ANY(%s::bigint[]) ORDER BY plan_id FOR NO KEY UPDATE
"""
_FOLD = """
WITH back AS (
    DELETE FROM commissions_planreturn WHERE plan_id = ANY(%s::bigint[])
    RETURNING plan_id, amount_fen)
UPDATE commissions_planfund f SET returned_fen = f.returned_fen + s.fen
FROM (SELECT plan_id, sum(amount_fen)::bigint AS fen FROM back GROUP BY plan_id) s
WHERE f.plan_id = s.plan_id RETURNING f.plan_id, f.funded_fen, f.taken_fen, f.returned_fen
"""
_TAKE = """
UPDATE commissions_planfund f SET taken_fen = f.taken_fen + w.fen
FROM unnest(%s::bigint[], %s::bigint[]) AS w(plan_id, fen) WHERE f.plan_id = w.plan_id
"""
# DO UPDATE locks the counter and answers with what it says after whoever held it.
_COUNTERS = """
INSERT INTO commissions_plancounter AS c (plan_id, kind, account_id, period, used_fen)
SELECT w.*, 0 FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[]) AS w
ORDER BY 1, 2, 3, 4
ON CONFLICT (plan_id, kind, account_id, period) DO UPDATE SET used_fen = c.used_fen
RETURNING c.plan_id, c.kind, c.account_id, c.period, c.used_fen
"""
_COUNT = """
UPDATE commissions_plancounter c SET used_fen = c.used_fen + w.fen
FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[])
    AS w(plan_id, kind, account_id, period, fen)
WHERE (c.plan_id, c.kind, c.account_id, c.period)
    = (w.plan_id, w.kind, w.account_id, w.period)
"""
Key = tuple[int, str, int, int]  # plan, cap, who earns, period


class Book:
    """Funds and counters of the offers that lines may take from, locked; what was taken is
    written when it closes."""

    def __init__(self, pairs: Sequence[tuple[Sold, dict[str, Any]]]) -> None:
        plans = sorted({offer["plan_id"] for _, offer in pairs if offer["is_funded"]})
        self._left = _locked_funds(plans) if plans else {}
        keys = sorted({key for pair in pairs for key, _ in _keys(*pair)})
        self._used = _locked_counters(keys) if keys else {}
        self._taken: defaultdict[int, int] = defaultdict(int)
        self._counted: defaultdict[Key, int] = defaultdict(int)

    def left(self, offer: dict[str, Any]) -> int | None:
        """What the offer's fund still has, None where it has no fund."""
        return self._left[offer["plan_id"]] if offer["is_funded"] else None

    def limits_of(self, line: Sold, offer: dict[str, Any]) -> list[tuple[Counted, int]]:
        """The offer's caps, each with what is used of it."""
        return [(cap, self._used[key]) for key, cap in _keys(line, offer)]

    def take(self, line: Sold, offer: dict[str, Any], fen: int) -> None:
        """The line takes this much."""
        if offer["is_funded"]:
            self._left[offer["plan_id"]] -= fen
            self._taken[offer["plan_id"]] += fen
        for key, _ in _keys(line, offer):
            self._used[key] += fen
            self._counted[key] += fen

    def close(self) -> None:
        """Writes what was taken."""
        if self._taken:
            run(_TAKE, [numbers(self._taken), numbers(self._taken.values())])
        if self._counted:
            run(_COUNT, [*_key_columns(self._counted), numbers(self._counted.values())])


def _keys(line: Sold, offer: dict[str, Any]) -> Iterator[tuple[Key, Counted]]:
    for cap in _caps(offer):
        yield (offer["plan_id"], cap[0], line.account_id, cap[2]), cap


def _locked_funds(plans: list[int]) -> dict[int, int]:
    held = rows(_LOCK_FUNDS, [numbers(plans)]) + rows(_FOLD, [numbers(plans)])
    return {
        fund["plan_id"]: fund["funded_fen"] - fund["taken_fen"] + fund["returned_fen"]
        for fund in held
    }


def _locked_counters(keys: list[Key]) -> dict[Key, int]:
    return {
        (row["plan_id"], row["kind"], row["account_id"], row["period"]): row["used_fen"]
        for row in rows(_COUNTERS, _key_columns(keys))
    }


def _key_columns(keys: Iterable[Key]) -> list[str]:
    plans, kinds, accounts, periods = columns(list(keys), 4)
    return [numbers(plans), texts(kinds), numbers(accounts), numbers(periods)]
