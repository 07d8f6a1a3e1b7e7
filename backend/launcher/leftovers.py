"""One demo per port, and an end to what an earlier one left when it was killed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from backend.embedded import locks, processes
from backend.embedded.places import REPOSITORY
from backend.launcher.children import end_group

_TERM_SECONDS = 10.0


class Record:
    """The process groups of one port's demo, on file for the next launcher."""

    def __init__(self, folder: Path, port: int) -> None:
        self._path = folder / f"launcher-{port}.json"
        self._lock = locks.open_lock(self._path.with_suffix(".lock"))

    def take(self) -> bool:
        """Become the port's launcher until this process ends; False where there is one."""
        return locks.take(self._lock, shared=False)

    def write(self, groups: Mapping[str, int]) -> None:
        """Note the groups by name."""
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps(dict(groups)), encoding="utf-8")
        temporary.replace(self._path)

    def clear(self) -> None:
        """Note that nothing is left."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the port up."""
        os.close(self._lock)

    def end_leftovers(self) -> list[str]:
        """End the groups on file that still run our programs; their names."""
        try:
            groups = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        left = [name for name, group in groups.items() if _is_ours(int(group))]
        for name in left:
            end_group(int(groups[name]), _TERM_SECONDS)
        self.clear()
        return left


def end_leftovers(folder: Path) -> list[str]:
    """End what the killed launchers of a folder left, on whatever port; the programs' names."""
    ended = []
    for path in sorted(folder.glob("launcher-*.json")):
        record = Record(folder, int(path.stem.partition("-")[2]))
        if record.take():
            ended += record.end_leftovers()
        record.close()
    return ended


def _is_ours(group: int) -> bool:
    # A group's number may be another's by now: ours works in this repository.
    return any(processes.stands_in(pid, REPOSITORY) for pid in processes.in_group(group))
