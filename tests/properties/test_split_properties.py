"""Money rules over thousands of cases: Σ = budget exactly, any cut of a refund, one rounding
(I2, I4, X5). The oracle is plain fractions, not the code under test."""

from fractions import Fraction
from math import floor

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.money import BPS, MAX_FEN, largest_remainder
from commissions.split import BUDGET_ROLES, Shares, Split, Taken, reversal, split

MANY = settings(max_examples=1_000, deadline=None)
ROLES = st.sampled_from([(), ("promoter",), ("promoter", "inviter"), ("creator",)])
FEN = st.one_of(st.integers(0, 1_000), st.integers(0, MAX_FEN))
RATE = st.integers(0, BPS)


@st.composite
def plans(draw: st.DrawFn) -> Shares:
    promoter = draw(st.integers(0, BPS))
    inviter = draw(st.integers(0, BPS - promoter))
    return Shares(promoter, inviter, draw(RATE), draw(RATE))


def half_even(exact: Fraction) -> int:
    low = floor(exact)
    rest = exact - low
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1)
    return low + up


def made(base: int, rate: int, fee: int, shares: Shares, roles: tuple[str, ...]) -> Split:
    return split(base_fen=base, rate_bps=rate, fee_bps=fee, shares=shares, roles=roles)


@MANY
@given(FEN, RATE, RATE, plans(), ROLES)
def test_parts_sum_to_the_whole_and_each_is_its_quota_up_or_down(
    base: int, rate: int, fee: int, shares: Shares, roles: tuple[str, ...]
) -> None:
    found = made(base, rate, fee, shares, roles)
    assert found.fee_fen == half_even(Fraction(base * fee, BPS))
    wanted = min(half_even(Fraction(base * rate, BPS)), base - found.fee_fen)
    assert found.budget_fen == (wanted if roles else 0)
    assert sum(part.amount_fen for part in found.parts) <= base
    for whole, is_budget in ((found.budget_fen, True), (found.fee_fen, False)):
        parts = [p for p in found.parts if (p.role in BUDGET_ROLES) == is_budget]
        assert sum(part.amount_fen for part in parts) == whole
        for part in parts:
            assert abs(part.amount_fen - Fraction(whole * part.share_bps, BPS)) < 1


@MANY
@given(FEN, st.integers(0, BPS))
def test_the_short_cuts_for_one_and_two_weights_are_the_general_rule(
    total: int, first: int
) -> None:
    """A weight of zero gets nothing, and takes the way of three weights."""
    second = BPS - first
    general = largest_remainder(total, [first, second, 0])
    assert [*largest_remainder(total, [first, second]), 0] == general
    assert largest_remainder(total, [BPS]) == [largest_remainder(total, [BPS, 0, 0])[0]]
    shares = Shares(first, second, 0, 0)
    found = made(total, BPS, 0, shares, ("promoter", "inviter"))
    amounts = {part.role: part.amount_fen for part in found.parts}
    assert [amounts.get("promoter", 0), amounts.get("inviter", 0), 0] == general


@MANY
@given(FEN, RATE, RATE, plans(), ROLES, st.lists(st.integers(0, 1_000), min_size=1, max_size=6))
def test_any_cut_of_a_refund_takes_back_the_same(
    base: int, rate: int, fee: int, shares: Shares, roles: tuple[str, ...], cuts: list[int]
) -> None:
    found = made(base, rate, fee, shares, roles)
    parts = [Taken(p.role, p.amount_fen, 0) for p in found.parts]

    def back(refunded: int) -> list[int]:
        return reversal(
            base_fen=base,
            refunded_fen=refunded,
            rate_bps=rate,
            fee_bps=fee,
            budget_fen=found.budget_fen,
            fee_fen=found.fee_fen,
            parts=parts,
        )

    so_far, total = [0] * len(parts), 0
    for cut in [*cuts, 10**9]:
        refunded = min(base, total + base * cut // 1_000)
        target = back(refunded)
        so_far = [old + (new - old) for old, new in zip(so_far, target, strict=True)]
        assert all(0 <= back <= part.amount_fen for back, part in zip(target, parts, strict=True))
        assert sum(target) >= sum(back(total))
        kept = base - refunded
        left = Fraction(kept * rate, BPS)
        if base and found.budget_fen != half_even(Fraction(base * rate, BPS)):
            left = Fraction(found.budget_fen * kept, base)  # what the fee left: in proportion
        wanted = found.budget_fen - half_even(left) if roles else 0
        wanted += found.fee_fen - half_even(Fraction(kept * fee, BPS))
        assert sum(target) == wanted
        total = refunded
    assert so_far == [part.amount_fen for part in parts], "a full refund takes back all"
