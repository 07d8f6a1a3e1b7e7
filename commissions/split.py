"""From a base to parts, and back: one pure function each, no database, no clock.

Accrual, reversal and explain all call these two, so that what is paid, what is taken back and
what is explained can never differ. Amounts are integer fen, rates and shares basis points.
docs/money.md works one line through to the fen.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

from backend.core.money import BPS, MAX_FEN, divide_half_even, largest_remainder, share_fen

PROMOTER, INVITER, CREATOR, SHOP = "promoter", "inviter", "creator", "shop"
INVITER2, AGENCY, AGENCY2 = "inviter2", "agency", "agency2"
PLATFORM, CHARITY = "platform", "charity"
# The promoter passes on a share to an agency, which passes on one to the agency above it.
PASSED_ON = (AGENCY, AGENCY2)
# Who shares in the budget; what is passed on within the first group concerns nobody else.
BUDGET_GROUPS = ((PROMOTER, *PASSED_ON), (INVITER,), (INVITER2,), (CREATOR,), (SHOP,))
BUDGET_ROLES = tuple(role for group in BUDGET_GROUPS for role in group)
FEE_ROLES = (PLATFORM, CHARITY)
_FEE_GROUPS = ((PLATFORM,), (CHARITY,))


class Shares(NamedTuple):
    """The numbers of a plan version: shares of the budget, and charity's of the platform fee."""

    promoter_bps: int
    inviter_bps: int
    creator_bps: int
    charity_bps: int
    inviter2_bps: int = 0


class Part(NamedTuple):
    """One role's part of a line: what it keeps. `share_bps` is of the budget or the fee; an
    agency's is of the part out of which it is paid."""

    role: str
    share_bps: int
    amount_fen: int


class Split(NamedTuple):
    """A line's budget and fee with their parts: budget parts sum to the budget, fee parts to
    the fee, exactly."""

    budget_fen: int
    fee_fen: int
    parts: tuple[Part, ...]


class Taken(NamedTuple):
    """One role's part with what is reversed of it so far."""

    role: str
    amount_fen: int
    reversed_fen: int


def split(
    *,
    base_fen: int,
    rate_bps: int,
    fee_bps: int,
    shares: Shares,
    roles: Collection[str],
    passed: Sequence[int] = (),
    budget_fen: int | None = None,
) -> Split:
    """Divides what a paid line owes.

    Budget = base × rate and fee = base × fee rate, each rounded half-even once, and the budget at
    most what the fee leaves of the base; both are then divided by largest remainder. A plan that
    has priced the line gives its `budget_fen` instead (`commissions.pricing`). `roles` are those
    with somebody to pay: of the link chain promoter, inviter and inviter2, of the content chain
    creator. A share that nobody claims goes back to the shop; without any role there is no budget,
    only the fee.

    `passed` are the shares of the roles agency and agency2, each of the part above it: the
    promoter's part is divided once more, by largest remainder, and nobody else's moves by a fen.

    :raises ValueError: an amount or a rate out of range, or shares above 100 %.
    """
    if not (0 <= base_fen <= MAX_FEN and 0 <= rate_bps <= BPS and 0 <= fee_bps <= BPS):
        raise ValueError("amount or rate out of range")
    names, weights, fee_names, fee_weights = _recipe(shares, tuple(roles))
    fee = divide_half_even(base_fen * fee_bps, BPS)
    wanted = budget_fen
    if wanted is None:
        wanted = min(divide_half_even(base_fen * rate_bps, BPS), base_fen - fee)
    budget = wanted if names else 0
    parts = _parts(budget, names, weights)
    if passed:
        parts = _pass_on(parts, passed)
    return Split(budget, fee, (*parts, *_parts(fee, fee_names, fee_weights)))


def first_part_fen(budget_fen: int, shares: Shares, roles: tuple[str, ...]) -> int:
    """The part of the first of `roles` alone, as `split` makes it before anything is passed on:
    what a what-if asks of a million lines.

    :raises ValueError: no such chain, or shares above 100 %.
    """
    names, weights, _, _ = _recipe(shares, roles)
    if not names or names[0] != roles[0]:
        return 0
    return _parts(budget_fen, names, weights)[0].amount_fen


def reversal(
    *,
    base_fen: int,
    refunded_fen: int,
    rate_bps: int,
    fee_bps: int,
    budget_fen: int,
    fee_fen: int,
    parts: Sequence[Taken],
) -> list[int]:
    """What each part must have given back once `refunded_fen` of the base is refunded, in the
    order of `parts`.

    Cumulative, and a function of the refunded total alone: the reversed budget is the budget
    minus half-even((base − refunded) × rate), divided over the parts by largest remainder; what
    a promoter and their agencies give back together is divided over them likewise. So however a
    refund is cut, the same total gives the same parts, and a full refund gives back all. A budget
    that is not the rate's share of the base (a fixed amount, or one that a cap cut) gives back in
    proportion to the base instead. What is still to post is this minus what is reversed already;
    with three parts and more a single fen may move from one part to another on the way (never in
    the sum).

    :raises ValueError: more refunded than was paid.
    """
    if not 0 <= refunded_fen <= base_fen:
        raise ValueError("refunded out of range")
    kept = base_fen - refunded_fen
    budget = budget_fen - _kept_budget(kept, base_fen, rate_bps, budget_fen)
    fee = fee_fen - share_fen(kept, fee_bps)
    targets = [0] * len(parts)
    weighed = [part.amount_fen for part in parts]
    of_budget, of_fee = _places(tuple([part.role for part in parts]))
    _divide(budget, of_budget, weighed, targets)
    _divide(fee, of_fee, weighed, targets)
    return targets


