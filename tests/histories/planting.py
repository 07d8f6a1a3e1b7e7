"""How a fault is planted, and the list of all of them (`faults`, `given_faults`)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

Plant = Callable[[], Any]
FAULTS: dict[str, Plant] = {}


def fault(plant: Callable[[], Iterator[None]]) -> None:
    """Files a fault under its name, in words."""
    FAULTS[plant.__name__.replace("_", " ")] = contextmanager(plant)


def rewritten(module: Any, name: str, old: str, new: str) -> Any:
    """One statement of a module, changed in one place that must be there."""
    statement = getattr(module, name)
    assert statement.count(old) == 1, f"{name} no longer says {old!r} once"
    return patch.object(module, name, statement.replace(old, new))
