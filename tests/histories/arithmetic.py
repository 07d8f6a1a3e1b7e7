"""The rules of docs/money.md worked out a second time, with fractions. Nothing of the product is
imported here: a rounding bug would have to be made twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

WHOLE = 10_000
# Who shares in the promoter's part, and what each passes on to the next where there is one.
INSIDE = ("promoter", "agency", "agency2")
PASSED = (1_234, 2_500)


def half_even(exact: Fraction) -> int:
    """The nearest integer; of two equally near the even one."""
    low = exact.numerator // exact.denominator
    rest = exact - low
    if rest == Fraction(1, 2):
        return low + low % 2
    return low + (rest > Fraction(1, 2))


def rate_of(fen: int, bps: int) -> int:
    """`bps` of an amount, to the fen."""
    return half_even(Fraction(fen * bps, WHOLE))


def shared(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`total` by largest remainder; of two equal remainders the one named first."""
    whole = sum(weights.values())
    exact = {name: Fraction(total * weight, whole) for name, weight in weights.items() if weight}
    parts = {name: quota.numerator // quota.denominator for name, quota in exact.items()}
    for _ in range(total - sum(parts.values())):
        # The remainders of those already rounded up are negative by now.
        names = list(parts)
        name = max(names, key=lambda one: (exact[one] - parts[one], -names.index(one)))
        parts[name] += 1
    return parts


@dataclass(frozen=True)
class Plan:
    """Shares of the budget in bps, charity's of the fee."""

    promoter: int
    inviter: int
    creator: int
    charity: int


def budget_weights(plan: Plan, roles: Sequence[str]) -> dict[str, int]:
    """Who shares the budget: those present, and the shop with what nobody claims."""
    if not roles:
        return {}
    claimed = {role: getattr(plan, role) for role in ("promoter", "inviter", "creator")}
    weights = {role: bps for role, bps in claimed.items() if role in roles and bps}
    return {**weights, "shop": WHOLE - sum(weights.values())}


@dataclass
class Owed:
    """What one line owes: its parts, and what of them has been taken back."""

    base: int
    rate: int
    fee_rate: int
    budget_parts: dict[str, int]
    fee_parts: dict[str, int]

    @property
    def parts(self) -> dict[str, int]:
        """All parts by role, none of them zero-weighted."""
        return {**self.budget_parts, **self.fee_parts}

    def taken_back(self, refunded: int) -> dict[str, int]:
        """What each part must have given back once `refunded` of the base is refunded."""
        kept = self.base - refunded
        inside = {role: fen for role, fen in self.budget_parts.items() if role in INSIDE}
        outside = {role: fen for role, fen in self.budget_parts.items() if role not in INSIDE}
        budget = {"promoter": sum(inside.values()), **outside}
        back: dict[str, int] = {}
        for parts, rate in ((budget, self.rate), (self.fee_parts, self.fee_rate)):
            total = sum(parts.values())
            lost = total - rate_of(kept, rate)
            back.update(shared(lost, parts) if total else {})
        if inside:
            back.update(shared(back.pop("promoter", 0), inside))
        return {role: back.get(role, 0) for role in self.parts}


def passed_on(part: int, upper: bool) -> dict[str, int]:
    """A promoter's part between promoter, agency and, where there is one, the agency above it."""
    first, second = PASSED
    if not upper:
        return shared(part, {"promoter": WHOLE - first, "agency": first})
    kept, on = (WHOLE - first) * WHOLE, first * (WHOLE - second)
    return shared(part, {"promoter": kept, "agency": on, "agency2": first * second})


def owed(base: int, rate: int, fee_rate: int, plan: Plan, roles: Sequence[str]) -> Owed:
    """What a line of `base` fen owes to the roles that are present, the platform and charity."""
    weights = budget_weights(plan, roles)
    rate = rate if roles else 0
    budget = shared(rate_of(base, rate), weights) if weights else {}
    if "agency" in roles and "promoter" in budget:
        budget = {**passed_on(budget.pop("promoter"), "agency2" in roles), **budget}
    fee = rate_of(base, fee_rate)
    fee_parts = shared(fee, {"platform": WHOLE - plan.charity, "charity": plan.charity})
    return Owed(base, rate, fee_rate, budget, fee_parts)