_Groups = tuple[tuple[int, ...], ...]


@lru_cache(maxsize=4096)
def _places(roles: tuple[str, ...]) -> tuple[_Groups, _Groups]:
    """Where the roles of a line's groups stand, in the plan's order and not the line's: on a tie
    the order decides. Groups of which nobody is there are left out."""

    def standing(groups: tuple[tuple[str, ...], ...]) -> _Groups:
        found = (
            tuple(place for role in group for place, one in enumerate(roles) if one == role)
            for group in groups
        )
        return tuple(group for group in found if group)

    return standing(BUDGET_GROUPS), standing(_FEE_GROUPS)


def _divide(total: int, groups: _Groups, weighed: list[int], targets: list[int]) -> None:
    """What the groups give back together, to each of their places in `targets`."""
    if not groups and not total:
        return
    weights = [
        weighed[group[0]] if len(group) == 1 else sum([weighed[place] for place in group])
        for group in groups
    ]
    for group, amount in zip(groups, largest_remainder(total, weights), strict=True):
        if len(group) == 1:
            targets[group[0]] = amount
            continue
        inner = largest_remainder(amount, [weighed[place] for place in group])
        for place, one in zip(group, inner, strict=True):
            targets[place] = one


def _kept_budget(kept_fen: int, base_fen: int, rate_bps: int, budget_fen: int) -> int:
    """What of the budget stays with `kept_fen` of the base."""
    if not budget_fen or budget_fen == share_fen(base_fen, rate_bps):
        return share_fen(kept_fen, rate_bps) if budget_fen else 0
    return divide_half_even(budget_fen * kept_fen, base_fen)


_Weighted = tuple[tuple[str, ...], tuple[int, ...], tuple[str, ...], tuple[int, ...]]


@lru_cache(maxsize=4096)
def _recipe(shares: Shares, roles: tuple[str, ...]) -> _Weighted:
    """Which roles take part with which weight; a plan has few combinations, a market many
    lines."""
    wanted = {
        PROMOTER: shares.promoter_bps,
        INVITER: shares.inviter_bps,
        INVITER2: shares.inviter2_bps,
        CREATOR: shares.creator_bps,
    }
    roles = tuple(role for role in roles if role not in PASSED_ON)
    if not set(roles) <= set(wanted) or (CREATOR in roles and len(roles) > 1):
        raise ValueError(f"no such chain: {roles}")
    budget = [(role, bps) for role, bps in wanted.items() if role in roles and bps]
    left = BPS - sum(bps for _, bps in budget)
    if left < 0 or min(shares) < 0 or shares.charity_bps > BPS:
        raise ValueError("shares above 100 %")
    if roles and left:
        budget.append((SHOP, left))
    fee = [(PLATFORM, BPS - shares.charity_bps), (CHARITY, shares.charity_bps)]
    fee = [(role, bps) for role, bps in fee if bps]
    return (
        tuple(role for role, _ in budget),
        tuple(bps for _, bps in budget),
        tuple(role for role, _ in fee),
        tuple(bps for _, bps in fee),
    )


def _parts(total_fen: int, names: tuple[str, ...], weights: tuple[int, ...]) -> list[Part]:
    """Largest remainder over weights that sum to 10,000."""
    amounts = largest_remainder(total_fen, weights) if names else []
    return [Part(*part) for part in zip(names, weights, amounts, strict=True)]


def _pass_on(parts: list[Part], passed: Sequence[int]) -> list[Part]:
    """The promoter's part, which stands first, divided between who keeps and who is passed on."""
    if len(passed) > len(PASSED_ON) or not all(0 <= bps <= BPS for bps in passed):
        raise ValueError("no such chain of agencies")
    if not parts or parts[0].role != PROMOTER:
        return parts
    weights = [BPS - passed[0], passed[0]]
    if len(passed) > 1:
        upper = passed[0] * passed[1]
        weights = [weights[0] * BPS, passed[0] * BPS - upper, upper]
    kept, *given = largest_remainder(parts[0].amount_fen, weights)
    agencies = [Part(*part) for part in zip(PASSED_ON, passed, given, strict=False)]
    return [parts[0]._replace(amount_fen=kept), *agencies, *parts[1:]]
