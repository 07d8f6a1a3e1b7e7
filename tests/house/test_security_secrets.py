"""No secret in the repository, none in a message, none in a place that travels (ASVS V13.3.1).

The patterns are the kinds that secret scanners look for; the entropy rule finds what has no known
form. What is found and harmless stands in HARMLESS with its reason.
"""

import inspect
import math
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.source import HOME, calls, files, name_of, python, text

KINDS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY"),
    "a cloud access key": re.compile(r"\b(?:AKIA|ASIA|LTAI|AKID)[0-9A-Za-z]{12,}\b"),
    "a code host's token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[\w-]{20})\b"),
    "a chat's token": re.compile(r"\bxox[abposr]-[0-9A-Za-z-]{10,}"),
    "a payment provider's key": re.compile(r"\b[sr]k_(?:live|test)_[0-9A-Za-z]{16,}"),
    "a search engine's key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "a signed token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."),
    "one of our own tokens": re.compile(r"\btuike_[A-Za-z0-9_-]{43}\b"),
    "a password in an address": re.compile(
        r"\b[a-z][a-z0-9+]{2,}://[^\s:/@$\"'<{]*:[^\s:/@$\"'<{…]{3,}@[\w.-]+"
    ),
    "a secret with its name": re.compile(
        r"(?i)\b(?:password|passwd|secret(?:_key)?|api_?key|auth_?token|field_keys?)\b"
        r"[\"']?\s*[:=]\s*[\"']([^\"'\s]{16,})[\"']"
    ),
}
_QUOTED = re.compile(r"[\"'`]([A-Za-z0-9+/=_-]{32,})[\"'`]")
BINARY = {".png", ".jpg", ".jpeg", ".webp", ".ico", ".woff2", ".xlsx", ".mp4"}
# Lists of hashes, and the pages that quote what others sent.
PUBLIC_HASHES = ("requirements/",)
# What looks like one and is none: text in the line → why.
HARMLESS = {
    "_DEVELOPMENT_KEY": "refused in production by name",
    "sandbox-secret-for-development": "the sandbox provider of development; empty in production",
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=": "0123456789abcdef twice: test_production.py",
    "OTg3NjU0MzIxMGFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=": "9876543210abcdef…: made up for tests",
    "# RFC 8032": "the standard's own public vectors",
    "b7-kQ2x.Zw9": "test_production.py's made-up key",
    "postgresql://u:p@db.example": "test_production.py's made-up server",
    "postgresql://user:password@host": "the form of a setting, on its page",
    "redis://:password@host": "the form of a setting, on its page",
    "s3cret-pw": "what the log must hide, in its test",
    "correct-horse": "the tests' and the tour's password",
    "a-long-enough-pass": "a password of a test",
    "another-password-9": "a password of a test",
    "user:pass@shop.example": "an address that must be refused",
    "secret-pw": "what must not be sent in clear, in its test",
    "a1B2c3D4e5F6": "what this scan must see",
    "9f86d081884c7d65": "what this scan must see",
    "gAAAAABmT3xYq0Zc8": "what this scan must see",
    "SECRET_KEY=abcdefghijklmnop": "what the log must hide, in its test",
    "iVBORw0KGgoAAAANSUhEUg": "the picture of the README's tour",
    "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz": "an alphabet",
}


def _entropy(value: str) -> float:
    """Bits a character."""
    counts = Counter(value).values()
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts)


def _random_looking(line: str) -> Iterator[str]:
    """Quoted runs that no person would type: hexadecimal from 3 bits a character, base64 from
    4.5."""
    for match in _QUOTED.finditer(line):
        value = match[1]
        plain = re.fullmatch(r"[0-9a-f]+", value) is not None
        words = re.fullmatch(r"[a-z]+(?:[_/-][a-z]+)*", value) is not None
        if not words and _entropy(value) > (3.0 if plain else 4.5):
            yield value


def _lines() -> Iterator[tuple[Path, int, str]]:
    for path in files():
        if path.suffix not in BINARY and not str(path).startswith(PUBLIC_HASHES):
            for number, line in enumerate(text(path).splitlines(), 1):
                yield path, number, line


def found_in(line: str) -> str:
    """Which kind of secret a line holds, if any."""
    for kind, pattern in KINDS.items():
        if pattern.search(line):
            return kind
    return "something random" if any(_random_looking(line)) else ""


