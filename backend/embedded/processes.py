"""Processes told apart by what they run, never by their number alone: numbers are reused."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_HAS_PROC = sys.platform.startswith("linux")
_POLL_SECONDS = 0.02


def command_line(pid: int) -> list[str]:
    """The arguments of a living process; empty for none, for a zombie, for a kernel thread."""
    if _HAS_PROC:
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return []
        return [os.fsdecode(part) for part in raw.split(b"\0") if part]
    found = subprocess.run(  # noqa: S603 - a number is the only thing that varies
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.split()


def works_in(pid: int, folder: Path, *program_names: str) -> bool:
    """Whether a living process is one of these programs and serves this folder.

    It serves the folder when it was named it on its command line or stands in it: PostgreSQL's
    backends overwrite their command line and a folder may have been renamed below a server.
    """
    arguments = command_line(pid)
    if not arguments or _program_name(pid, arguments) not in program_names:
        return False
    return str(folder) in arguments or stands_in(pid, folder)


def all_in(folder: Path, *program_names: str) -> list[int]:
    """Every living process of these programs that serves this folder (none but on Linux)."""
    return [pid for pid in _all_pids() if works_in(pid, folder, *program_names)]


def stands_in(pid: int, folder: Path) -> bool:
    """Whether a living process has this folder as its working folder (Linux; elsewhere never)."""
    with contextlib.suppress(OSError):
        return _HAS_PROC and Path(f"/proc/{pid}/cwd").samefile(folder)
    return False


def in_group(group: int) -> list[int]:
    """Every living process of a process group (none but on Linux)."""
    return [pid for pid in _all_pids() if _group_of(pid) == group and command_line(pid)]


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _program_name(pid: int, arguments: list[str]) -> str:
    if _HAS_PROC:
        with contextlib.suppress(OSError):
            path = os.readlink(f"/proc/{pid}/exe")
            return Path(path.removesuffix(" (deleted)")).name
    return Path(arguments[0]).name


def _all_pids() -> Iterator[int]:
    if _HAS_PROC:
        for name in os.listdir("/proc"):
            if name.isdigit() and int(name) != os.getpid():
                yield int(name)


def send(pid: int, signal_number: signal.Signals) -> None:
    """Signal a process that may have gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal_number)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait at most so many seconds for something to become true; whether it did."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
