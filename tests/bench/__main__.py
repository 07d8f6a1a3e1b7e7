"""`python -m tests.bench [split p1 …] [--lines 100000] [--rounds 3]`: ratios against yardsticks
measured in the same run. A time never fails a test; a wrong sum fails the run, once the others are
measured. A run of everything writes its table to docs/benchmarks.md; a part only prints it."""

import argparse
import importlib
import os
import sys
import time
import traceback

from backend import embedded

os.environ.setdefault("TUIKE_ENV", "development")
os.environ.setdefault("TUIKE_JOB", "1")
os.environ.setdefault("LOG_LEVEL", "ERROR")
os.environ["TUIKE_TEST_DB"] = "bench_tuike"

# In the order of a full run. Each module has main(lines, rounds) -> list[Row].
BENCHES = {
    "split": "tests.bench.split_speed",
    "p1": "tests.bench.p1_settlement",
    "p2": "tests.bench.p2_peers",
    "p3": "tests.bench.p3_accrual",
    "p7": "tests.bench.p7_reads",
    "p8": "tests.bench.p8_redirect",
    "p9": "tests.bench.p9_metrics",
    "p10": "tests.bench.p10_team",
    "p12": "tests.bench.p12_demo",
    "start": "tests.bench.start_up",
    "x2": "tests.bench.x2_whatif",
    "k10": "tests.bench.k10_import",
    "x12": "tests.bench.x12_statement",
    "touches": "tests.bench.touched",
    "audit": "tests.bench.audit",
}


def main() -> None:
    """Runs the named benchmarks, or all of them, each on a fresh database."""
    reader = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    reader.add_argument("names", nargs="*", choices=[*BENCHES, []], help="all by default")
    reader.add_argument("--lines", type=int, default=100_000)
    reader.add_argument("--rounds", type=int, default=3)
    given = reader.parse_args()
    embedded.ensure()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")
    import django

    django.setup()
    from tests.bench import report
    from tests.bench.ground import database, say, servers

    began, rows, failed = time.monotonic(), [], []
    for place, name in enumerate(given.names or list(BENCHES), start=1):
        total = len(given.names or BENCHES)
        say(f"\n[{place}/{total}] {name}, {time.monotonic() - began:.0f} s since the start")
        with database():
            module = importlib.import_module(BENCHES[name])
            version = servers()
            try:
                rows += module.main(lines=given.lines, rounds=given.rounds)
            except Exception:
                traceback.print_exc()
                failed.append(name)
    figures = report.markdown(rows, time.monotonic() - began, version)
    say(f"\n{figures}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")
    if not given.names:
        report.write(figures)
        say(f"\nwritten to {report.PAGE.name}")


if __name__ == "__main__":
    main()
