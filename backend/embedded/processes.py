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
    if not _HAS_PROC:
        return _ps(pid, "command").split()
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(part) for part in raw.split(b"\0") if part]


def was_given(pid: int, argument: str) -> bool:
    """Whether a living process has this argument on its command line."""
    if not _HAS_PROC:  # ps shows the arguments as one text
        return f" {argument} " in f" {_ps(pid, 'command')} "
    return argument in command_line(pid)


def works_in(pid: int, folder: Path, *program_names: str) -> bool:
    """Whether a living process is one of these programs and serves this folder.

    It serves the folder when it was named it on its command line or stands in it: PostgreSQL's
    backends overwrite their command line and a folder may have been renamed below a server.
    """
    if not command_line(pid) or _program_name(pid) not in program_names:
        return False
    return was_given(pid, str(folder)) or stands_in(pid, folder)


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


def _program_name(pid: int) -> str:
    if not _HAS_PROC:
        return Path(_ps(pid, "comm")).name
    try:
        return Path(os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")).name
    except OSError:
        return ""


def _ps(pid: int, column: str) -> str:
    found = subprocess.run(  # noqa: S603 - a number is the only thing that varies
        ["/bin/ps", "-ww", "-o", f"{column}=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip()


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
