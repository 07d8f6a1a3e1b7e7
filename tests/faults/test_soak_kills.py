"""R3, X11: more than 200 kills -9 and a million ledger entries (`make soak`).

The product's own processes, the beat twice, under a storm that kills worker, broker (with and
without its memory), PostgreSQL, web server and beat, while 210,000 orders accrue and settle, live
people buy, pay, ship, refund and take their earnings out, and the desk approves. Afterwards
nothing is lost, doubled or adrift, and all work is done within a minute of the last kill.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

import pytest

from tests.faults.soak import Plan, Soak, running
from tests.faults.storm import API_BACK, TASK_AGAIN, TASK_ENDED, Storm
from tests.service import COMMANDS

pytestmark = pytest.mark.soak

PLAN = Plan(
    kills={
        "worker": 60,
        "PostgreSQL": 45,
        "broker": 28,
        "broker, AOF removed": 14,
        "web": 24,
        "beat": 33,
    },
    waves=14,
    lines=15_000,
    clients=3,
    flush_every=16,
    pause=(0.2, 2.5),
    clock_every=60.0,
    limit=18 * 60.0,
)


@pytest.fixture
def say(capfd: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Prints at once, whatever pytest captures: who waits for twenty minutes wants to see."""

    def aloud(line: str) -> None:
        with capfd.disabled():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    return aloud


def test_two_hundred_kills_lose_nothing_and_double_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    say: Callable[[str], None],
) -> None:
    with running(tmp_path_factory.mktemp("soak"), monkeypatch) as service:
        soak = Soak(service, PLAN, seed=20261122, say=say)
        assert soak.reckon(soak.run()) >= 1_000_000
        assert soak.storm.count >= 200
        assert max(soak.storm.seconds["PostgreSQL back → API answers"]) <= API_BACK
        # The other worker has the task by then; how late one may be whose machine is busy with the
        # storm is no promise. test_kills.py holds the bound where both were killed.
        assert statistics.median(soak.storm.seconds[TASK_ENDED]) <= TASK_AGAIN


def test_the_same_storm_finds_a_careless_settlement_out(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    say: Callable[[str], None],
) -> None:
    """The negative control: a storm that proves nothing about the careless proves nothing about
    the product."""
    for name in ("worker", "beat"):
        ours = [word.replace("backend.celery", "tests.faults.naive") for word in COMMANDS[name]]
        monkeypatch.setitem(COMMANDS, name, ours)
    with running(tmp_path_factory.mktemp("naive"), monkeypatch) as service:
        token = json.loads(service.python("-m", "tests.world", "1"))["buyers"][0]["token"]
        # Imported here: its tasks are none of the product's, whose jobs other tests list.
        from tests.faults.naive import Twins

        twins = Twins(service)
        storm = Storm(service, seed=8, token=token)
        for kind in ["worker", "PostgreSQL", "worker", "broker", "beat"] * 4:
            storm.strike(kind)
            storm.mind()
            time.sleep(storm.dice.uniform(1.0, 3.0))
            say(f"{storm.count} kills, {twins.left():,} orders left")
        service.wait(lambda: twins.left() == 0, "the orders' settlement", 180)
        storm.settle()
        careless, careful = twins.found("careless"), twins.found("careful")
        say(f"{storm.count} kills: careless {careless}, careful {careful}")
        assert careful == {"double": 0, "lost": 0, "adrift": 0}
        assert careless["double"] >= 1
        assert careless["adrift"] >= 1
