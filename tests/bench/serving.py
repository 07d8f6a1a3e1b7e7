"""Servers to measure: the product as the image runs it, and the yardstick, both under granian with
as many workers, on the bench's database and the embedded Redis."""

import base64
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

from django.conf import settings

from backend.core import redis
from backend.core.sql import rows
from tests.bench.ground import TICKS, say
from tests.bench.load import Load, cpu_of, hammer

ROOT = Path(__file__).resolve().parents[2]
WORKERS = 2
_LIMITLESS = str(10**12)


def product_command() -> list[str]:
    """The web server's command of the Dockerfile, so that what is measured is what is deployed."""
    text = (ROOT / "Dockerfile").read_text().rpartition("CMD [")[2]
    words = re.findall(r'"([^"]*)"', text)
    assert words[0] == "granian", words
    return [sys.executable, "-m", *words]


def yardstick_command(application: str) -> list[str]:
    """The yardstick's: the same server, its own interface."""
    shape = ["--interface", "asgi", "--no-ws", "--host", "0.0.0.0", "--port", "8000"]
    return [sys.executable, "-m", "granian", *shape, "--workers", str(WORKERS), application]


def environment(**more: str) -> dict[str, str]:
    """What both servers are given: the bench's database, Redis, production settings, limits that
    are counted and never reached."""
    database = settings.DATABASES["default"]
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    names = ("TUIKE_JOB", "LOG_LEVEL", "DJANGO_SETTINGS_MODULE")
    kept = {name: text for name, text in os.environ.items() if name not in names}
    return (
        kept
        | {
            "TUIKE_ENV": "production",
            "SECRET_KEY": base64.b64encode(os.urandom(48)).decode(),
            "FIELD_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "STATEMENT_SIGNING_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "ALLOWED_HOSTS": "127.0.0.1",
            "SECURE_SSL_REDIRECT": "false",
            "DATABASE_URL": url,
            "REDIS_URL": settings.REDIS_URL,
            "PUBLIC_URL": "https://tuike.example",
            "LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(ROOT),
        }
        | {f"THROTTLE_{scope}": _LIMITLESS for scope in ("ANONYMOUS", "ACCOUNT", "REDIRECT")}
        | more
    )


@contextmanager
def redis_apart() -> Iterator[None]:
    """Another of the embedded server's databases, empty again afterwards: a load leaves a key a
    click. A Redis that somebody gave is used as it is."""
    given = settings.REDIS_URL
    embedded = given.startswith("unix:") and given.endswith("?db=0")
    settings.REDIS_URL = given.replace("?db=0", "?db=15") if embedded else given
    redis.forget_client()
    try:
        yield
    finally:
        if embedded:
            redis.call("FLUSHDB")
        settings.REDIS_URL = given
        redis.forget_client()


class Server:
    """A running server with its processes."""

    def __init__(self, name: str, command: Sequence[str], **more: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.name = name
        words = list(command)
        words[words.index("--host") + 1] = "127.0.0.1"
        words[words.index("--port") + 1] = str(self.port)
        log = subprocess.DEVNULL
        self._process = subprocess.Popen(
            words,
            env=environment(**more),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=None if os.environ.get("BENCH_LOGS") else log,
            start_new_session=True,
        )

    def wait(self, seconds: float = 60) -> None:
        """Until it answers."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as line:
                line.settimeout(5)
                line.sendall(b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                if line.recv(12).startswith(b"HTTP/1.1"):
                    return
            assert self._process.poll() is None, f"the {self.name} ended"
            time.sleep(0.1)
        raise AssertionError(f"the {self.name} did not answer within {seconds} s")

    def pids(self) -> list[int]:
        """Its main process and its workers."""
        main = self._process.pid
        return [main, *_children(main)]

    def stop(self) -> None:
        """Ends all of it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _children(pid: int) -> list[int]:
    """Child processes, and theirs."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            found += [int(child), *_children(int(child))]
    return found


@contextmanager
def running(*servers: Server) -> Iterator[None]:
    """Waits until all answer; ends all at the end, whatever happened."""
    try:
        for server in servers:
            server.wait()
        yield
    finally:
        for server in servers:
            server.stop()


class Cost(NamedTuple):
    """Answers a second, and milliseconds of CPU an answer: of the server's processes, and of
    PostgreSQL's for them."""

    per_second: float
    server_ms: float
    database_ms: float

    @property
    def cpu_ms(self) -> float:
        """Both together."""
        return self.server_ms + self.database_ms


def _backends() -> list[int]:
    found = rows(
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return [row["pid"] for row in found]


def measure(
    server: Server, requests: Sequence[bytes], seconds: float, *, status: bytes = b"200"
) -> Cost:
    """One round of load on a server."""
    processes, backends = server.pids(), _backends()
    before, before_database = cpu_of(processes, TICKS), cpu_of(backends, TICKS)
    load: Load = hammer(server.port, requests, seconds, status=status)
    after, after_database = cpu_of(processes, TICKS), cpu_of(backends, TICKS)
    assert load.answers, f"{server.name} answered nothing"
    assert not load.strange, f"{server.name}: {load.strange} of {load.answers} answers are strange"
    each = 1_000 / load.answers
    return Cost(load.per_second, (after - before) * each, (after_database - before_database) * each)


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(*(median(column) for column in zip(*costs, strict=True)))


def tell(name: str, cost: Cost) -> None:
    """A line of the report."""
    say(
        f"    {name:<24} {cost.per_second:8,.0f}/s   {cost.server_ms:.3f} ms server"
        f" + {cost.database_ms:.3f} ms PostgreSQL"
    )
