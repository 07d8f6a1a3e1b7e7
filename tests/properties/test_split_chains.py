"""Chains of agencies and inviters over thousands of cases: Σ exact for any shares and amounts, what
is passed on concerns nobody else, any cut of a refund reverses exactly (I2, I4, K1, K9, X5). The
oracle is plain fractions."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.money import BPS, MAX_FEN
from commissions.split import PASSED_ON, Part, Shares, Taken, reversal, split

MANY = settings(max_examples=600, deadline=None)
FEN = st.one_of(st.integers(0, 1_000), st.integers(0, MAX_FEN))
RATE = st.integers(0, BPS)
CHAINS = st.sampled_from(
    [("promoter",), ("promoter", "inviter"), ("promoter", "inviter", "inviter2")]
)
PASSED = st.lists(RATE, max_size=2)


@st.composite
def plans(draw: st.DrawFn) -> Shares:
    promoter = draw(st.integers(1, BPS))
    inviter = draw(st.integers(0, BPS - promoter))
    second = draw(st.integers(0, BPS - promoter - inviter))
    return Shares(promoter, inviter, draw(RATE), draw(RATE), second)


def parts_of(
    base: int, rate: int, shares: Shares, chain: tuple[str, ...], passed: list[int]
) -> tuple[Part, ...]:
    roles = (*chain, *PASSED_ON[: len(passed)])
    return split(
        base_fen=base, rate_bps=rate, fee_bps=500, shares=shares, roles=roles, passed=passed
    ).parts


@MANY
@given(FEN, RATE, plans(), CHAINS, PASSED)
def test_what_is_passed_on_is_a_share_of_the_promoters_part_and_nobody_elses_moves(
    base: int, rate: int, shares: Shares, chain: tuple[str, ...], passed: list[int]
) -> None:
    found = parts_of(base, rate, shares, chain, passed)
    alone = {part.role: part.amount_fen for part in parts_of(base, rate, shares, chain, [])}
    amounts = {part.role: part.amount_fen for part in found}
    inside = ["promoter", *PASSED_ON[: len(passed)]]
    assert sum(amounts[role] for role in inside) == alone["promoter"]
    assert {role: fen for role, fen in amounts.items() if role not in inside} == {
        role: fen for role, fen in alone.items() if role != "promoter"
    }
    given_on = [Fraction(bps, BPS) for bps in passed]
    exact = Fraction(alone["promoter"])
    for role, share in zip(inside, [*given_on, Fraction(0)], strict=True):
        assert abs(amounts[role] - exact * (1 - share)) < 1
        exact *= share


@MANY
@given(FEN, RATE, plans(), CHAINS, PASSED, st.lists(st.integers(0, 1_000), min_size=1, max_size=6))
def test_any_sequence_of_partial_refunds_reverses_exactly(
    base: int,
    rate: int,
    shares: Shares,
    chain: tuple[str, ...],
    passed: list[int],
    cuts: list[int],
) -> None:
    def back(refunded: int, parts: tuple[Part, ...]) -> dict[str, int]:
        found = reversal(
            base_fen=base,
            refunded_fen=refunded,
            rate_bps=rate,
            fee_bps=500,
            budget_fen=sum(p.amount_fen for p in parts if p.role not in ("platform", "charity")),
            fee_fen=sum(p.amount_fen for p in parts if p.role in ("platform", "charity")),
            parts=[Taken(part.role, part.amount_fen, 0) for part in parts],
        )
        return {part.role: fen for part, fen in zip(parts, found, strict=True)}

    whole = parts_of(base, rate, shares, chain, passed)
    alone = parts_of(base, rate, shares, chain, [])
    amounts = {part.role: part.amount_fen for part in whole}
    inside = ["promoter", *PASSED_ON[: len(passed)]]
    refunded = 0
    for cut in [*cuts, 10**9]:
        refunded = min(base, refunded + base * cut // 1_000)
        taken, without = back(refunded, whole), back(refunded, alone)
        assert all(0 <= taken[role] <= amounts[role] for role in amounts)
        assert sum(taken[role] for role in inside) == without["promoter"]
        for role in without:
            if role != "promoter":
                assert taken[role] == without[role], "an agency moved somebody else's refund"
    assert taken == amounts, "a full refund takes back all"
