"""docs/money.md says what the code does, to the fen."""

from tests.commissions.money_page import BEGIN, END, PAGE, example


def test_the_worked_example_is_what_the_code_computes() -> None:
    text = PAGE.read_text()
    written = text.partition(BEGIN)[2].partition(END)[0]
    assert written == example(), "run python -m tests.commissions.money_page"


def test_the_example_adds_up_by_hand() -> None:
    """The same numbers, written down by a person with a pencil."""
    for fact in ("| promoter | 7,740 × 80 % = 6,192.00 | 6,192 |", "9,030 fen (90.30 yuan)"):
        assert fact in example()
