"""Running the machine: from a seed, for so many histories, with or without a planted fault."""

from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import get_state_machine_test

from tests.histories.faults import FAULTS
from tests.histories.machine import Market
from tests.histories.steps import Found, Steps

STEPS = 20
# Hypothesis begins every run with a tenth of trivial examples, but at most 50.
ROUND, LONG = 9, 500


def live(*, examples: int, seed: int, steps: int = STEPS, shorten: bool = True) -> None:
    """Lives through `examples` histories of `steps` steps, the same ones for the same seed.

    A history that differs from the oracle is shortened and printed as a program, unless
    `shorten` is False.
    """
    size = examples if examples > LONG else ROUND
    for start in range(0, examples, size):
        _round(min(size, examples - start), f"{seed}/{start}", steps, shorten)


def _round(examples: int, seed: str, steps: int, shorten: bool) -> None:
    phases = [Phase.generate, Phase.shrink] if shorten else [Phase.generate]
    chosen: Any = settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=phases,
        deadline=None,
        database=None,
        print_blob=shorten,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    seeded(seed)(get_state_machine_test(Market, settings=chosen))()


def histories_until_found(name: str, *, limit: int, seed: int) -> tuple[int, str]:
    """Lives with a planted fault: in which history it was found (0: in none), and by what."""
    before = Steps.tally["histories"]
    with FAULTS[name](), patch.object(Steps, "first_is_enough", True):
        try:
            live(examples=limit, seed=seed, shorten=False)
        except Found as found:
            first = str(found.__cause__).partition("\n")[0]
            return Steps.tally["histories"] - before, first
    return 0, ""
