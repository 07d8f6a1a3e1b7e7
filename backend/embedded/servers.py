"""A server: how it is started, found again, taken over and stopped.

Both run as foreground children of the supervisor and outlive it when it is killed; the next
supervisor finds them by what they run and takes them over.
"""

from __future__ import annotations

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from backend.embedded import processes
from backend.embedded.logs import tail
from backend.embedded.places import Places


class Server(ABC):
    """One server of one var folder."""

    name: str
    program: str
    # What to send, and how long to wait for it to work before the next.
    stop_signals: tuple[tuple[signal.Signals, float], ...]

    def __init__(self, places: Places) -> None:
        self.places = places
        self.pid = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._log_begins = 0

    @property
    def log(self) -> Path:
        return self.places.log / f"{self.program.partition('-')[0]}.log"

    @property
    @abstractmethod
    def folder(self) -> Path:
        """The folder that holds its data."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """The argument that a running server must have been given to be taken over."""

    @abstractmethod
    def command(self) -> list[str]:
        """What to execute."""

    @abstractmethod
    def prepare(self) -> None:
        """Clear away what a killed predecessor left."""

    @abstractmethod
    def started(self) -> None:
        """Note down what find() needs later."""

    @abstractmethod
    def find(self) -> int:
        """The process id of this folder's running server, 0 for none."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it serves by now."""

    def adopt(self) -> bool:
        """Take over this folder's server if one runs; whether one did.

        One that was started under another path (its folder was renamed) is stopped instead.
        """
        self.pid, self._child = self.find(), None
        self._log_begins = self.log.stat().st_size if self.log.exists() else 0
        if self.pid and not processes.was_given(self.pid, self.identity):
            self.stop()
        return bool(self.pid)

    def start(self) -> None:
        """Start it as a child of this process, its output going to its log."""
        self.prepare()
        with self.log.open("ab") as log:
            self._log_begins = log.tell()
            self._child = subprocess.Popen(  # noqa: S603 - our own command
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                cwd="/",
            )
        self.pid = self._child.pid
        self.started()

    def is_alive(self) -> bool:
        """Whether the process runs (it may not serve yet)."""
        if self._child is not None:
            return self._child.poll() is None
        return self.pid != 0 and processes.works_in(self.pid, self.folder, self.program)

    def last_words(self) -> str:
        """Why it went down, as far as anybody can tell."""
        code = self._child.returncode if self._child else None
        if code is not None and code < 0:
            return f"killed by signal {-code}"
        return last_words(self.log, since=self._log_begins)

    def ask_to_stop(self) -> None:
        """Send the first of the signals without waiting; stop() follows."""
        if self.is_alive():
            processes.send(self.pid, self.stop_signals[0][0])

    def stop(self, *, at_once: bool = False) -> None:
        """Stop it, ever less politely, and wait until it has gone; ``at_once`` without grace."""
        for signal_number, seconds in self.stop_signals[-1 if at_once else 0 :]:
            if not self.is_alive():
                break
            processes.send(self.pid, signal_number)
            processes.wait_until(lambda: not self.is_alive(), seconds)
        self.pid, self._child = 0, None


def last_words(log: Path, *, since: int = 0) -> str:
    """The line of a log, from a position on, that most likely says why a program went down."""
    lines = [line.strip() for line in tail(log, since=since) if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "rror" in line]
    return (telling or lines or ["it left no word"])[-1]


def environment() -> dict[str, str]:
    """This process's without PostgreSQL's own variables and in the C locale."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PG", "LC_")) and key not in ("LANG", "LANGUAGE")
    }
    return kept | {"LC_ALL": "C"}


def first_number(path: Path) -> int:
    """The number that a file begins with, 0 where there is none."""
    try:
        return int(path.read_text(encoding="ascii").split("\n", 1)[0])
    except (OSError, ValueError):
        return 0
