"""Rounding of money: I2, X5."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.money import MAX_FEN, divide_half_even, largest_remainder, share_fen, yuan


@given(st.integers(0, MAX_FEN), st.integers(0, 10_000))
@settings(max_examples=300)
def test_a_share_is_the_exact_quotient_rounded_half_even(amount: int, bps: int) -> None:
    assert share_fen(amount, bps) == round(Fraction(amount * bps, 10_000))


@given(st.integers(0, 10**15), st.integers(1, 10**6))
@settings(max_examples=300)
def test_half_even_division_agrees_with_exact_fractions(numerator: int, denominator: int) -> None:
    assert divide_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@given(st.integers(0, MAX_FEN), st.lists(st.integers(0, MAX_FEN), min_size=1, max_size=8))
@settings(max_examples=300)
def test_parts_add_up_and_each_is_its_quota_rounded_down_or_up(
    total: int, weights: list[int]
) -> None:
    whole = sum(weights)
    if not whole:
        total = 0
    parts = largest_remainder(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        quota = Fraction(total * weight, whole) if whole else Fraction(0)
        assert quota - 1 < part < quota + 1
        assert weight or part == 0


def test_an_amount_with_nobody_to_take_it_is_a_bug() -> None:
    with pytest.raises(ValueError, match="nobody"):
        largest_remainder(1, [0, 0])


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "0.00"), (5, "0.05"), (-123, "-1.23"), (123_456_789, "1,234,567.89")]
)
def test_yuan_is_written_for_people(amount: int, text: str) -> None:
    assert yuan(amount) == text


@pytest.mark.parametrize(("amount", "bps"), [(-1, 1), (MAX_FEN + 1, 1), (1, -1), (1, 10_001)])
def test_an_amount_or_rate_out_of_range_is_a_bug(amount: int, bps: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        share_fen(amount, bps)


@pytest.mark.parametrize(("total", "weights"), [(-1, [1]), (1, [2, -1])])
def test_negative_totals_and_weights_are_a_bug(total: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="negative"):
        largest_remainder(total, weights)
