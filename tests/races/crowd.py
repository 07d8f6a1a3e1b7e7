"""Many at the same moment: each job on a thread and a database connection of its own."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Self

from django.db import connection

from backend.core.errors import Refusal
from backend.core.sql import value

Act = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one of the crowd got: a value, or what stopped it."""

    value: Any = None
    error: Exception | None = None

    @property
    def word(self) -> str:
        """ "done", the code of a refusal, or an error in its own words."""
        if self.error is None:
            return "done"
        if isinstance(self.error, Refusal):
            return self.error.code
        return f"{type(self.error).__name__}: {self.error}"

    @property
    def is_bug(self) -> bool:
        """Whether something broke that is no refusal."""
        return self.error is not None and not isinstance(self.error, Refusal)


def words(answers: Sequence[Answer]) -> Counter[str]:
    """How often each word was heard."""
    return Counter(answer.word for answer in answers)


class Crowd:
    """Hands with a connection each, kept from round to round: a round costs what its acts cost."""

    def __init__(self, hands: int) -> None:
        self._acts: list[SimpleQueue[Act | None]] = [SimpleQueue() for _ in range(hands)]
        self._answers: SimpleQueue[tuple[int, Answer]] = SimpleQueue()
        self._start = threading.Barrier(hands)
        self._threads = [
            threading.Thread(target=self._work, args=[place], daemon=True) for place in range(hands)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for acts in self._acts:
            acts.put(None)
        for thread in self._threads:
            thread.join(timeout=60)

    def at_once(self, *acts: Act) -> list[Answer]:
        """Starts the acts, one a hand, at one barrier; their answers in the order of the acts."""
        for place, act in zip(self._acts, acts, strict=True):
            place.put(act)
        found = dict(self._answers.get(timeout=90) for _ in acts)
        return [found[place] for place in range(len(acts))]

    def _work(self, place: int) -> None:
        try:
            while (act := self._acts[place].get()) is not None:
                try:
                    connection.ensure_connection()
                    self._start.wait(timeout=30)
                    answer = Answer(act())
                except Exception as error:
                    answer = Answer(error=error)
                self._answers.put((place, answer))
        finally:
            connection.close()


def together(jobs: Sequence[Act]) -> Counter[str]:
    """Starts the jobs at one barrier; counts "done", codes of refusals, names of errors."""
    with Crowd(len(jobs)) as crowd:
        return words(crowd.at_once(*jobs))


_ELSE = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def deadlocks() -> int:
    """How many circles of waiting PostgreSQL has broken in this database. Connections report what
    they have seen when they close, so the others are waited for, a few seconds at most."""
    for _ in range(250):
        if not value(_ELSE):
            break
        time.sleep(0.02)
    return int(value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))


class Meeting:
    """A place inside a verb where each of the crowd stops, once a round, until all are there:
    what the verb has read by then is old before it writes.

    Who is kept away, by a lock for instance, is waited for `patience` seconds and no longer.
    Outside a round, and for everybody who is not of the crowd, it is no place to stop at.
    """

    def __init__(self, hands: int, patience: float) -> None:
        self._hands, self._patience = hands, patience
        self._places: dict[str, tuple[threading.Barrier, set[int]]] = {}
        self._lock = threading.Lock()
        self._open = False

    def begin(self) -> None:
        """A round begins."""
        self._places, self._open = {}, True

    def end(self) -> None:
        """The round is over."""
        self._open = False

    def __call__(self, place: str = "") -> None:
        if not self._open:
            return
        with self._lock:
            new = (threading.Barrier(self._hands), set[int]())
            barrier, seen = self._places.setdefault(place, new)
            if threading.get_ident() in seen:
                return
            seen.add(threading.get_ident())
        with suppress(threading.BrokenBarrierError):
            barrier.wait(self._patience)
