"""The JSON parser refuses what two programs could read differently."""

import pytest
from rest_framework.exceptions import ParseError

from backend.rest.parsers import parse_json


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"{" + b'"a":{' * 40 + b"}" * 41,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a": "x\\u0000y"}',
        b'{"a\\u0000": 1}',
        b'{"a": "\\ud800"}',
        b'{"a": 12345678901234567890123}',
        b"\xff\xfe",
        b"{",
        b'{"a": 1} x',
        b" " * 1_048_577,
        b'{"a": [' + b"1," * 10_000 + b"1]}",
    ],
)
def test_refuses(raw: bytes) -> None:
    with pytest.raises(ParseError):
        parse_json(raw)


def test_accepts_emoji_and_nesting_within_reason() -> None:
    assert parse_json('{"a": ["🌸", {"b": 1.5}]}'.encode()) == {"a": ["🌸", {"b": 1.5}]}
