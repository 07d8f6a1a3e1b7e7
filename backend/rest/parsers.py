"""JSON in, strictly: what two programs could read differently is refused.

No duplicate keys, no NaN, no nesting past 32, no NUL and no lone surrogates anywhere: each of
these was seen to be stored, or to end as a 500, with DRF's own parser.
"""

import json
from typing import Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

MAX_DEPTH = 32
MAX_BYTES = 1_048_576
MAX_DIGITS = 19
# Values in one document, nested ones too. The largest that anybody means has some 2,000; 300,000
# of them, each refused with a message of its own, held a process for 30 seconds.
MAX_VALUES = 10_000


def _no_constant(name: str) -> NoReturn:
    raise ParseError(f"{name} is not JSON.")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ParseError("A key stands twice in one object.")
    return found


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise ParseError("A number has too many digits.")
    return int(text)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ParseError("Null characters are not allowed.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ParseError("Lone surrogates are not allowed.")


def _check(value: Any) -> None:
    """Walks the document without recursion: the nesting is the sender's to choose."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    seen = 0
    while waiting:
        item, depth = waiting.pop()
        seen += 1
        if seen > MAX_VALUES:
            raise ParseError(f"More than {MAX_VALUES} values.")
        if depth > MAX_DEPTH:
            raise ParseError(f"Nested deeper than {MAX_DEPTH}.")
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict):
            for key, inner in item.items():
                _check_text(key)
                waiting.append((inner, depth + 1))
        elif isinstance(item, list):
            waiting.extend((inner, depth + 1) for inner in item)


def parse_json(raw: bytes) -> Any:
    """The value of a JSON document.

    :raises ParseError: it is no JSON, or breaks one of the rules above.
    """
    if len(raw) > MAX_BYTES:
        raise ParseError("The body is too large.")
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_pairs,
            parse_constant=_no_constant,
            parse_int=_integer,
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ParseError("The body is not valid JSON in UTF-8.") from error
    _check(value)
    return value


class StrictJSON(BaseParser):
    """Parses application/json by the rules of this module; the top level must be an object."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """The parsed object; an empty body is an empty object."""
        raw = stream.read(MAX_BYTES + 1)  # what lies beyond is never taken into memory
        if not raw.strip():
            return {}
        value = parse_json(raw)
        if not isinstance(value, dict):
            raise ParseError("The body must be a JSON object.")
        return value
