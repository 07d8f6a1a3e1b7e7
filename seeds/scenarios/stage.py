"""The stage that a scenario plays on: its clock, its generators, its progress lines.

Every step draws from a generator of its own, made of the seed and the step's name, so that a
change of one step leaves the rows of the others alone.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from backend.accounts.models import Account
from backend.core import audit, events
from backend.core.errors import Invalid, Refusal
from backend.core.models import AuditEntry, Heartbeat
from seeds.texts import distributions

SEED = 20250813
DAY = timedelta(days=1)
ALIVE_SECONDS = 15
SMALLEST, LARGEST = 0.05, 10
Tell = Callable[[str], None]


class NotEmpty(Refusal):
    """The database holds what the scenario would write a second time."""

    code = "not_empty"
    title = "The database is not empty"


class Interrupted(Refusal):
    """An earlier run of the scenario was stopped half-way; what it left is no whole world."""

    code = "seed_interrupted"
    title = "An earlier seeding was stopped half-way: empty the database and seed again"


class NotInProduction(Refusal):
    """The scenarios write people with a known password."""

    code = "not_in_production"
    status = 403
    title = "Demo data have a known password and do not go into a production service"


class WorkerRunning(Refusal):
    """A scenario lives in the past, and a worker that lives in the present would hurry it on."""

    code = "worker_running"
    title = "A worker is running: stop it (Ctrl-C in `make demo`), then seed"


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is done: its name, how many rows or acts, and how long it took."""

    name: str
    count: int
    seconds: float


@dataclass(slots=True)
class Stage:
    """`at` is the present of the scenario, `size` scales it, `tell` prints a line."""

    name: str
    at: datetime
    tell: Tell
    size: float = 1.0
    seed: int = SEED
    steps: list[Step] = field(default_factory=list)

    def rng(self, step: str) -> random.Random:
        """The generator of one step."""
        return random.Random(f"{self.seed}:{self.name}:{step}")

    def many(self, count: int, least: int = 1) -> int:
        """`count` of the full-size world, at this size."""
        return max(least, round(count * self.size))

    @contextmanager
    def step(self, name: str) -> Iterator[list[int]]:
        """Times a step; what is put into the list it gives is the step's count."""
        counts: list[int] = []
        begun = time.perf_counter()
        yield counts
        done = Step(name, sum(counts), time.perf_counter() - begun)
        self.steps.append(done)
        self.tell(f"  {done.name:<44} {done.count:>9,}   {done.seconds:>6.1f} s")

    def ago(self, **span: float) -> datetime:
        """An instant before the present, on a whole second."""
        return (self.at - timedelta(**span)).replace(microsecond=0)


def moment(rng: random.Random, day_start: datetime) -> datetime:
    """A believable instant of the business day that starts at `day_start` (UTC)."""
    return day_start + timedelta(seconds=distributions.seconds_of_day(rng))


def between(rng: random.Random, low: datetime, high: datetime) -> datetime:
    """An instant in [low, high), on a whole second."""
    return low + timedelta(seconds=rng.randrange(max(1, int((high - low).total_seconds()))))


def copy_rows(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
    """Writes rows with COPY, in the transaction that is open; for the tables of tens of
    thousands of rows (measured 3 times as fast as bulk_create)."""
    names = ", ".join(columns)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({names}) FROM STDIN") as writer,
    ):
        for row in rows:
            writer.write_row(row)
    return len(rows)


def analyze() -> None:
    """Tells the planner about the rows, which the database's own job would do minutes later."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def may_begin(stage: Stage) -> None:
    """Whether a scenario may be played here and now.

    :raises Invalid: a size outside 0.05 to 10.
    :raises NotInProduction: in production.
    :raises WorkerRunning: a worker is alive.
    :raises Interrupted: the scenario began once and never ended.
    """
    if not SMALLEST <= stage.size <= LARGEST:
        raise Invalid(f"The size is {SMALLEST} to {LARGEST}.")
    if settings.PRODUCTION:
        raise NotInProduction()
    _refuse_worker(stage)
    refuse_interrupted(stage.name)


@contextmanager
def curtain(stage: Stage) -> Iterator[None]:
    """Marks in the audit trail that the scenario began and that it ended, and keeps the relay's
    doorbell quiet meanwhile: a scenario delivers its events itself."""
    events.wake_with(_silence)
    # It warns of counters that were wrong; after a bulk load all of them are.
    logging.getLogger("notes.recount").setLevel(logging.ERROR)
    mark = Account(pk=0)
    begun = time.perf_counter()
    audit.note(actor=None, action=f"seed.{stage.name}.begin", target=mark, at=stage.at)
    yield
    audit.note(actor=None, action=f"seed.{stage.name}.end", target=mark, at=stage.at)
    stage.tell(f"  {'in all':<44} {'':>9}   {time.perf_counter() - begun:>6.1f} s")


def _refuse_worker(stage: Stage) -> None:
    alive = stage.at - timedelta(seconds=ALIVE_SECONDS)
    if Heartbeat.objects.filter(job="relay", at__gt=alive).exists():
        raise WorkerRunning()


def _silence() -> None:
    pass


def refuse_interrupted(name: str) -> None:
    """Says so where a scenario began and never ended.

    :raises Interrupted: it did.
    """
    marks = AuditEntry.objects.filter(action__startswith=f"seed.{name}.")
    actions = set(marks.values_list("action", flat=True))
    if actions == {f"seed.{name}.begin"}:
        raise Interrupted()
