"""Nothing happens behind a caller's back."""

import ast

from tests.house.source import calls, imports, python

SIGNALS = (
    "django.dispatch",
    "django.db.models.signals",
    "django.core.signals",
    "django.db.backends.signals",
    "django.contrib.auth.signals",
)


def test_nobody_uses_djangos_signals() -> None:
    """What a change causes is said by an event in its own transaction (backend/core/events)."""
    found = [
        f"{path}:{line} imports {module}"
        for path in python("backend", "shops", "notes", "commissions", "seeds", "tests")
        for module, name, line in imports(path)
        if f"{module}.{name}".startswith(SIGNALS)
    ]
    assert found == []


def test_factories_live_in_seeds_alone() -> None:
    """People and tests meet the same believable rows."""
    found = [
        f"{path}:{line} makes a factory outside seeds/factories"
        for path in python("backend", "shops", "notes", "commissions", "seeds", "tests")
        if path.parts[:2] != ("seeds", "factories")
        for module, _, line in imports(path)
        if module.split(".")[0] == "factory"
    ]
    assert found == []


def test_nobody_parses_a_request_into_an_orm_call() -> None:
    """filter(**request.query_params) would let a caller ask anything."""
    found = [
        f"{path}:{call.lineno}"
        for path in python()
        for call in calls(path)
        for keyword in call.keywords
        if keyword.arg is None
        and "request" in ast.unparse(keyword.value).split(".")[0]
        and not ast.unparse(keyword.value).startswith("self.body(")
    ]
    assert found == []
