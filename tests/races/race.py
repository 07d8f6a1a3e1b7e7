"""What a race is, and how it is run: round by round, with the guard and without it."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import ModuleType
from typing import Any, ClassVar

import pytest

from tests.races.crowd import Act, Answer, Crowd, Meeting
from tests.races.unguarded import Guard

# With the guard a contender may never come to the meeting: it waits for a lock, or has gone.
PATIENCE = 0.02
# Without it all of them come, however slow the machine is.
LONG = 5.0


class Race:
    """Who contends for what, and how one sees that the rule was broken.

    The same meeting inside the product's verb is held with the guard and without it, so the guard
    is all that differs. Every second guarded round has none and runs as it comes.
    """

    name: ClassVar[str]
    removed: ClassVar[str]
    hands: ClassVar[int] = 2
    # What the database holds of the guard; dropped in the test database, then restored.
    guards: ClassVar[Sequence[Guard]] = ()

    def ground(self, rounds: int) -> None:
        """What all rounds share."""

    def prepare(self, number: int) -> Sequence[Act]:
        """What one round needs; its acts, one a hand."""
        raise NotImplementedError

    def judge(self, answers: list[Answer]) -> str:
        """What is wrong after a round, as the tables say; empty where nothing is."""
        raise NotImplementedError

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        """Where in the product's verbs the contenders meet."""

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        """Puts the naive way in the guard's place."""


def run(race: Race, *, rounds: int, guarded: bool) -> list[str]:
    """What was wrong, round by round; the rounds in which nothing was are not in it."""
    meet = Meeting(race.hands, PATIENCE if guarded else LONG)
    wrong = []
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for guard in () if guarded else race.guards:
            stack.enter_context(guard.dropped())
        race.ground(rounds)
        race.window(patch, meet)
        if not guarded:
            race.unguard(patch, meet)
        crowd = stack.enter_context(Crowd(race.hands))
        for number in range(rounds):
            acts = race.prepare(number)
            if not (guarded and number % 2):
                meet.begin()
            answers = crowd.at_once(*acts)
            meet.end()
            bugs = [answer.word for answer in answers if guarded and answer.is_bug]
            if found := race.judge(answers) or "; ".join(bugs):
                wrong.append(f"round {number}: {found}")
    return wrong


def meet_before(
    patch: pytest.MonkeyPatch,
    meet: Meeting,
    module: ModuleType | object,
    name: str,
    place: str = "",
) -> None:
    """Contenders meet before they call this function of a module of the product."""
    real: Callable[..., Any] = getattr(module, name)

    def met(*args: Any, **named: Any) -> Any:
        meet(place)
        return real(*args, **named)

    patch.setattr(module, name, met)
