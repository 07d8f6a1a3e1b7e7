"""Income tax of a payment 个人所得税预扣预缴, as arithmetic: no database, no clock.

Two methods, each a dated table with its source:

- labour remuneration per payment 劳务报酬按次: income up to 4,000 yuan less 800, above less 20 %;
  20/30/40 % with quick deductions of 0/2,000/7,000 yuan at 20,000/50,000;
- cumulative 累计预扣法, for platform enterprises since 2025-10-01: the year's income less 20 %,
  less 5,000 yuan for each month with payments; 3 to 45 %; less the year's tax so far.

Rounded half-up to the fen, once, at the end (四舍五入); never below zero, never above the payment.
"""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from backend.core.money import BPS, MAX_FEN

YUAN = 100


@dataclass(frozen=True, slots=True)
class Bracket:
    """Taxable income up to `up_to_fen` (None: without an end), its rate and quick deduction."""

    up_to_fen: int | None
    rate_bps: int
    quick_fen: int


@dataclass(frozen=True, slots=True)
class Table:
    """A method's numbers from a day on, and where they are written."""

    method: str
    effective_from: date
    source: str
    brackets: tuple[Bracket, ...]
    expense_bps: int = 2_000
    small_fen: int = 0
    small_deduction_fen: int = 0
    monthly_fen: int = 0


@dataclass(frozen=True, slots=True)
class Withheld:
    """What is withheld from a payment, and the numbers it follows from."""

    taxable_fen: int
    rate_bps: int
    quick_fen: int
    due_fen: int
    tax_fen: int


def withheld(
    table: Table,
    *,
    income_fen: int,
    earlier_income_fen: int = 0,
    earlier_tax_fen: int = 0,
    months: int = 0,
) -> Withheld:
    """The tax of a payment of `income_fen`. `earlier…` are the year's so far, and `months` those
    of the year with payments, this one included; all three 0 for a method that looks at each
    payment alone.

    :raises ValueError: an amount below zero.
    """
    if min(income_fen, earlier_income_fen, earlier_tax_fen, months) < 0:
        raise ValueError("amounts of a payment are not negative")
    scaled = _taxable(table, earlier_income_fen + income_fen, months)
    bracket = _bracket_of(table, scaled)
    due = _half_up(scaled * bracket.rate_bps - bracket.quick_fen * BPS * BPS, BPS * BPS)
    tax = min(max(due - earlier_tax_fen, 0), income_fen)
    return Withheld(_half_up(scaled, BPS), bracket.rate_bps, bracket.quick_fen, due, tax)


def _taxable(table: Table, income_fen: int, months: int) -> int:
    """Taxable income in ten-thousandths of a fen: exact."""
    if income_fen <= table.small_fen:
        return max((income_fen - table.small_deduction_fen) * BPS, 0)
    kept = income_fen * (BPS - table.expense_bps)
    return max(kept - table.monthly_fen * months * BPS, 0)


def _bracket_of(table: Table, scaled: int) -> Bracket:
    for bracket in table.brackets:
        if bracket.up_to_fen is None or scaled <= bracket.up_to_fen * BPS:
            return bracket
    raise AssertionError("the last bracket has no end")


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator) if numerator > 0 else 0


def problem_of(brackets: tuple[Bracket, ...]) -> str:
    """What is wrong with brackets, or nothing: they rise from nothing, each begins where the one
    before ends, the last one has no end, rates are between nothing and all, and the quick
    deductions make the tax continuous where one ends."""
    if not brackets or brackets[-1].up_to_fen is not None or brackets[0].quick_fen:
        return "the first bracket deducts nothing and the last one has no end"
    if not all(0 <= bracket.rate_bps <= BPS for bracket in brackets):
        return "a rate is between 0 and 100 %"
    if not all(
        0 < bracket.up_to_fen <= MAX_FEN for bracket in brackets if bracket.up_to_fen is not None
    ):
        return "a bracket ends above nothing"
    for low, high in pairwise(brackets):
        end = low.up_to_fen
        if end is None or (high.up_to_fen or end + 1) <= end or high.rate_bps <= low.rate_bps:
            return "ends and rates must rise"
        if high.quick_fen * BPS != low.quick_fen * BPS + end * (high.rate_bps - low.rate_bps):
            return f"the tax jumps at {end} fen: a quick deduction is wrong"
    return ""


def _brackets(*rows: tuple[int | None, int, int]) -> tuple[Bracket, ...]:
    """Of yuan, percent, yuan, as the announcements print them."""
    return tuple(
        Bracket(None if end is None else end * YUAN, rate * 100, quick * YUAN)
        for end, rate, quick in rows
    )


STATUTORY: tuple[Table, ...] = (
    Table(
        method="labour",
        effective_from=date(2019, 1, 1),
        source="国家税务总局公告2018年第61号《个人所得税扣缴申报管理办法（试行）》第八条、"
        "个人所得税预扣率表二",
        small_fen=4_000 * YUAN,
        small_deduction_fen=800 * YUAN,
        brackets=_brackets((20_000, 20, 0), (50_000, 30, 2_000), (None, 40, 7_000)),
    ),
    Table(
        method="cumulative",
        effective_from=date(2025, 10, 1),
        source="国务院令第810号；国家税务总局公告2025年第16号第一条；"
        "税率：国家税务总局公告2018年第61号 个人所得税预扣率表一",
        monthly_fen=5_000 * YUAN,
        brackets=_brackets(
            (36_000, 3, 0),
            (144_000, 10, 2_520),
            (300_000, 20, 16_920),
            (420_000, 25, 31_920),
            (660_000, 30, 52_920),
            (960_000, 35, 85_920),
            (None, 45, 181_920),
        ),
    ),
)
