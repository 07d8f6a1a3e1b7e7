"""What a plan pays for a line: one pure function, no database, no clock.

Accrual, explain and what-if call it, so that what was paid, what is explained and what would have
been paid can never differ. The rules are worked in docs/money.md.
"""

from collections.abc import Sequence
from typing import NamedTuple

from backend.core.money import BPS, MAX_FEN, divide_half_even

MARGIN, CAP = "margin", "cap"


class Terms(NamedTuple):
    """What a version offers a line: a rate (with the bonus of the promoter's tier, in bps), or
    an amount for each unit."""

    rate_bps: int
    bonus_bps: int
    unit_fen: int | None


class Limit(NamedTuple):
    """A cap, and what was used of it before the line."""

    name: str
    limit_fen: int
    used_fen: int


class Price(NamedTuple):
    """`rate_bps` is the rate in force with its bonus, 0 for a fixed amount; `wanted_fen` what
    the terms ask for, `budget_fen` what is paid, `cut_by` the tightest of what cut it down."""

    rate_bps: int
    wanted_fen: int
    budget_fen: int
    cut_by: str


def price(
    *,
    base_fen: int,
    qty: int,
    fee_bps: int,
    terms: Terms,
    limits: Sequence[Limit] = (),
    cap_bps: int | None = None,
) -> Price:
    """The budget of a line: base × (rate + bonus) rounded half-even once, or units × the fixed
    amount; then cut to what the platform fee leaves of the base, to the platform's cap of what a
    plan pays (`cap_bps` of the base; None for a product's own offer) and to what each limit leaves.

    :raises ValueError: an amount or a rate out of range.
    """
    if not (0 <= base_fen <= MAX_FEN and 0 <= fee_bps <= BPS and qty >= 0):
        raise ValueError("amount or rate out of range")
    if min(terms.rate_bps, terms.bonus_bps, terms.unit_fen or 0) < 0:
        raise ValueError("terms below zero")
    rate = 0
    if terms.unit_fen is None:
        rate = min(terms.rate_bps + terms.bonus_bps, BPS)
        wanted = divide_half_even(base_fen * rate, BPS)
    else:
        wanted = terms.unit_fen * qty
    budget, cut_by = wanted, ""
    margin = base_fen - divide_half_even(base_fen * fee_bps, BPS)
    if margin < budget:
        budget, cut_by = margin, MARGIN
    if cap_bps is not None and (most := divide_half_even(base_fen * cap_bps, BPS)) < budget:
        budget, cut_by = most, CAP
    for name, limit_fen, used_fen in limits:
        left = max(limit_fen - used_fen, 0)
        if left < budget:
            budget, cut_by = left, name
    return Price(rate, wanted, budget, cut_by)
