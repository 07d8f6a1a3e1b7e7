"""What the supervisor last said of itself, for clients that wait and for people who ask."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

STARTING = "starting"
CREATING = "creating the PostgreSQL cluster"
BRINGING_UP = "starting PostgreSQL and Valkey"
READY = "ready"
STOPPING = "stopping"
STOPPED = "stopped"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class State:
    """One supervisor's last word. ``error`` is one line for a person, empty when all is well."""

    supervisor_pid: int = 0
    stage: str = STOPPED
    error: str = ""
    postgres_pid: int = 0
    valkey_pid: int = 0

    def but(self, **changes: Any) -> State:
        """The same with some fields changed."""
        return replace(self, **changes)


def read(path: Path) -> State:
    """The state on file; the state of no supervisor where there is none or it is unreadable."""
    try:
        return State(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return State()


def write(path: Path, state: State) -> None:
    """Put a state on file at one stroke, so that no reader sees half of it."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(state)), encoding="utf-8")
    temporary.replace(path)
