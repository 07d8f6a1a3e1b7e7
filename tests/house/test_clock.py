"""One file reads the clock; doors hand the time to verbs."""

import ast
import re
from pathlib import Path

from tests.house.source import calls, imports, is_door, python, strings

CLOCK = Path("backend/core/clock.py")
READS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("timezone", "now"),
    ("timezone", "localtime"),
    ("timezone", "localdate"),
}
# These stand between doors and verbs, or are processes of their own: they may ask what time it is.
MAY_ASK = ("backend/rest/", "backend/streams/", "backend/core/", "seeds/", "backend/management/")
MAY_ASK_FILES = {
    "backend/accounts/authentication.py",
    "backend/accounts/proof.py",
    "backend/tasks.py",
    "backend/health.py",
    "backend/dashboard.py",
    "backend/launcher.py",
    "backend/celery.py",
}
_SQL_NOW = re.compile(r"\b(now\(\)|current_timestamp|current_date|clock_timestamp\(\))", re.I)


def test_only_the_clock_reads_the_clock() -> None:
    """The embedded servers' supervisor lives below Django and times its own life."""
    found = [
        f"{path}:{call.lineno} reads the clock"
        for path in python()
        if path != CLOCK and path.parts[:2] != ("backend", "embedded")
        for call in calls(path)
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and (call.func.value.id, call.func.attr) in READS
    ]
    assert found == []


def test_verbs_are_told_the_time() -> None:
    asking = [
        f"{path}:{line} a verb takes `at`; its door reads the clock"
        for path in python()
        if not is_door(path)
        and not str(path).startswith(MAY_ASK)
        and str(path) not in MAY_ASK_FILES
        and path.parts[:2] != ("backend", "launcher")
        for module, name, line in imports(path)
        if (module, name) == ("backend.core.clock", "now")
    ]
    assert asking == []


def test_no_statement_asks_the_database_for_the_time() -> None:
    """A verb's `at` is the only present: a journey can then move through a week in a second."""
    found = [
        f"{path}:{string.lineno} {_SQL_NOW.search(str(string.value))}"
        for path in python("backend", "shops", "notes", "commissions")
        if path.parts[:2] != ("backend", "embedded")
        for string in strings(path)
        if _SQL_NOW.search(str(string.value)) and "SELECT" in str(string.value).upper()
    ]
    assert found == []