def test_no_secret_stands_in_the_repository() -> None:
    found = [
        f"{path}:{number}: {kind}"
        for path, number, line in _lines()
        if (kind := found_in(line)) and not any(known in line for known in HARMLESS)
    ]
    assert found == [], "if it is harmless, say why in HARMLESS; if not, replace it at its source"


def test_every_harmless_string_is_still_there() -> None:
    lines = [line for _, _, line in _lines()]
    gone = [
        known
        for known in HARMLESS
        if not any(known in line and not line.startswith(f'    "{known}": ') for line in lines)
    ]
    assert gone == []


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "aws = AKIA" + "IOSFODNN7EXAMPLE",
        "token: ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
        "Authorization: Bearer tuike_" + "aB3-_" * 8 + "xyz",
        "url = 'postgresql://app:" + "hunter2hunter2@db.example/tuike'",
        "SECRET_KEY = '" + "k9!fQ-2zLw0.sP7x" + "'",
        "key = '" + "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b" + "'",
        "sealed = '" + "gAAAAABmT3xYq0Zc8vR1uW5sK2pL9dE7hJ4nB6mQ" + "'",
    ],
)
def test_the_scan_sees_what_it_looks_for(line: str) -> None:
    assert found_in(line)


@pytest.mark.parametrize("name", [".env", ".env.production", "var/media/x", "id_rsa"])
def test_no_file_of_secrets_is_tracked(name: str) -> None:
    assert Path(name) not in files()
    assert not [path for path in files() if path.name.startswith((".env", "id_rsa", "id_ed25519"))]
    assert not [path for path in files() if path.suffix in {".pem", ".key", ".p12", ".pfx", ".jks"}]


def test_a_file_of_secrets_gets_into_no_image() -> None:
    left_out = text(Path(".dockerignore")).split()
    assert {".env*", "var", ".git"} <= set(left_out)


# ---------------------------------------------------------------- what lies in Redis
def _jobs() -> dict[str, object]:
    from backend.celery import app

    app.loader.import_default_modules()
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def test_a_jobs_arguments_are_ids_alone() -> None:
    """Messages lie in Redis in clear: an id says nothing to who has no database."""
    wrong = [
        f"{name}({parameter})"
        for name, task in _jobs().items()
        for parameter in inspect.signature(task.run).parameters.values()  # type: ignore[attr-defined]
        if not re.fullmatch(r"(?:\w+_)?ids?", parameter.name)
        or parameter.annotation not in (int, list[int])
    ]
    assert wrong == []


def test_the_timetable_hands_over_nothing() -> None:
    from backend.celery import app

    given = {
        name: (entry.get("args"), entry.get("kwargs"))
        for name, entry in app.conf.beat_schedule.items()
        if entry.get("args") or entry.get("kwargs")
    }
    assert given == {}


def test_nobody_sends_a_message_with_more_than_ids() -> None:
    senders = {"send_task", "delay", "apply_async", "delay_on_commit", "apply_async_on_commit"}
    told = {"connection", "retry", "expires", "queue", "priority"}
    wrong = [
        f"{path}:{call.lineno}"
        for path in python("backend", "shops", "notes", "commissions")
        for call in calls(path)
        if name_of(call) in senders
        and (
            len(call.args) > (name_of(call) == "send_task")
            or any(keyword.arg not in told for keyword in call.keywords)
        )
    ]
    assert wrong == []


def test_messages_are_json_and_results_are_not_kept() -> None:
    from backend.celery import app

    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == "json"
    assert app.conf.task_ignore_result is True


def test_an_event_carries_ids_alone() -> None:
    """The outbox is no place for a name or an address either."""
    from backend.core.models import Event

    assert {field.name for field in Event._meta.concrete_fields} == {
        "id", "kind", "subject_id", "payload", "state", "attempts", "error",
        "recorded_at", "due_at", "delivered_at",
    }  # fmt: skip
    keys = re.findall(r"payload=\{([^}]*)\}", "\n".join(text(path) for path in python()))
    names = {name for found in keys for name in re.findall(r"\"(\w+)\":", found)}
    assert {name for name in names if not name.endswith("_id")} == set()


# ---------------------------------------------------------------- words that secrets go by
def test_no_default_of_production_is_a_secret() -> None:
    settings = text(Path("backend/settings.py"))
    for name in ("SECRET_KEY", "FIELD_KEYS", "STATEMENT_SIGNING_KEY", "PAYMENT_SANDBOX_SECRET"):
        assert re.search(rf'env\.(str|list)\(\s*"{name}"', settings), name
    assert HOME.joinpath("backend/settings.py").is_file()
