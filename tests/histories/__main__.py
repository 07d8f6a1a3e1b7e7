"""Histories by hand, and half of the soak: `python -m tests.histories --examples 1000 --seed 7`.

Makes a test database of its own, lives through as many histories as asked for, and prints how
often each step ran and how many histories reached each interesting state. `--teeth 5` instead
plants every fault and prints how many histories found it, for five seeds.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def main() -> int:
    """0 where every history agrees with the oracle; where one does not, the shortest program
    that shows it is printed."""
    parser = argparse.ArgumentParser(prog="python -m tests.histories", description=__doc__)
    parser.add_argument("--examples", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="the figures as JSON, alone")
    parser.add_argument("--raw", action="store_true", help="do not shorten a failing history")
    parser.add_argument("--teeth", type=int, default=0, metavar="SEEDS", help="plant every fault")
    chosen = parser.parse_args()
    # A database and a Redis number of its own, so that several may run at once.
    os.environ["TUIKE_TEST_DB"] = f"test_histories_{chosen.seed}"
    os.environ["PYTEST_XDIST_WORKER"] = f"gw{7 + chosen.seed % 7}"
    import tests.conftest  # noqa: F401 - sets Django up as for the suite

    with database():
        if chosen.teeth:
            return bite(range(1, 1 + chosen.teeth), limit=chosen.examples)
        figures = run(chosen.examples, chosen.seed, shorten=not chosen.raw)
    if chosen.json:
        sys.stdout.write(json.dumps(figures))
    else:
        show(figures)
    return 0


@contextmanager
def database() -> Iterator[None]:
    """A fresh test database, dropped afterwards."""
    from django.test.runner import DiscoverRunner

    from backend.core import events
    from tests.histories.ground import GROUND

    events._wake.clear()
    runner = DiscoverRunner(verbosity=0, interactive=False)
    old = runner.setup_databases()
    try:
        yield
    finally:
        GROUND.close()
        runner.teardown_databases(old)


def run(examples: int, seed: int, *, shorten: bool) -> dict[str, Any]:
    """Lives through histories; the figures."""
    from tests.histories.living import live
    from tests.histories.machine import Market

    started, used = time.monotonic(), processor_seconds()
    live(examples=examples, seed=seed, shorten=shorten)
    return {
        "histories": Market.tally.pop("histories"),
        "seconds": round(time.monotonic() - started, 1),
        "processor_seconds": round(processor_seconds() - used, 1),
        "steps": dict(Market.tally),
        "reached": dict(Market.reached),
    }


def processor_seconds() -> float:
    """What this process and its PostgreSQL backend have used of a core."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        stat = Path(f"/proc/{cursor.fetchone()[0]}/stat").read_text().rpartition(") ")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return time.process_time() + (int(stat[11]) + int(stat[12])) / ticks


def show(figures: dict[str, Any]) -> None:
    """The figures for people."""
    histories = figures["histories"]
    print(f"{histories:,} histories in {figures['seconds']} s")
    print(f"{figures['processor_seconds'] / histories * 1000:.0f} ms of a core each")
    for name in ("steps", "reached"):
        print(f"\n{name}")
        for what, times in sorted(figures[name].items()):
            print(f"{times:9,}  {what}")


def bite(seeds: range, *, limit: int) -> int:
    """Plants each fault for each seed; 1 where one of them was not found."""
    from tests.histories.faults import FAULTS
    from tests.histories.living import histories_until_found

    missed = 0
    for name in FAULTS:
        found = [histories_until_found(name, limit=limit, seed=seed) for seed in seeds]
        needed = [number for number, _ in found]
        missed += 0 in needed
        middle = statistics.median(number or limit + 1 for number in needed)
        print(f"{middle:6.0f}  {' '.join(f'{n:3}' for n in needed)}  {name}: {found[0][1][:90]}")
        sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
