"""The names of the tests' market, and what is private in it."""

from dataclasses import dataclass
from types import SimpleNamespace

from backend.accounts.models import Account


@dataclass(frozen=True)
class Mark:
    """Something private: the text to look for, and who may read it."""

    what: str
    text: str
    readers: frozenset[str]


class World(SimpleNamespace):
    """What the names in paths and bodies stand for ({note}, {sku} …), tokens by role, marks."""

    tokens: dict[str, str]
    people: dict[str, Account]
    marks: list[Mark]

    def fill(self, template: str) -> str:
        """A path or query with its names replaced."""
        return template.format(**vars(self))

    def mark(self, what: str, text: str, *readers: str) -> None:
        """Remembers something private."""
        self.marks.append(Mark(what, text, frozenset(readers)))
