"""The oracle is worth something only where it is right and where it is not the product."""

import ast
from fractions import Fraction
from pathlib import Path

import pytest

from tests.histories.arithmetic import Plan, half_even, owed, shared

HERE = Path(__file__).parent
CLASSIC = Plan(promoter=8_000, inviter=2_000, creator=10_000, charity=100)


def test_its_arithmetic_is_the_example_of_the_money_page() -> None:
    """docs/money.md: 257.99 yuan, 30 %, fee 5 %, 80 : 20, a hundredth of the fee to charity."""
    line = owed(25_799, 3_000, 500, CLASSIC, ["promoter", "inviter"])
    assert line.parts == {
        "promoter": 6_192,
        "inviter": 1_548,
        "platform": 1_277,
        "charity": 13,
    }
    back = {"promoter": 2_064, "inviter": 516, "platform": 426, "charity": 4}
    assert line.taken_back(8_600) == back
    assert line.taken_back(25_799) == line.parts
    chain = owed(25_799, 3_000, 500, CLASSIC, ["promoter", "inviter", "agency", "agency2"])
    assert sum(chain.budget_parts[role] for role in ("promoter", "agency", "agency2")) == 6_192
    assert chain.budget_parts["promoter"] == 5_428  # 6,192 × 87.66 % = 5,427.91
    assert chain.taken_back(25_799) == chain.parts
    alone = owed(25_799, 3_000, 500, CLASSIC, ["promoter"])
    assert alone.budget_parts == {"promoter": 6_192, "shop": 1_548}
    assert owed(25_799, 3_000, 500, CLASSIC, ["creator"]).budget_parts == {"creator": 7_740}
    assert owed(25_799, 3_000, 500, CLASSIC, []).budget_parts == {}


@pytest.mark.parametrize(("exact", "fen"), [("1/2", 0), ("3/2", 2), ("5/2", 2), ("49/20", 2)])
def test_it_rounds_half_to_even(exact: str, fen: int) -> None:
    assert half_even(Fraction(exact)) == fen


def test_of_two_equal_remainders_the_first_named_gets_the_fen() -> None:
    assert shared(1, {"promoter": 50, "shop": 50}) == {"promoter": 1, "shop": 0}
    assert shared(2, {"promoter": 50, "inviter": 25, "shop": 25}) == {
        "promoter": 1,
        "inviter": 1,
        "shop": 0,
    }


@pytest.mark.parametrize("name", ["arithmetic", "things", "oracle", "asking", "out"])
def test_it_knows_nothing_of_the_product(name: str) -> None:
    """The rules are written down a second time; a bug would have to be made twice."""
    tree = ast.parse((HERE / f"{name}.py").read_text(encoding="utf-8"))
    modules = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    modules += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    own = tuple(f"tests.histories.{part}" for part in ("arithmetic", "things", "oracle"))
    allowed = ("collections", "dataclasses", "datetime", "fractions", "typing", *own)
    assert [module for module in modules if not module.startswith(allowed)] == []
