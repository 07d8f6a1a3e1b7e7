"""The one function that divides money, case by case: K1, I2, X5."""

import pytest

from backend.core.money import largest_remainder
from commissions.split import Shares, Taken, reversal, split

PLAN = Shares(8_000, 2_000, 10_000, 100)
THREE = Shares(7_000, 2_000, 9_000, 100)
BOTH = ("promoter", "inviter")


def amounts(base: int, rate: int, shares: Shares, roles: tuple[str, ...]) -> dict[str, int]:
    made = split(base_fen=base, rate_bps=rate, fee_bps=500, shares=shares, roles=roles)
    return {part.role: part.amount_fen for part in made.parts}


def test_the_budget_is_rounded_once_and_half_goes_to_even() -> None:
    def budget(base: int) -> int:
        made = split(base_fen=base, rate_bps=1_000, fee_bps=0, shares=PLAN, roles=BOTH)
        return made.budget_fen

    assert [budget(base) for base in (5, 15, 25, 35, 104, 106)] == [0, 2, 2, 4, 10, 11]


def test_promoter_and_inviter_share_the_budget_to_the_fen() -> None:
    assert amounts(12_345, 3_000, PLAN, BOTH) == {
        "promoter": 2_963,
        "inviter": 741,
        "platform": 611,
        "charity": 6,
    }


def test_the_share_of_nobody_goes_back_to_the_shop() -> None:
    assert amounts(10_000, 2_000, PLAN, ("promoter",))["shop"] == 400
    assert amounts(10_000, 2_000, THREE, BOTH)["shop"] == 200
    assert amounts(10_000, 2_000, THREE, ("creator",)) == {
        "creator": 1_800,
        "shop": 200,
        "platform": 495,
        "charity": 5,
    }


def test_without_a_payee_there_is_no_budget_but_the_fee_stands() -> None:
    assert amounts(10_000, 2_000, PLAN, ()) == {"platform": 495, "charity": 5}


def test_the_chain_of_a_link_and_of_content_do_not_mix() -> None:
    with pytest.raises(ValueError, match="no such chain"):
        amounts(1, 1, PLAN, ("promoter", "creator"))
    with pytest.raises(ValueError, match="no such chain"):
        amounts(1, 1, PLAN, ("platform",))


@pytest.mark.parametrize(
    ("base", "rate", "shares"),
    [(-1, 1, PLAN), (10**12 + 1, 1, PLAN), (1, 10_001, PLAN), (1, 1, Shares(9_000, 1_001, 0, 0))],
)
def test_what_is_out_of_range_is_refused(base: int, rate: int, shares: Shares) -> None:
    with pytest.raises(ValueError, match=r"range|100 %"):
        amounts(base, rate, shares, BOTH)


def test_a_refund_takes_back_in_proportion_and_a_full_one_takes_all() -> None:
    made = split(base_fen=9_999, rate_bps=2_000, fee_bps=500, shares=PLAN, roles=BOTH)
    parts = [Taken(part.role, part.amount_fen, 0) for part in made.parts]

    def back(refunded: int) -> list[int]:
        return reversal(
            base_fen=9_999,
            refunded_fen=refunded,
            rate_bps=2_000,
            fee_bps=500,
            budget_fen=made.budget_fen,
            fee_fen=made.fee_fen,
            parts=parts,
        )

    assert [part.amount_fen for part in parts] == [1_600, 400, 495, 5]
    assert back(0) == [0, 0, 0, 0]
    assert back(3_345) == [535, 134, 165, 2]
    assert back(9_999) == [1_600, 400, 495, 5]
    with pytest.raises(ValueError, match="out of range"):
        back(10_000)


def test_the_order_in_which_parts_are_given_decides_nothing() -> None:
    """Equal remainders: the tie goes to the earlier role, wherever it stands."""
    tied = [Taken("inviter", 1, 0), Taken("promoter", 1, 0)]
    numbers = {"base_fen": 2, "refunded_fen": 1, "rate_bps": 10_000, "fee_bps": 0}
    back = reversal(**numbers, budget_fen=2, fee_fen=0, parts=tied)
    assert back == [0, 1]
    assert reversal(**numbers, budget_fen=2, fee_fen=0, parts=tied[::-1]) == [1, 0]


def test_with_three_parts_a_fen_may_move_on_the_way_but_never_in_the_sum() -> None:
    """Largest remainder is not monotone with three parts (the Alabama paradox): the price of
    depending on the refunded total alone. The signed delta is posted like any other."""
    weights = [6, 6, 2]
    before, after = largest_remainder(10, weights), largest_remainder(11, weights)
    assert (before, after) == ([4, 4, 2], [5, 5, 1])
