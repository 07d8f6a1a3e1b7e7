"""Income tax of a payment, to the fen: the boundaries of both methods, and what holds for every
amount (A5). Sources of the numbers stand in commissions/withholding.py."""

from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commissions.withholding import STATUTORY, Bracket, problem_of, withheld

LABOUR, CUMULATIVE = STATUTORY
MANY = settings(max_examples=300, deadline=None)
INCOMES = st.integers(0, 2_000_000_00)


def labour(income_fen: int) -> int:
    return withheld(LABOUR, income_fen=income_fen).tax_fen


def year_of(incomes: list[int], months: list[int]) -> list[int]:
    """What is withheld from payment to payment."""
    taxes: list[int] = []
    for place, (income, month) in enumerate(zip(incomes, months, strict=True)):
        said = withheld(
            CUMULATIVE,
            income_fen=income,
            earlier_income_fen=sum(incomes[:place]),
            earlier_tax_fen=sum(taxes),
            months=month,
        )
        taxes.append(said.tax_fen)
    return taxes


@pytest.mark.parametrize(
    ("income", "tax"),
    [
        (0, 0),
        (80_000, 0),
        (80_002, 0),
        (80_003, 1),  # 0.6 fen, half-up
        (100_000, 4_000),
        (400_000, 64_000),
        (400_001, 64_000),
        (400_004, 64_001),
        (500_000, 80_000),
        (2_500_000, 400_000),  # taxable 20,000.00 exactly
        (2_500_100, 400_024),
        (6_250_000, 1_300_000),  # taxable 50,000.00 exactly
        (6_250_100, 1_300_032),
        (10_000_000, 2_500_000),
    ],
)
def test_labour_remuneration_at_its_boundaries(income: int, tax: int) -> None:
    assert labour(income) == tax


@pytest.mark.parametrize(
    ("income", "months", "taxable", "tax"),
    [
        (625_000, 1, 0, 0),  # 6,250 × 80 % = 5,000
        (625_100, 1, 80, 2),
        (1_000_000, 1, 300_000, 9_000),
        (5_125_000, 1, 3_600_000, 108_000),  # 36,000.00 exactly
        (5_125_100, 1, 3_600_080, 108_008),
        (18_625_000, 1, 14_400_000, 1_188_000),  # 144,000.00
        (38_125_000, 1, 30_000_000, 4_308_000),  # 300,000.00
        (53_125_000, 1, 42_000_000, 7_308_000),  # 420,000.00
        (83_125_000, 1, 66_000_000, 14_508_000),  # 660,000.00
        (120_625_000, 1, 96_000_000, 25_008_000),  # 960,000.00
        (130_625_000, 1, 104_000_000, 28_608_000),
        (7_500_000, 12, 0, 0),
        (7_500_100, 12, 80, 2),
    ],
)
def test_the_cumulative_method_at_its_boundaries(
    income: int, months: int, taxable: int, tax: int
) -> None:
    said = withheld(CUMULATIVE, income_fen=income, months=months)
    assert (said.taxable_fen, said.tax_fen) == (taxable, tax)


def test_a_year_worked_through_by_hand() -> None:
    """10,000 a month for three months: 3,000 taxable each, then 60,000 in the fourth: taxable
    20,000 × 4 … = (90,000 × 80 %) − 20,000 = 52,000, 10 % − 2,520 = 2,680, less 270."""
    assert year_of([1_000_000] * 3 + [6_000_000], [1, 2, 3, 4]) == [9_000, 9_000, 9_000, 241_000]


def test_both_tables_are_continuous_and_a_wrong_quick_deduction_is_seen() -> None:
    assert [problem_of(table.brackets) for table in STATUTORY] == ["", ""]
    last = CUMULATIVE.brackets[-1]
    assert problem_of((*CUMULATIVE.brackets[:-1], replace(last, quick_fen=18_192_001)))
    assert problem_of(LABOUR.brackets[:2])
    assert problem_of(LABOUR.brackets[::-1])
    assert problem_of((Bracket(100, 100, 0), Bracket(50, 200, 1), Bracket(None, 300, 2)))


@MANY
@given(INCOMES, st.integers(1, 10_000))
def test_more_is_never_taxed_less_and_never_leaves_less(income: int, more: int) -> None:
    less_tax, more_tax = labour(income), labour(income + more)
    assert 0 <= less_tax <= more_tax
    assert (income + more) - more_tax >= income - less_tax
    assert more_tax <= income + more


@MANY
@given(st.lists(st.tuples(INCOMES, st.booleans()), min_size=1, max_size=12))
def test_a_year_in_pieces_is_the_year_in_one(payments: list[tuple[int, bool]]) -> None:
    """Payments of one month: however they are cut, the tax is that of their sum."""
    incomes = [income for income, _ in payments]
    taxes = year_of(incomes, [1] * len(incomes))
    assert sum(taxes) == withheld(CUMULATIVE, income_fen=sum(incomes), months=1).due_fen
    assert all(0 <= tax <= income for tax, income in zip(taxes, incomes, strict=True))


@MANY
@given(st.lists(st.tuples(INCOMES, st.booleans()), min_size=1, max_size=12))
def test_months_that_come_on_never_make_a_tax_negative(payments: list[tuple[int, bool]]) -> None:
    """What was withheld too much, after a payment that came back or a month of little, is carried:
    the sum is the most that any moment of the year owed."""
    incomes = [income for income, _ in payments]
    months = list(accumulate(int(new) for _, new in payments))
    taxes = year_of(incomes, months)
    owed = [
        withheld(CUMULATIVE, income_fen=sum(incomes[: place + 1]), months=month).due_fen
        for place, month in enumerate(months)
    ]
    assert sum(taxes) == max(owed)
    assert all(0 <= tax <= income for tax, income in zip(taxes, incomes, strict=True))


def test_nothing_is_computed_of_an_amount_below_zero() -> None:
    with pytest.raises(ValueError, match="not negative"):
        withheld(LABOUR, income_fen=-1)
