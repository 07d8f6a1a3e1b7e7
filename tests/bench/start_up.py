"""S1, S2: how long a command and the suite's collection take to begin, beside django.setup() of an
empty project with Django's own six applications. CPU seconds, byte code cached, medians."""

import os
import subprocess
import sys
import tempfile
import time
from statistics import median

from tests.bench.ground import say
from tests.bench.report import Row
from tests.bench.serving import ROOT

EMPTY = """
import django
from django.conf import settings
names = ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")
settings.configure(INSTALLED_APPS=[f"django.contrib.{name}" for name in names], SECRET_KEY="x")
django.setup()
"""
WORKS = {
    "empty": ["-c", EMPTY],
    "S1": ["manage.py", "check"],
    "S2": ["-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests"],
}
TOLD = {"S1": "manage.py check", "S2": "pytest --collect-only of the suite"}
REACH = {"S1": 5.0, "S2": 20.0}


def _run(arguments: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """CPU and wall seconds of a Python process."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environ,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = os.times()
    cpu = after.children_user - before.children_user + after.children_system
    return cpu - before.children_system, time.perf_counter() - began


def main(lines: int, rounds: int = 3) -> list[Row]:
    """Interleaved rounds; the first of each only fills the cache of byte code."""
    left_out = ("PYTHONDONTWRITEBYTECODE", "TUIKE_TEST_DB", "DJANGO_SETTINGS_MODULE")
    kept = {name: text for name, text in os.environ.items() if name not in left_out}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in WORKS}
    with tempfile.TemporaryDirectory() as cache:
        environ = kept | {"PYTHONPYCACHEPREFIX": cache}
        for number in range(rounds + 1):
            for name, arguments in WORKS.items():
                took = _run(arguments, environ)
                if number:
                    found[name].append(took)
    cpu = {name: median(cpu for cpu, _ in took) for name, took in found.items()}
    wall = {name: median(wall for _, wall in took) for name, took in found.items()}
    made = []
    for name, told in TOLD.items():
        ratio = cpu[name] / cpu["empty"]
        figure = f"{ratio:.1f} × CPU"
        more = f"{cpu[name]:.2f} s of CPU, {wall[name]:.2f} s"
        say(f"  {told}: {figure} ({more}; the empty project {cpu['empty']:.2f} s)")
        reach = f"≤ {REACH[name]:g} ×"
        made.append(
            Row(name, told, "django.setup(), empty", figure, reach, ratio <= REACH[name], more)
        )
    return made
