"""A setting, an event, a job or an error code that is missing from the pages fails the build."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.core.errors import Refusal
from backend.rest import problems
from tests.house import errors_page
from tests.house.errors_page import refusals
from tests.house.source import PRODUCT, calls, name_of, python, text, tree

SETTINGS = Path("docs/operations/settings.md")
ERRORS = Path("docs/api/errors.md")
ARCHITECTURE = Path("docs/architecture.md")


def _rows(path: Path) -> list[list[str]]:
    """The cells of every table row of a page, back-ticks taken off."""
    return [
        [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        for line in text(path).splitlines()
        if line.startswith("|")
    ]


# ---------------------------------------------------------------- settings
# Variables of the system and of Python, which we read and do not define.
NOT_OURS = {"PATH", "PYTHONPATH", "XDG_RUNTIME_DIR", "DJANGO_SETTINGS_MODULE", "NO_COLOR", "TERM"}
_READERS = {"str", "int", "bool", "list", "float", "getenv", "get", "setdefault", "pop"}


def _from_environment(path: Path) -> Iterator[str]:
    """The names a file reads: env.int("NAME"), os.environ.get("NAME"), os.environ["NAME"]."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            # A bare `environ` may be a WSGI request: ours is reached through os or env.
            receiver = ast.unparse(node.func.value)
            known = receiver in {"env", "os.environ", "os"}
            if known and node.func.attr in _READERS and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            yield from [str(node.slice.value)] if ast.unparse(node.value) == "os.environ" else []


def _documented_settings() -> set[str]:
    return {row[0] for row in _rows(SETTINGS) if re.fullmatch(r"[A-Z][A-Z0-9_]+", row[0])}


def test_every_setting_read_from_the_environment_is_documented() -> None:
    read = {
        name
        for path in python("backend", "manage.py", *PRODUCT)
        for name in _from_environment(path)
    }
    assert read - _documented_settings() - NOT_OURS == set()


def test_every_rule_of_the_market_is_documented() -> None:
    """What stands below "the market's own rules" in the settings."""
    source = text(Path("backend/settings.py"))
    rules = source.split("the market's own rules", 1)[1].split("# -----", 1)[0]
    names = set(re.findall(r"^([A-Z][A-Z0-9_]+) =", rules, re.M))
    assert names - _documented_settings() == set()


def test_no_documented_setting_is_gone() -> None:
    source = "\n".join(text(path) for path in python("backend", "manage.py", *PRODUCT))
    gone = {name for name in _documented_settings() if not re.search(rf"\b{name}\b", source)}
    assert gone == set()


# ---------------------------------------------------------------- refusals
# Codes that refusals of several nouns share, because a client would do the same about each.
SHARED = {
    "shop_not_open": "403 for whom it keeps from acting, 409 for whom it keeps from buying",
    "licence_required": "422 in an application, 403 at a checkout",
    "reason_required": "whoever decides against somebody says why",
    "malformed": "400, whoever reads",
}


def _refusals() -> list[type[Refusal]]:
    return refusals()


def _of_the_door() -> set[tuple[str, str]]:
    """(code, status) of problems that no verb raises: made in backend/rest/problems.py."""
    found = {(code, str(kind.status_code)) for kind, code in problems._CODES.items()}
    for call in calls(Path("backend/rest/problems.py")):
        if name_of(call) in {"_simple", "_page", "document"}:
            constants = [
                node.value
                for node in [*call.args, *(keyword.value for keyword in call.keywords)]
                if isinstance(node, ast.Constant)
            ]
            status = [str(value) for value in constants if isinstance(value, int)]
            codes = [value for value in constants if isinstance(value, str)]
            if status and codes:
                found.add((codes[0], status[0]))
    return found


def test_every_error_code_is_documented_with_its_status() -> None:
    documented = {(row[0], row[1]) for row in _rows(ERRORS) if len(row) >= 3}
    wanted = {(kind.code, str(kind.status)) for kind in _refusals()} | _of_the_door()
    missing = sorted(wanted - documented)
    assert missing == [], "add to docs/api/errors.md: | `code` | status | what it means |"


def test_no_documented_error_code_is_gone() -> None:
    known = {kind.code for kind in _refusals()} | {code for code, _ in _of_the_door()}
    codes = {row[0] for row in _rows(ERRORS) if len(row) >= 3 and re.fullmatch(r"\d{3}", row[1])}
    assert codes - known == set()


