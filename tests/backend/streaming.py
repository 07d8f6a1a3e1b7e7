"""The stream server as the demo starts it, on the tests' database, and clients of it."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from backend.streams.door import PATH

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def stream_server() -> Iterator[int]:
    """granian as the demo starts it, on the tests' database; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    database = connection.settings_dict
    url = f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    command = [sys.executable, "-m", "granian", "--interface", "asginl", "--no-ws"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--workers-kill-timeout", "1", "--log-level", "warning"]
    process = subprocess.Popen(
        [*command, "backend.streams.asgi:application"],
        env=os.environ | {"DATABASE_URL": url, "REDIS_URL": settings.REDIS_URL},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not _answers(port):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


class Stream:
    """A client's stream; a thread reads it."""

    def __init__(self, port: int, token: str) -> None:
        self.lines: list[str] = []
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.line.request("GET", PATH, headers={"Authorization": f"Bearer {token}"})
        self.socket = self.line.sock
        self.answer = self.line.getresponse()
        self.has_ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for raw in self.answer:
                self.lines.append(raw.decode().rstrip("\n"))
        except (OSError, ValueError, http.client.HTTPException):
            pass
        self.has_ended.set()

    def figures(self) -> list[dict[str, Any]]:
        return [json.loads(one[6:]) for one in list(self.lines) if one.startswith('data: {"at"')]

    def close(self) -> None:
        # Closing alone waits for who reads: until the server's next sign of life.
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.line.close()


def within(seconds: float, known: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not known():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def memory(port: int) -> int:
    """KiB of the processes that serve this port."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            command = (status.parent / "cmdline").read_bytes()
            if f"--port\0{port}\0".encode() in command or _parent_serves(status, port):
                line = next(x for x in status.read_text().splitlines() if x.startswith("VmRSS"))
                total += int(line.split()[1])
        except (OSError, StopIteration):
            continue
    return total


def _parent_serves(status: Path, port: int) -> bool:
    parent = next(x for x in status.read_text().splitlines() if x.startswith("PPid")).split()[1]
    command = Path(f"/proc/{parent}/cmdline").read_bytes()
    return f"--port\0{port}\0".encode() in command
