"""Reads the text files and fills their blanks."""

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_BLANK = re.compile(r"\{(\w+)\}")


@cache
def read(name: str) -> dict[str, Any]:
    """The text file ``<name>.toml`` beside this module, parsed once per process."""
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))


def fill(template: str, slots: Mapping[str, str]) -> str:
    """Put ``slots`` into the ``{blanks}`` of a template.

    :raises KeyError: a blank has no slot: a typing slip in a text file must not reach a reader.
    """
    return _BLANK.sub(lambda blank: slots[blank.group(1)], template)


def columns(row: str) -> list[str]:
    """The cells of a row written ``a | b | c``."""
    return [cell.strip() for cell in row.split("|")]


def some(rng: random.Random, items: Sequence[T], low: int, high: int) -> list[T]:
    """Between ``low`` and ``high`` different items, in random order, never more than exist."""
    return rng.sample(items, min(len(items), rng.randint(low, high)))
