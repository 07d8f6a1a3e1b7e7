"""The OpenAPI document: valid, whole, and without warnings."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from openapi_spec_validator import OpenAPIV31SpecValidator

# Below /v1/ and no operation: the schema itself, and pages for machines of other companies.
NOT_IN_THE_SCHEMA = {"v1/schema"}
VERBS = {"get", "post", "put", "patch", "delete"}


@cache
def document() -> dict[str, Any]:
    GENERATOR_STATS.reset()
    return dict(SchemaGenerator().get_schema(request=None, public=True))


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, verb, operation)
        for path, operations in document()["paths"].items()
        for verb, operation in operations.items()
        if verb in VERBS
    ]


def _patterns(resolver: URLResolver | None = None, prefix: str = "") -> list[str]:
    found = []
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            found += _patterns(entry, route)
        elif isinstance(entry, URLPattern):
            found.append(route)
    return found


def test_the_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"] == "3.1.0"
    errors = [str(error) for error in OpenAPIV31SpecValidator(document()).iter_errors()]
    assert errors == []


def test_the_document_is_made_without_a_warning() -> None:
    document()
    said = {**GENERATOR_STATS._warn_cache, **GENERATOR_STATS._error_cache}
    assert dict(said) == {}


def test_every_path_below_v1_is_in_the_document() -> None:
    described = {re.sub(r"\{[^}]+\}", "{}", path).lstrip("/") for path in document()["paths"]}
    routes = {
        route: re.sub(r"<[^>]+>", "{}", route) for route in _patterns() if route.startswith("v1/")
    }
    missing = [
        route
        for route, shape in routes.items()
        if shape not in described and route not in NOT_IN_THE_SCHEMA
    ]
    assert missing == []


def test_no_path_ends_with_a_slash() -> None:
    assert [route for route in _patterns() if route.startswith("v1/") and route.endswith("/")] == []


def test_every_operation_has_one_described_tag_and_a_sentence() -> None:
    tags = {tag["name"] for tag in settings.SPECTACULAR_SETTINGS["TAGS"]}
    wrong = [
        f"{verb.upper()} {path} tags {operation.get('tags')}"
        for path, verb, operation in _operations()
        if len(operation.get("tags", [])) != 1
        or operation["tags"][0] not in tags
        or not operation.get("description")
    ]
    assert wrong == []


def test_every_operation_has_its_own_name() -> None:
    names = Counter(operation["operationId"] for _, _, operation in _operations())
    assert [name for name, count in names.items() if count > 1] == []


def test_every_list_is_a_page() -> None:
    """{"results": […], "next": …}: no list without an end."""
    bare = []
    for path, verb, operation in _operations():
        answers = operation.get("responses", {})
        schema = answers.get("200", {}).get("content", {}).get("application/json", {})
        if schema.get("schema", {}).get("type") == "array":
            bare.append(f"{verb.upper()} {path}")
    assert bare == []


def test_no_described_tag_is_unused() -> None:
    used = {tag for _, _, operation in _operations() for tag in operation["tags"]}
    described = {tag["name"] for tag in settings.SPECTACULAR_SETTINGS["TAGS"]}
    assert described - used == set()


def test_every_operation_tells_its_errors() -> None:
    """Those of every operation, and those of its kind; tests/api/test_statuses.py sends them."""
    silent = []
    for path, verb, operation in _operations():
        wanted = {"400", "401", "403", "429", "503"}
        wanted |= {"404"} if "{" in path else set()
        wanted |= {"409"} if verb != "get" else set()
        wanted |= {"422"} if verb in ("post", "put", "patch") else set()
        # Bytes that a channel signed have no fields; what is open to all looks at no token.
        wanted -= {"422"} if path.endswith("/notices") else set()
        wanted -= {"401"} if path == "/v1/statement-keys" else set()
        silent += [f"{verb} {path}: {code}" for code in wanted - set(operation["responses"])]
    assert silent == []


def test_a_read_promises_no_conflict() -> None:
    wrong = [
        p for p, verb, op in _operations() if verb == "get" and {"409", "415"} & {*op["responses"]}
    ]
    assert wrong == []


def test_every_error_is_a_problem_document() -> None:
    wrong = [
        f"{verb.upper()} {path} {status}"
        for path, verb, operation in _operations()
        for status, answer in operation["responses"].items()
        if status.startswith(("4", "5"))
        and "application/problem+json" not in answer.get("content", {})
    ]
    assert wrong == []


def test_amounts_and_rates_are_integers() -> None:
    """Whatever is called …_fen or …_bps is an integer everywhere."""
    wrong = []
    for name, component in document()["components"]["schemas"].items():
        for field, schema in component.get("properties", {}).items():
            if field.endswith(("_fen", "_bps")):
                kinds = schema.get("type")
                kinds = {*kinds} if isinstance(kinds, list) else {kinds}
                if kinds - {"null"} != {"integer"}:
                    wrong.append(f"{name}.{field}: {schema}")
    assert wrong == []


def _fields() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field of every body that is read."""
    for name, component in document()["components"]["schemas"].items():
        if name.endswith("Request"):
            for field, schema in component.get("properties", {}).items():
                yield f"{name}.{field}", schema


def test_every_body_says_that_it_refuses_unknown_fields() -> None:
    open_ended = [
        name
        for name, component in document()["components"]["schemas"].items()
        if name.endswith("Request")
        and component.get("type") == "object"
        and component.get("additionalProperties") is not False
    ]
    # The provider's notice is read by its signature, whole.
    assert open_ended == ["CallbackBodyRequest"]


def test_every_field_that_is_read_has_its_limits() -> None:
    """Length, count or range: nobody sends a megabyte of anything."""
    bounds = {
        "string": {"maxLength", "enum", "pattern", "format"},
        "array": {"maxItems"},
        "integer": {"maximum"},
        "number": {"maximum"},
    }
    boundless = []
    for name, schema in _fields():
        kinds = schema.get("type")
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            if kind in bounds and not bounds[kind] & set(schema) and "Callback" not in name:
                boundless.append(f"{name}: {schema}")
    assert boundless == []


def test_the_document_is_written_once_a_process(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It costs 0.3 s of a processor, and anybody may ask for it."""
    first = client.get("/v1/schema")
    monkeypatch.setattr(SchemaGenerator, "get_schema", None)
    again = client.get("/v1/schema")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    assert first["Content-Type"] == "application/vnd.oai.openapi; charset=utf-8"