def test_a_code_means_one_thing() -> None:
    """A refusal that defines its own code shares it with no stranger, unless it is written down
    above; then every one of its statuses is in the page, too."""
    owners = defaultdict(list)
    for kind in _refusals():
        if "code" in vars(kind):
            owners[kind.code].append(f"{kind.__module__}.{kind.__name__}")
    shared = {code: names for code, names in owners.items() if len(names) > 1}
    assert {code: names for code, names in shared.items() if code not in SHARED} == {}
    in_doors = {code for code, _ in _of_the_door()}
    assert {code for code in SHARED if code not in shared and code not in in_doors} == set()


def test_the_errors_page_is_what_the_refusals_say() -> None:
    written = text(ERRORS).split(errors_page.MARKER, 1)[1].strip()
    assert written == errors_page.tables().strip(), "run python -m tests.house.errors_page"


def test_a_refusal_is_named_as_a_fact_and_described() -> None:
    wrong = [
        f"{kind.__module__}.{kind.__name__}"
        for kind in _refusals()
        if kind.__name__.endswith(("Error", "Exception"))
        or not kind.__doc__
        or not re.fullmatch(r"[a-z][a-z0-9_]+", kind.code)
        or not 400 <= kind.status < 500
    ]
    assert wrong == []


# ---------------------------------------------------------------- events and jobs
def _recorded() -> Iterator[str]:
    """Kinds of events that verbs record: record(kind="…") or tell, and order_book.say("…") for the
    orders' own."""
    for path in python("shops", "notes", "commissions", "backend"):
        for call in calls(path):
            if name_of(call) in {"record", "record_many", "tell"}:
                for keyword in call.keywords:
                    if keyword.arg == "kind" and isinstance(keyword.value, ast.Constant):
                        yield str(keyword.value.value)
            elif ast.unparse(call.func) == "order_book.say":
                said = call.args[0] if call.args else None
                yield from [f"order.{said.value}"] if isinstance(said, ast.Constant) else []


def test_every_event_is_documented() -> None:
    from backend.relay import HANDLERS

    documented = {row[0] for row in _rows(ARCHITECTURE)}
    assert ({*_recorded()} | set(HANDLERS)) - documented == set()


def test_every_event_that_wakes_somebody_is_recorded_by_somebody() -> None:
    from backend.relay import HANDLERS

    assert set(HANDLERS) - {*_recorded()} == set()


def test_every_job_is_documented() -> None:
    from backend.celery import app

    app.loader.import_default_modules()
    documented = {row[0] for row in _rows(ARCHITECTURE)}
    jobs = {name for name in app.tasks if not name.startswith("celery.")}
    assert jobs - documented == set()


def test_every_job_of_the_timetable_exists() -> None:
    from backend.celery import app

    app.loader.import_default_modules()
    planned = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert planned - set(app.tasks) == set()


def test_the_page_tells_how_often_a_job_runs() -> None:
    from backend.celery import app

    told = {row[0]: row[1] for row in _rows(ARCHITECTURE) if len(row) >= 3}
    wrong = {
        entry["task"]: told.get(entry["task"])
        for entry in app.conf.beat_schedule.values()
        if isinstance(entry["schedule"], float)
        and not told.get(entry["task"], "").startswith(f"{entry['schedule']:g} s")
    }
    assert wrong == {}


def test_every_periodic_message_dies_soon() -> None:
    """A broker that was away must not hand over a heap of old sweeps; clocks that are a second
    apart must not make a message expire on its way."""
    from backend.celery import FRESH, app

    wrong = {
        name: entry["options"]["expires"]
        for name, entry in app.conf.beat_schedule.items()
        if isinstance(entry["schedule"], float)
        and entry["options"]["expires"] != max(entry["schedule"], FRESH)
    }
    assert (wrong, FRESH) == ({}, 30)


# ---------------------------------------------------------------- words
@pytest.mark.parametrize("app", ["core", "accounts", "shops", "notes", "commissions", "webhooks"])
def test_every_name_in_both_languages_is_in_the_glossary(app: str) -> None:
    """Verbose names of models and labels of choices: "order 订单" → 订单."""
    from django.apps import apps

    glossary = text(Path("docs/glossary.md"))
    missing = set()
    for model in apps.get_app_config(app).get_models():
        words = [str(model._meta.verbose_name)]
        for field in model._meta.concrete_fields:
            words += [str(label) for _, label in (field.choices or [])]
        for word in words:
            chinese = " ".join(re.findall(r"[\u4e00-\u9fff]+", word))
            if chinese and chinese not in glossary:
                missing.add(f"{model.__name__}: {word}")
    assert missing == set()


def test_every_model_has_a_name_for_people() -> None:
    from django.apps import apps

    nameless = [
        model.__name__
        for name in ("core", "accounts", "shops", "notes", "commissions", "webhooks")
        for model in apps.get_app_config(name).get_models()
        if "verbose_name" not in model._meta.original_attrs and not model._meta.auto_created
    ]
    assert nameless == []
