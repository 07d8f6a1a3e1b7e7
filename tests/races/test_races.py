"""R4: each race with its guard, where the rule holds in every round, and without it, where it
breaks: a test that has not seen the fault proves nothing.

The suite runs a sample; `make soak` runs a hundred rounds of each and prints the table.
"""

from collections.abc import Iterator

import pytest

from tests.races import (
    of_commissions,
    of_giving,
    of_orders,
    of_payouts,
    of_plans,
    of_promoting,
    of_requests,
    of_rules,
    of_taxes,
)
from tests.races.race import Race, run

ROOMS = (
    of_payouts,
    of_orders,
    of_commissions,
    of_plans,
    of_promoting,
    of_requests,
    of_giving,
    of_rules,
    of_taxes,
)
RACES: list[type[Race]] = [race for room in ROOMS for race in room.RACES]
ROUNDS, CONTROLS = 10, 2
pytestmark = pytest.mark.django_db(transaction=True)
every_race = pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)


@every_race
def test_the_rule_holds_with_its_guard_and_breaks_without(race: type[Race]) -> None:
    assert run(race(), rounds=ROUNDS, guarded=True) == []
    assert len(run(race(), rounds=CONTROLS, guarded=False)) == CONTROLS


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[list[tuple[str, int, int, str]]]:
    """What the hundred rounds of each race came to; printed when all have run."""
    found: list[tuple[str, int, int, str]] = []
    yield found
    lines = [f"| {name} | 100 | {kept} | {broken} | {gone} |" for name, kept, broken, gone in found]
    head = "| race | rounds | violations with the guard | without it | what was removed |"
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print("\n", head, "|---|---|---|---|---|", *lines, sep="\n")


@pytest.mark.soak
@every_race
def test_a_hundred_rounds(race: type[Race], table: list[tuple[str, int, int, str]]) -> None:
    """R4: 0 violations in 100 rounds with the guard, at least 90 without it."""
    wrong = run(race(), rounds=100, guarded=True)
    broken = len(run(race(), rounds=100, guarded=False))
    table.append((race.name, len(wrong), broken, race.removed))
    assert wrong == []
    assert broken >= 90
