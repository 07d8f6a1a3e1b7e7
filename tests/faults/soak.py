"""A storm with everything that happens under it: people, waves of orders, a clock that jumps, the
finance desk; and the reckoning afterwards."""

import contextlib
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tests.faults import bulk, verdict
from tests.faults.live import Buyers, Earners
from tests.faults.storm import Storm
from tests.service import COMMANDS, ROOT, Service

# Days that the demo clock moves on at a time: a week's window and its end. The tokens of people
# live for 90 days, and the last jump comes after the storm.
DAYS, JUMPS = 8, 10
# Seconds that a channel gets to be asked, after the storm, before its minutes are made to pass.
CHANNEL_PAUSE = 12.0
# R3: seconds from the last kill until all work is done.
DONE = 60.0


@contextlib.contextmanager
def running(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The product's processes, the worker and the beat twice. A worker tells which tasks it
    ended: that is how it is known to be back."""
    told = ["INFO" if word == "WARNING" else word for word in COMMANDS["worker"]]
    patch.setitem(COMMANDS, "worker", told)
    service = Service(folder)
    try:
        service.start()
        service.spawn("worker", label="worker2")
        service.spawn("beat", label="beat2")
        yield service
    finally:
        service.stop()


@contextlib.contextmanager
def desk(service: Service) -> Iterator[None]:
    """The finance desk at work."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.desk"],
        env=service.environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@dataclass(frozen=True)
class Plan:
    """How much of what: kills by kind, waves of orders, and after how many kills a FLUSHALL."""

    kills: Mapping[str, int]
    waves: int
    lines: int
    clients: int
    flush_every: int
    pause: tuple[float, float]
    # Seconds between two jumps of the clock, and after which the storm has taken too long.
    clock_every: float
    limit: float
    # Events that may wait before another wave is added.
    backlog: int = 4_000


