"""What a request of these tests is made of."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """`path`, `query` and `body` name things of the world: "{note}". A text of the body that is
    nothing but a name becomes what the name stands for, number or text."""

    method: str
    path: str
    who: str
    body: Any = None
    keyed: bool = False
    query: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def get(path: str, who: str, query: str = "") -> Call:
    return Call("GET", path, who, query=query)


def post(path: str, who: str, body: Any = None, status: int = 200, keyed: bool = False) -> Call:
    return Call("POST", path, who, {} if body is None else body, keyed, status=status)


def gone(path: str, who: str) -> Call:
    return Call("DELETE", path, who, status=204)
