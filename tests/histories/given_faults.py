"""R2: bugs in what gives a line to somebody else: overrides and coupon codes."""

from collections.abc import Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from commissions import overrides
from commissions.accruals import looking
from tests.histories.planting import fault, rewritten


@fault
def an_override_pays_the_new_and_leaves_the_old() -> Iterator[None]:
    legs, asked = overrides._legs, count()

    def new_alone(*values: Any) -> Any:
        return legs(*values) if next(asked) % 2 else []

    with patch.object(overrides, "_legs", new_alone):
        yield


@fault
def an_override_forgets_who_stands_above_the_winner() -> Iterator[None]:
    with patch.object(overrides, "uplines", SimpleNamespace(complete=list)):
        yield


@fault
def an_override_forgets_what_was_taken_back() -> Iterator[None]:
    known = overrides._divided

    def fresh(state: Any, chain: Any) -> Any:
        return known({**state, "refunded_fen": 0}, chain)

    with patch.object(overrides, "_divided", fresh):
        yield


@fault
def a_click_wins_over_a_coupon() -> Iterator[None]:
    was, now = "line.id, candidate.rank,", "line.id, candidate.rank = 0, candidate.rank,"
    with (
        rewritten(looking, "_LOOK_AT_ONE", was, now),
        rewritten(looking, "_LOOK_AT_MANY", was, now),
    ):
        yield
