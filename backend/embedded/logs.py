"""Log files that stay small."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

LIMIT_BYTES = 10 * 1024 * 1024
GENERATIONS = 3


def rotate(path: Path, *, limit_bytes: int = LIMIT_BYTES) -> bool:
    """Set a log aside that outgrew its limit, keeping three old ones; whether it was.

    The file is copied and emptied rather than renamed: whoever writes to it holds it open in
    append mode and goes on at its new end. A line written between the two steps is lost.
    """
    try:
        if path.stat().st_size <= limit_bytes:
            return False
    except FileNotFoundError:
        return False
    for number in range(GENERATIONS - 1, 0, -1):
        with contextlib.suppress(FileNotFoundError):
            _old(path, number).replace(_old(path, number + 1))
    shutil.copyfile(path, _old(path, 1))
    os.truncate(path, 0)
    return True


def tail(path: Path, lines: int = 20, *, since: int = 0) -> list[str]:
    """The last lines of a log, oldest first; none where there is no log.

    ``since`` is the position in bytes before which nothing is wanted; one that lies behind the
    end, the log having been rotated since, counts as 0.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(since if since <= size else 0, size - 400 * lines))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


def _old(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
