"""Where hostile values may stand: every place inside a good body, found by its schema."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.api.hostile import (
    BOOLEAN,
    DATE,
    ENUM,
    INTEGER,
    LIST,
    MAP,
    NUMBER,
    OBJECT,
    TEXT,
    Bad,
)


def values_of(schema: dict[str, Any]) -> list[Bad]:
    """The hostile values of a place with this schema."""
    kinds = schema.get("type", "string")
    kinds = {*kinds} if isinstance(kinds, list) else {kinds}
    if "enum" in schema or "oneOf" in schema:
        found = ENUM
    elif schema.get("format") == "date":
        found = DATE
    elif "array" in kinds:
        found = LIST
    elif "object" in kinds:
        found = MAP if "additionalProperties" in schema and "properties" not in schema else OBJECT
    else:
        by_name = {"integer": INTEGER, "number": NUMBER, "boolean": BOOLEAN}
        found = next((by_name[kind] for kind in kinds if kind in by_name), TEXT)
    nullable = "null" in kinds or "null" in str(schema.get("oneOf", ""))
    return [bad for bad in found if not (nullable and bad.value is None and not bad.raw)]


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a $ref, or the one real schema of an allOf or a nullable oneOf."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return resolved(document, document["components"]["schemas"][name])
    for word in ("allOf", "oneOf", "anyOf"):
        if word not in schema:
            continue
        found = [resolved(document, one) for one in schema[word]]
        real = [one for one in found if one.get("type") != "null"]
        if any("enum" in one for one in real):
            enums = [value for one in real for value in one.get("enum", [])]
            return {"type": "string", "enum": enums, "oneOf": [str(found)]}
        if len(real) == 1:
            kinds = real[0].get("type", "string")
            kinds = kinds if isinstance(kinds, list) else [kinds]
            return {**real[0], "type": [*kinds, *(["null"] if len(found) > 1 else [])]}
    return schema


def places(
    document: dict[str, Any], schema: dict[str, Any], value: Any, path: tuple[Any, ...] = ()
) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Every place inside a good body, with its schema: the body itself comes first."""
    schema = resolved(document, schema)
    yield path, schema
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from places(document, inner, value[name], (*path, name))
    elif isinstance(value, list) and value:
        yield from places(document, schema["items"], value[0], (*path, 0))


_HOLE = "@@the-hole@@"


def spoiled(body: Any, path: tuple[Any, ...], bad: Bad) -> bytes:
    """The body with the value put at the place."""
    if not path:
        return bad.raw.encode() if bad.raw else json.dumps(bad.value).encode()
    copy = json.loads(json.dumps(body))
    at = copy
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = _HOLE if bad.raw else bad.value
    return re.sub(f'"{_HOLE}"', lambda _: bad.raw, json.dumps(copy)).encode()
