"""The ways in are the written ones; nothing private stands in an address; every answer lists its
fields (ASVS V6.3, V6.4, V7.4, V14.1, V14.2, V15.3, V16.2)."""

import ast
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import Field

from backend.accounts.models import Account
from seeds.factories import AccountFactory
from tests.desk import signed_in
from tests.house.source import calls, name_of, python, text, tree
from tests.house.test_schema import document

_SERVING = ("backend", "shops", "notes", "commissions")
ACCESS = Path("docs/access.md")
PERSONAL = Path("docs/personal-data.md")


# ---------------------------------------------------------------- ways in
def test_the_ways_in_are_the_written_ones() -> None:
    """Who makes a token or a session: a new place must come with a row on the page (V6.1.3)."""
    makers = {
        f"{path}:{name_of(call)}"
        for path in python(*_SERVING)
        for call in calls(path)
        if ast.unparse(call.func) in {"tokens.issue", "login", "auth.login", "auth_login"}
    }
    assert makers == {"backend/accounts/signin.py:issue", "backend/accounts/admin/frame.py:login"}
    schemes = document()["components"]["securitySchemes"]
    assert schemes == {"bearer": {"type": "http", "scheme": "bearer"}}
    page = text(ACCESS)
    for way in ("/v1/auth/token", "/admin/login/", "/v1/auth/password-reset", "callback"):
        assert way in page


@pytest.mark.django_db
def test_a_fresh_database_has_no_account() -> None:
    assert not Account.objects.exists()


def test_no_account_has_a_hint_or_a_secret_question() -> None:
    names = {field.name for field in Account._meta.get_fields() if isinstance(field, Field)}
    assert not {name for name in names if re.search(r"hint|question|answer|mail", name)}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["", "accounts/account/", "accounts/account/{}/change/", "my-sign-in/"]
)
def test_every_page_of_the_staff_leads_out(path: str) -> None:
    account = AccountFactory.create(is_staff=True, is_superuser=True)
    page = signed_in(account).get(f"/admin/{path.format(account.pk)}", follow=True)
    assert 'action="/admin/logout/"' in page.content.decode()


# ---------------------------------------------------------------- addresses
_PRIVATE = re.compile(r"token|password|secret|phone|mail|card|identity|account_number|holder|otp")


def test_nothing_private_is_asked_for_in_an_address() -> None:
    """Addresses stand in histories, logs and referrers; bodies and headers do not."""
    wrong = []
    for path, operations in document()["paths"].items():
        names = re.findall(r"\{(\w+)\}", path)
        for operation in operations.values():
            if isinstance(operation, dict):
                names += [
                    parameter["name"]
                    for parameter in operation.get("parameters", [])
                    if parameter["in"] in {"query", "path"}
                ]
        wrong += [f"{path} {name}" for name in names if _PRIVATE.search(name)]
    assert set(wrong) <= {"/v1/me/tokens/{token_id}/end token_id"}, "a token's number is no token"


def test_staff_look_for_nobody_by_what_is_private() -> None:
    """A search stands in the address of the page."""
    from django.contrib import admin

    wrong = [
        f"{model.__name__} {field}"
        for model in filter(admin.site.is_registered, apps.get_models())
        for field in admin.site.get_model_admin(model).search_fields
        if re.search(r"phone|sealed|fingerprint|receiver|detail|digest", field)
    ]
    assert wrong == []


# ---------------------------------------------------------------- fields
def test_every_serializer_lists_its_fields() -> None:
    """A new column is not told to anybody by itself."""
    wrong = [
        f"{path}:{node.lineno}"
        for path in python(*_SERVING)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and node.name == "Meta"
        for line in node.body
        if isinstance(line, ast.Assign)
        for target in line.targets
        if isinstance(target, ast.Name)
        and (
            target.id in {"exclude", "depth"}
            or (target.id == "fields" and "__all__" in ast.unparse(line.value))
        )
    ]
    assert wrong == []


# Columns of people's rows that say nothing about a person: states, kinds, numbers of ours.
_PLAIN = re.compile(
    r"^(status|state|kind|code|number|role|rule|channel|outcome|answer|findings|losers|reason|name"
    r"|options|attributes|title|description|image_url|restock|origin|position|carrier|skeleton"
    r"|.*_kind|.*_reason|.*_code|.*_id|operation|fingerprint|provider|owner_type|rank_version"
    r"|action|payload|error|job|note|key|delta.*|ban_reason|held_reason|max_.*|number_masked)$"
)


def test_every_column_about_a_person_is_on_the_page() -> None:
    """V14.1.1: whoever adds a column says on the page what it is, why, who sees it, and what
    becomes of it. What is plain by its name needs no word."""
    page = text(PERSONAL)
    rows = [line for line in page.splitlines() if line.startswith("|")]
    told: set[tuple[str, str]] = set()
    for line in rows:
        table = ""
        for name in re.findall(r"`([a-z_]*\.?[a-z_]+)`", line):
            table = name.partition(".")[0] or table
            told.add((table, name.rpartition(".")[2]))
    kinds = {"CharField", "TextField", "JSONField", "BinaryField", "ArrayField", "FileField"}
    columns = {
        (model._meta.db_table, field.column)
        for app in ("accounts", "core", "shops", "notes", "commissions", "webhooks")
        for model in apps.get_app_config(app).get_models()
        for field in model._meta.concrete_fields
        if field.get_internal_type() in kinds
    }
    untold = {pair for pair in columns if not _PLAIN.match(pair[1]) and pair not in told}
    assert untold == set()
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    gone = {
        pair
        for pair in told
        if pair[0] in tables and pair[0] != pair[1] and pair not in _all_columns()
    }
    assert gone == set()


def _all_columns() -> set[tuple[str, str]]:
    return {
        (model._meta.db_table, field.column)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
    }


# ---------------------------------------------------------------- logs
def test_lines_go_to_one_place() -> None:
    """Standard error, by the one formatter: nothing else is written, no other company is told."""
    logging_ = settings.LOGGING
    assert set(logging_["handlers"]) == {"out"}
    assert logging_["handlers"]["out"]["class"] == "logging.StreamHandler"
    assert logging_["handlers"]["out"]["formatter"] == "line"
    assert logging_["root"]["handlers"] == ["out"]
    assert not any("handlers" in entry for entry in logging_["loggers"].values())
    installed = {app.split(".")[0] for app in settings.INSTALLED_APPS}
    assert not installed & {"sentry_sdk", "raven", "rollbar", "newrelic", "ddtrace"}
