"""Attribution replay (X7): the rules run once more over lines of the past, with other windows or
settings, and the difference: who would have won, how many fen would have moved. Nothing is written.

The candidates are read by the very statement of the accrual and judged by the very `decide`, as of
the moment each order was placed: touches, locks, coupon codes, inviters, agencies and their shares
are those of that moment. Whether somebody is active, and which goods a note shows, is kept as it is
now and not as it was, so a promoter frozen since shows as a difference with that reason. A page
looks at 500 lines of one business day in four statements, however many touches they have, so memory
is bounded over any month.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from backend.accounts.models import Account
from backend.core.clock import business_day
from backend.core.errors import NotFound, Refusal
from backend.core.sql import rows, tuples
from commissions import attribution, plans, split, uplines
from commissions.attribution import Candidate, Decision
from commissions.attribution_rules import Rules, rules_now
from commissions.models import PlanVersion
from shops.models import Order, Shop

PAGE = 500
MAX_DAYS = 366
PASSED_OVER = 31
USUAL = timedelta(days=29)  # before the last day
RANKS = {"coupon": (0,), "named": (1, 2), "last_touch": (3,), "lock": (4,)}


class ReplayTooWide(Refusal):
    """A replay looks at one year at most, from its first day to its last, both included."""

    code = "replay_too_wide"
    status = 400
    title = "A replay covers 1 to 366 days"


class Scope(NamedTuple):
    """Which lines: of these business days (of the order's placing), of one shop or of all; or of
    one order."""

    first: date
    last: date
    shop_id: int | None = None
    order_id: int | None = None


class Place(NamedTuple):
    """Where the next page begins: after this line of this day."""

    day: date
    line_id: int


class Line(NamedTuple):
    """A line as it was decided."""

    line_id: int
    order_number: str
    buyer_id: int
    owner_id: int
    commission_id: int
    base_fen: int
    offered_bps: int
    fee_bps: int
    plan_version_id: int
    planned_fen: int | None
    rule: str
    promoter_id: int | None
    inviter_id: int | None
    creator_id: int | None
    inviter2_id: int | None
    membership_id: int | None
    affiliation_id: int | None


class Page(NamedTuple):
    """What a page of lines came to: lines looked at, those that somebody else would have won, the
    fen that would have moved, and where the next page begins."""

    lines: int
    differences: list[dict[str, Any]]
    moved_fen: int
    following: Place | None


_LINES = f"""
WITH line AS MATERIALIZED (
    SELECT l.id, o.number, o.shop_id, s.account_id AS owner_id, true AS is_missing,
        c.id AS commission_id, c.base_fen, l.commission_bps, c.fee_bps, c.plan_version_id,
        CASE WHEN c.terms IS NOT NULL THEN c.budget_fen END AS planned_fen, a.rule,
        a.promoter_id, a.inviter_id, a.creator_id, a.inviter2_id, a.membership_id, a.affiliation_id,
        {attribution.LINE_COLUMNS}
    FROM shops_order o JOIN shops_orderline l ON l.order_id = o.id
    JOIN shops_shop s ON s.id = o.shop_id
    JOIN commissions_commissionorder c ON c.order_line_id = l.id
    JOIN commissions_attribution a ON a.id = c.attribution_id
    {attribution.LINE_SOURCES}
    WHERE o.placed_day = %(day)s::date AND l.id > %(after)s::bigint
      AND (%(shop)s::bigint IS NULL OR o.shop_id = %(shop)s::bigint)
      AND (%(order)s::bigint IS NULL OR o.id = %(order)s::bigint)
    ORDER BY l.id LIMIT %(page)s::int
),
{attribution.CANDIDATES}
SELECT line.id, line.number, line.buyer_id, line.owner_id, line.commission_id, line.base_fen,
    line.commission_bps, line.fee_bps, line.plan_version_id, line.planned_fen, line.rule,
    line.promoter_id, line.inviter_id, line.creator_id, line.inviter2_id, line.membership_id,
    line.affiliation_id,
    {attribution.COLUMNS}
FROM line LEFT JOIN {attribution.OF_LINE}
ORDER BY line.id, {attribution.ORDER}
"""


def rules_of(
    *,
    referral_days: int | None = None,
    note_days: int | None = None,
    live_days: int | None = None,
    self_purchase: str = "",
    without: list[str] | None = None,
) -> Rules:
    """The market's rules with some of them exchanged; `without` leaves out whole rules."""
    now = rules_now()
    given = {"referral": referral_days, "note": note_days, "live": live_days}
    windows = now.windows | {kind: days for kind, days in given.items() if days is not None}
    ranks = frozenset(rank for name in without or () for rank in RANKS[name])
    return Rules(windows, self_purchase or now.self_purchase, now.compares, ranks)


def of_shop(
    *, account: Account, shop_id: int, first: date | None, last: date | None, at: datetime
) -> Scope:
    """The lines of a shop, for its owner and staff; by default those of the 30 days up to the one
    of `at`.

    :raises NotFound: no such shop, or not the account's to see.
    :raises ReplayTooWide: no day at all, or over a year.
    """
    last = last or business_day(at)
    first = first or last - min(USUAL, last - date.min)
    if not timedelta(0) <= last - first < timedelta(days=MAX_DAYS):
        raise ReplayTooWide()
    shops = Shop.objects.filter(pk=shop_id)
    if not (shops if account.is_staff else shops.filter(account=account)).exists():
        raise NotFound()
    return Scope(first, last, shop_id=shop_id)


def of_order(*, account: Account, number: str) -> Scope:
    """The lines of an order, for its shop's owner and staff.

    :raises NotFound: no such order, or not the account's to see.
    """
    orders = Order.objects.filter(number=number[:33])
    order = (orders if account.is_staff else orders.filter(shop__account=account)).first()
    if order is None:
        raise NotFound()
    day = business_day(order.placed_at)
    return Scope(order.placed_day or day, order.placed_day or day, order_id=order.pk)


def pages(*, scope: Scope, rules: Rules, after: Place | None = None) -> Iterator[Page]:
    """The pages of a scope, one after the other; each is read when it is asked for."""
    place: Place | None = after or Place(scope.first, 0)
    while place is not None:
        page = page_of(scope=scope, rules=rules, place=place)
        yield page
        place = page.following


def page_of(*, scope: Scope, rules: Rules, place: Place | None = None) -> Page:
    """One page: the next 500 lines of its day that there are; up to 31 days without lines are
    passed over."""
    day, after = place or Place(scope.first, 0)
    for _ in range(PASSED_OVER):
        found = _decided(scope, rules, day, after) if day <= scope.last else []
        if found:
            whole = len(found) == PAGE
            last = found[-1][0].line_id
            following = Place(day, last) if whole else _next(scope, day)
            changed = [pair for pair in found if _differs(*pair)]
            told = _told(changed) if changed else []
            return Page(len(found), told, sum(one["moved_fen"] for one in told), following)
        beyond = _next(scope, day)
        if beyond is None:
            return Page(0, [], 0, None)
        day, after = beyond
    return Page(0, [], 0, Place(day, after))


def _next(scope: Scope, day: date) -> Place | None:
    return Place(day + timedelta(days=1), 0) if day < scope.last else None


def _decided(scope: Scope, rules: Rules, day: date, after: int) -> list[tuple[Line, Decision]]:
    # As far back as today's rules look too: what a shorter window shuts out is named a loser.
    days = [*rules.windows.values(), *rules_now().windows.values()]
    asked = attribution.parameters(rules) | {
        "day": day, "after": after, "page": PAGE, "shop": scope.shop_id, "order": scope.order_id,
        "longest": f"{max(days)} days",
    }  # fmt: skip
    width = len(Line._fields)
    found = []
    for _, rows_of_line in groupby(tuples(_LINES, asked), itemgetter(0)):
        group = list(rows_of_line)
        line = Line._make(group[0][:width])
        candidates = [Candidate._make(row[width:]) for row in group]
        decision = attribution.decide(
            candidates, buyer_id=line.buyer_id, owner_id=line.owner_id, rules=rules
        )
        found.append((line, decision))
    uplines.complete((line.line_id, line.buyer_id, line.owner_id, one) for line, one in found)
    return found


# What two decisions of one line are told apart by: the winner and everybody beside.
_DECIDED = (
    "rule", "promoter_id", "inviter_id", "creator_id", "inviter2_id", "membership_id",
    "affiliation_id",
)  # fmt: skip


def _differs(line: Line, decision: Decision) -> bool:
    return any(getattr(decision, name) != getattr(line, name) for name in _DECIDED)


_PARTS = """
SELECT s.commission_id, s.payee_id, s.amount_fen, v.number IS NOT NULL AS overridden
FROM commissions_commissionorder c
LEFT JOIN LATERAL (SELECT number, before FROM commissions_attributionoverride
    WHERE commission_id = c.id ORDER BY number LIMIT 1) v ON true
CROSS JOIN LATERAL (
    SELECT c.id AS commission_id, payee_id, amount_fen FROM commissions_commissionsplit
    WHERE commission_id = c.id AND v.number IS NULL
    UNION ALL
    SELECT c.id, payee_id, amount_fen
    FROM jsonb_to_recordset(v.before->'splits') AS x(payee_id bigint, amount_fen bigint)) s
WHERE c.id = ANY(%s::bigint[]) AND s.payee_id IS NOT NULL
"""


def _told(changed: list[tuple[Line, Decision]]) -> list[dict[str, Any]]:
    """The differences, to be shown: accounts by their handles. Three statements."""
    versions = PlanVersion.objects.in_bulk({line.plan_version_id for line, _ in changed})
    was: dict[int, dict[int, int]] = {}
    overridden = set()
    for row in rows(_PARTS, [[line.commission_id for line, _ in changed]]):
        parts = was.setdefault(row["commission_id"], {})
        parts[row["payee_id"]] = parts.get(row["payee_id"], 0) + row["amount_fen"]
        if row["overridden"]:
            overridden.add(row["commission_id"])
    would = {
        line.line_id: _parts(line, decision, versions[line.plan_version_id])
        for line, decision in changed
    }
    people = {account for parts in [*was.values(), *would.values()] for account in parts}
    handles = dict(Account.objects.filter(pk__in=people).values_list("pk", "handle"))

    def named(parts: dict[int, int]) -> list[dict[str, Any]]:
        return [{"payee": handles[who], "amount_fen": fen} for who, fen in sorted(parts.items())]

    return [
        {
            "order_number": line.order_number,
            "line_id": line.line_id,
            "commission_id": line.commission_id,
            "overridden": line.commission_id in overridden,
            "was": {"rule": line.rule, "parts": named(was.get(line.commission_id, {}))},
            "would": {
                "rule": decision.rule,
                "source_kind": decision.source_kind,
                "source_id": decision.source_id,
                "parts": named(would[line.line_id]),
                "losers": decision.losers,
                "findings": decision.findings,
            },
            "moved_fen": _moved(was.get(line.commission_id, {}), would[line.line_id]),
        }
        for line, decision in changed
    ]


def _parts(line: Line, decision: Decision, version: PlanVersion) -> dict[int, int]:
    """What each account would have been owed, before refunds. What a plan has set as the budget
    stays it, as in an override: its fund and caps have paid for the line."""
    made = split.split(
        base_fen=line.base_fen,
        rate_bps=line.offered_bps,
        fee_bps=line.fee_bps,
        shares=plans.shares_of(version),
        roles=tuple(decision.payees),
        passed=decision.passed,
        budget_fen=line.planned_fen,
    )
    parts: dict[int, int] = {}
    for part in made.parts:
        account = decision.payees.get(part.role)
        if account is not None:
            parts[account] = parts.get(account, 0) + part.amount_fen
    return parts


def _moved(was: dict[int, int], would: dict[int, int]) -> int:
    """The fen that change hands: what some would gain, or others lose, whichever is more."""
    deltas = [would.get(who, 0) - was.get(who, 0) for who in was.keys() | would.keys()]
    return max(sum(one for one in deltas if one > 0), -sum(one for one in deltas if one < 0))