class Soak:
    """One storm."""

    def __init__(
        self, service: Service, plan: Plan, *, seed: int, say: Callable[[str], None]
    ) -> None:
        self.service, self.plan = service, plan
        self._begun = self._clock = self._said = time.monotonic()
        self._say = say
        self.world = json.loads(service.python("-m", "tests.faults.bulk", "40"))
        self.storm = Storm(service, seed=seed, token=self.world["buyers"][0]["token"])
        self.buyers = Buyers(service, self.world)
        self.earners = Earners(service, self.world, seed=seed, pause=0.4)
        self.earners.gate = self.buyers.gate
        self.waves: list[int] = []
        self._advanced = 0
        self._at = datetime.now(UTC)

    def say(self, line: str) -> None:
        """A line of the report, with the seconds since the beginning."""
        self._say(f"{time.monotonic() - self._begun:6.0f} s  {line}")

    @property
    def now(self) -> float:
        """The demo clock's time."""
        return time.time() + self._advanced * 86_400

    def run(self) -> float:
        """The storm and the calm after it; seconds from the last kill until nothing waits."""
        with desk(self.service):
            self.say(f"the world stands on {os.cpu_count()} cores, the storm begins")
            self.buyers.start(self.plan.clients)
            self.earners.start()
            self._kill()
            # Every wave, and somebody paid: a short storm may be over before the first has earned.
            while len(self.waves) < self.plan.waves or not self.earners.told:
                self._between()
                time.sleep(0.2)
            self.earners.stop()
            self.buyers.stop()
            # The last one, with everything still in hand.
            self.storm.strike("worker")
            seconds = self._calm()
        self.storm.settle()
        return seconds

    def _kill(self) -> None:
        """Every kill of the plan, shuffled; pauses such that something gets done."""
        kinds = [kind for kind, count in self.plan.kills.items() for _ in range(count)]
        self.storm.dice.shuffle(kinds)
        for number, kind in enumerate(kinds, start=1):
            if number % self.plan.flush_every == 0:
                self.storm.flush()
            self.storm.strike(kind)
            pause = time.monotonic() + self.storm.dice.uniform(*self.plan.pause)
            self._between()
            time.sleep(max(0.0, pause - time.monotonic()))

    def _between(self) -> None:
        """What happens between two kills: a wave, a jump of the clock, a line of progress."""
        assert time.monotonic() - self._begun < self.plan.limit, "the storm took too long"
        self._nobody_failed()
        self.storm.mind()
        with contextlib.suppress(psycopg.Error):
            waiting = verdict.waiting(self.service, self.now).get("events", 0)
            if waiting < self.plan.backlog and len(self.waves) < self._due():
                self._wave()
        jumps = self._advanced // DAYS
        if time.monotonic() - self._clock > self.plan.clock_every and jumps < JUMPS - 1:
            with self.buyers.gate.closed():
                self._advance()
        if time.monotonic() - self._said > 10:
            self._said = time.monotonic()
            self.say(self.progress())

    def _due(self) -> int:
        """How many waves there should be by now: the last one comes with the last kills."""
        part = (self.storm.count + 1) / sum(self.plan.kills.values())
        return min(self.plan.waves, math.ceil(self.plan.waves * part))

    def _wave(self) -> None:
        bulk.wave(
            self.service.database_url,
            number=len(self.waves),
            lines=self.plan.lines,
            begun=self._at,
        )
        self.waves.append(self.plan.lines)

    def _advance(self) -> None:
        """Moves the demo clock on; what waits for a week is due."""
        self.service.manage("clock", "--advance", f"{DAYS}d")
        self._advanced += DAYS
        self._clock = time.monotonic()

    def _calm(self) -> float:
        """The clock moves on for what asks for a week, and once more where nothing is left but
        payouts that were sent after that: a channel may take its ten minutes, and that is its
        time, not ours."""
        last = time.monotonic()
        self._advance()
        left = {"nothing looked at yet": 1}
        while left and time.monotonic() - last < 4 * DONE:
            self.storm.mind()
            with contextlib.suppress(psycopg.Error):
                left = verdict.waiting(self.service, self.now)
                only_channels = set(left) == {"payouts"} and not verdict.to_send(self.service)
                if only_channels and time.monotonic() - self._clock > CHANNEL_PAUSE:
                    self._advance()
            time.sleep(0.1)
        assert not left, f"still waiting: {left}; {self.service.logs()}"
        return time.monotonic() - last

    def progress(self) -> str:
        """Where it stands."""
        try:
            ((entries, settled),) = self.service.sql(
                "SELECT (SELECT count(*) FROM commissions_entry),"
                " (SELECT count(*) FROM commissions_commissionorder WHERE status = 'settled')"
            )
            waiting = verdict.waiting(self.service, self.now)
        except psycopg.Error:
            return f"{self.storm.count} kills; PostgreSQL is away"
        return (
            f"{self.storm.count} kills, {sum(self.waves):,} orders in bulk,"
            f" {len(self.buyers.told)} live, {entries:,} entries, {settled:,} settled,"
            f" {len(self.earners.told)} payouts, waiting {waiting}"
        )

    def _nobody_failed(self) -> None:
        failures = self.buyers.failures + self.earners.failures
        assert failures == [], failures[:5]

    def reckon(self, seconds: float) -> int:
        """Nothing lost, nothing double, nothing adrift, and in time; the number of entries."""
        ((entries, orders, total),) = self.service.sql(
            "SELECT count(*), (SELECT count(*) FROM shops_order), sum(amount_fen)::bigint"
            " FROM commissions_entry"
        )
        retries = dict(self.buyers.retries + self.earners.retries)
        for line in [
            f"{entries:,} entries, {orders:,} orders, sum of entries {total}",
            f"{len(self.buyers.told)} live orders, {len(self.buyers.refunded)} refunds,"
            f" {len(self.earners.told)} payouts acknowledged; tried again after {retries}",
            f"all work done {seconds:.1f} s after the last kill",
            *self.storm.table(),
        ]:
            self.say(line)
        self._nobody_failed()
        untold = verdict.untold(self.service, self.buyers, self.earners, self.waves)
        assert untold == [], untold
        wrong = verdict.wrong(self.service)
        assert wrong == {}, wrong
        assert "clean" in self.service.manage("check_books")
        assert seconds <= DONE, f"{seconds} s"
        self.say("0 lost, 0 double, 0 drift; the books are clean")
        return entries
