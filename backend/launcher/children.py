"""The launcher's children: each in a process group of its own, on a leash, with a log."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.embedded import logs, processes
from backend.embedded.places import REPOSITORY
from backend.launcher.console import Failure

QUICK_SECONDS = 10.0  # a child that lived shorter died quickly
QUICK_DEATHS = 5
TERM_SECONDS = 15.0
FIRST_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs, and the signal that ends it when the launcher was killed."""

    name: str
    command: Sequence[str]
    signal_on_orphaned: signal.Signals = signal.SIGTERM


def spawn(
    program: Program, *, environment: Mapping[str, str], log: Path | None = None
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that a terminal's Ctrl-C reaches us alone."""
    leash = [sys.executable, "-m", "backend.launcher.leash"]
    leash += [str(int(program.signal_on_orphaned)), str(os.getpid())]
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("ab")) if log else None
        return subprocess.Popen(  # noqa: S603 - our own commands
            [*leash, *program.command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=REPOSITORY,
            env=dict(environment),
            start_new_session=True,
        )


class Child:
    """A program that is kept running. Each quick death doubles the pause before the next start."""

    def __init__(
        self,
        program: Program,
        *,
        environment: Mapping[str, str],
        log: Path,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self.name = program.name
        self.log = log
        self._program = program
        self._environment = environment
        self._first_pause_seconds = first_pause_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._retry_at = 0.0
        self._quick_deaths = 0
        logs.rotate(log, limit_bytes=0)

    @property
    def group(self) -> int:
        """Its process group, 0 while there is none."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start it."""
        self._started_at = time.monotonic()
        self._process = spawn(self._program, environment=self._environment, log=self.log)

    def tend(self, now: float) -> str:
        """Start it again when it died, after a pause; a line to say, or nothing.

        :raises Failure: it died quickly too often in a row.
        """
        if self._process is None:
            if now >= self._retry_at:
                self.start()
            return ""
        code = self._process.poll()
        if code is None:
            return ""
        self._end_group(signal.SIGKILL)  # what it left holds its port and its queue
        self._process = None
        self._quick_deaths = self._quick_deaths + 1 if now - self._started_at < QUICK_SECONDS else 0
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        if self._quick_deaths >= QUICK_DEATHS:
            tail = "\n".join(f"    {line}" for line in logs.tail(self.log))
            raise Failure(
                f"the {self.name} died {QUICK_DEATHS} times in a row ({how}); the end of"
                f" {self.log}:\n{tail}"
            )
        pause = self._first_pause_seconds * 2 ** max(self._quick_deaths - 1, 0)
        self._retry_at = now + pause
        return f"the {self.name} died ({how}); starting it again in {pause:g} s, see {self.log}"

    def ask_to_end(self) -> None:
        """TERM to the program, which ends its own children itself."""
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def wait_for_end(self, seconds: float) -> bool:
        """Wait for the program to end, then make sure of its group; whether it ended by itself."""
        if self._process is None:
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(seconds, 0))
        ended = self._process.poll() is not None
        self._end_group(signal.SIGKILL)
        self._process.wait()
        self._process = None
        return ended

    def _end_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.group, number)


def end_all(children: Sequence[Child], *, seconds: float = TERM_SECONDS) -> list[str]:
    """End all children at once: TERM, a common wait, KILL; the names of those that were killed."""
    deadline = time.monotonic() + seconds
    for child in children:
        child.ask_to_end()
    return [c.name for c in children if not c.wait_for_end(deadline - time.monotonic())]


def end_group(group: int, seconds: float) -> None:
    """End a process group that is not our child's."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            return
        if processes.wait_until(lambda: not processes.in_group(group), seconds):
            return
