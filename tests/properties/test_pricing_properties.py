"""What a plan pays, over thousands of cases: never beyond base, margin, cap or fund; splits sum
exactly; any cut of a refund takes back the same (I2, I4, X5). The oracle is plain fractions."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from backend.core.money import BPS, MAX_FEN
from commissions.pricing import Limit, Terms, price
from commissions.split import BUDGET_ROLES, Shares, Taken, reversal, split
from tests.properties.test_split_properties import FEN, RATE, ROLES, half_even, plans

MANY = settings(max_examples=400, deadline=None)
QTY = st.integers(1, 999)
TERMS = st.builds(
    Terms,
    rate_bps=RATE,
    bonus_bps=st.integers(0, 2_000),
    unit_fen=st.none() | st.integers(1, MAX_FEN),
)
LIMITS = st.lists(
    st.builds(
        Limit,
        name=st.sampled_from(["order", "day", "month"]),
        limit_fen=st.integers(1, 10_000) | st.integers(1, MAX_FEN),
        used_fen=st.integers(0, 10_000),
    ),
    max_size=3,
)


@MANY
@given(FEN, QTY, RATE, TERMS, LIMITS, st.none() | RATE)
def test_a_price_is_what_the_terms_ask_cut_to_what_each_limit_leaves(
    base: int, qty: int, fee: int, terms: Terms, limits: list[Limit], cap: int | None
) -> None:
    found = price(base_fen=base, qty=qty, fee_bps=fee, terms=terms, limits=limits, cap_bps=cap)
    rate = min(terms.rate_bps + terms.bonus_bps, BPS)
    wanted = half_even(Fraction(base * rate, BPS))
    if terms.unit_fen is not None:
        rate, wanted = 0, terms.unit_fen * qty
    margin = base - half_even(Fraction(base * fee, BPS))
    most = base if cap is None else half_even(Fraction(base * cap, BPS))
    room = [max(one.limit_fen - one.used_fen, 0) for one in limits]
    assert found.budget_fen == min([wanted, margin, most, *room])
    assert (found.rate_bps, found.wanted_fen) == (rate, wanted)
    assert bool(found.cut_by) == (found.budget_fen < wanted)
    assert 0 <= found.budget_fen <= base


@MANY
@given(
    FEN.filter(bool), QTY, RATE, TERMS, LIMITS, plans(), ROLES.filter(bool),
    st.lists(st.integers(0, 1_000), min_size=1, max_size=6),
)  # fmt: skip
def test_any_priced_line_splits_exactly_and_gives_back_the_same_however_it_is_cut(
    base: int, qty: int, fee: int, terms: Terms, limits: list[Limit], shares: Shares,
    roles: tuple[str, ...], cuts: list[int],
) -> None:  # fmt: skip
    priced = price(base_fen=base, qty=qty, fee_bps=fee, terms=terms, limits=limits)
    made = split(
        base_fen=base, rate_bps=priced.rate_bps, fee_bps=fee, shares=shares, roles=roles,
        budget_fen=priced.budget_fen,
    )  # fmt: skip
    budget = [part.amount_fen for part in made.parts if part.role in BUDGET_ROLES]
    assert sum(budget) == made.budget_fen == priced.budget_fen
    assert sum(part.amount_fen for part in made.parts) == made.budget_fen + made.fee_fen <= base

    def back(refunded: int) -> list[int]:
        return reversal(
            base_fen=base, refunded_fen=refunded, rate_bps=priced.rate_bps, fee_bps=fee,
            budget_fen=made.budget_fen, fee_fen=made.fee_fen,
            parts=[Taken(part.role, part.amount_fen, 0) for part in made.parts],
        )  # fmt: skip

    total, before = 0, 0
    for cut in [*cuts, 10**9]:
        total = min(base, total + base * cut // 1_000)
        targets = back(total)
        assert all(
            0 <= fen <= part.amount_fen for fen, part in zip(targets, made.parts, strict=True)
        )
        assert sum(targets) >= before
        before = sum(targets)
    assert back(base) == [part.amount_fen for part in made.parts]
