"""What the tests of the embedded servers share: client processes on a var folder of their own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import redis

from backend import embedded
from backend.embedded import processes

REPOSITORY = Path(__file__).resolve().parents[2]

# A process as manage.py is one: it has the servers, says where, and lives until its input ends.
CLIENT = """
import json, sys
from backend import embedded
try:
    urls = embedded.ensure(lambda stage: print(stage, file=sys.stderr))
except embedded.EmbeddedError as error:
    sys.exit(str(error))
found = embedded.status()
print(json.dumps({"database": urls.database_url, "redis": urls.redis_url,
                  "supervisor": found.supervisor_pid, "postgres": found.postgres_pid,
                  "valkey": found.valkey_pid}), flush=True)
sys.stdin.read()
"""


def environment(var: Path, **more: str) -> dict[str, str]:
    """This process's, without the servers that the test session itself uses."""
    ours = {
        key: value
        for key, value in os.environ.items()
        if key not in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")
        and not key.startswith("TUIKE_")
    }
    return ours | {"TUIKE_VAR": str(var), "PYTHONPATH": str(REPOSITORY)} | more


class Client:
    """One process that uses the servers of a var folder."""

    def __init__(self, var: Path, code: str = CLIENT, **more: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(var, **more),
            text=True,
            start_new_session=True,
        )
        self._answer: dict[str, Any] | None = None

    @property
    def answer(self) -> dict[str, Any]:
        """What it said once it had the servers."""
        if self._answer is None:
            assert self.process.stdout
            line = self.process.stdout.readline()
            assert line, self.process.communicate()[1]
            self._answer = json.loads(line)
        return self._answer

    @property
    def servers(self) -> tuple[int, int]:
        return self.answer["postgres"], self.answer["valkey"]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def leave(self) -> str:
        """Let it end in peace; what it wrote to standard error."""
        return self.process.communicate()[1]

    def sql(self, text: str) -> Any:
        with psycopg.connect(self.answer["database"], autocommit=True) as connection:
            cursor = connection.execute(text)
            return cursor.fetchone()[0] if cursor.description else None  # type: ignore[index]

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.answer["redis"], decode_responses=True)


class Bench:
    """A var folder, its clients, and the promise that nothing of it is left afterwards."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.clients: list[Client] = []

    def client(self, code: str = CLIENT, **more: str) -> Client:
        client = Client(self.var, code, **more)
        self.clients.append(client)
        return client

    def command(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            env=environment(self.var, **more),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def clear(self) -> None:
        for client in self.clients:
            client.kill()
        if self.var.is_dir():
            embedded.clean(self.var)


@contextlib.contextmanager
def bench(var: Path) -> Iterator[Bench]:
    one = Bench(var)
    try:
        yield one
    finally:
        one.clear()


def wait(condition: Callable[[], bool], seconds: float) -> float:
    """How many seconds it took until something was true; fails after so many."""
    begun = time.monotonic()
    assert processes.wait_until(condition, seconds), f"not true after {seconds} s"
    return time.monotonic() - begun


def is_running(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    return bool(processes.command_line(pid))


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait(lambda: not any(is_running(pid) for pid in pids), 5)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777
