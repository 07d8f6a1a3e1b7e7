"""P12: the demo's own steps on an empty database, one after the other as the launcher takes them:
migrate, seed, the web server, its first page. The embedded servers are up already."""

import http.client
import os
import subprocess
import sys
import tempfile
import time

from django.conf import settings

from backend.core.sql import run
from tests.bench.ground import say
from tests.bench.report import Row
from tests.bench.serving import ROOT, Server, environment, product_command, running

NAME = "bench_demo"
SEED_REACH, PAGE_REACH = 30.0, 60.0


def _manage(environ: dict[str, str], *arguments: str) -> float:
    """Seconds of a command, from nothing to its end."""
    began = time.perf_counter()
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, env=environ, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _first_page(server: Server) -> bytes:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    line.request("GET", "/v1/feeds/discover")
    answer = line.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    line.close()
    return body


def main(lines: int, rounds: int = 3) -> list[Row]:
    """One demo: seconds of its seeding, and from nothing to the first page."""
    database = settings.DATABASES["default"]
    run(f"DROP DATABASE IF EXISTS {NAME}")
    run(f"CREATE DATABASE {NAME}")
    try:
        with tempfile.TemporaryDirectory() as var:
            given = {
                "TUIKE_ENV": "development",
                "TUIKE_VAR": var,
                "DATABASE_URL": f"postgresql://{database['USER']}@/{NAME}?host={database['HOST']}",
                "PATH": os.environ["PATH"],
            }
            environ = environment(**given)
            began = time.perf_counter()
            migrated = _manage(environ, "migrate", "--noinput")
            seeded = _manage(environ, "seed", "--scenario", "demo")
            server = Server("demo", product_command(), **given)
            with running(server):
                page = _first_page(server)
                ready = time.perf_counter() - began
            assert page.count(b'"type":"note"') == 20, page[:200]
    finally:
        run(f"DROP DATABASE {NAME} WITH (FORCE)")
    say(f"  migrated {migrated:.1f} s, seeded {seeded:.1f} s, first page after {ready:.1f} s")
    return [
        _row("the demo's world seeded, servers ready", seeded, SEED_REACH),
        _row(
            "migrated, seeded, web server up, first page read", ready, PAGE_REACH, "servers ready"
        ),
    ]


def _row(work: str, seconds: float, reach: float, more: str = "") -> Row:
    return Row("P12", work, "—", f"{seconds:.1f} s", f"< {reach:g} s", seconds < reach, more)
