"""What a production service must not start without, so that nobody weakens it by accident."""

import json
import os
import subprocess
import sys

import pytest

from tests.house.source import HOME

GIVEN = {
    "TUIKE_ENV": "production",
    "SECRET_KEY": "b7-kQ2x.Zw9" * 6,
    "FIELD_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "PAYMENT_SANDBOX_SECRET": "c9" * 20,
    "ALLOWED_HOSTS": "shop.example",
    "DATABASE_URL": "postgresql://u:p@db.example:5432/tuike",
    "REDIS_URL": "redis://:p@redis.example:6379/0",
}
_SHOW = """
import json, sys
import django
from django.conf import settings
django.setup()
names = sys.argv[1:]
print(json.dumps({name: getattr(settings, name) for name in names}))
"""


def _run(*command: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "backend.settings"}
    environment |= {name: value for name, value in {**GIVEN, **changes}.items() if value}
    return subprocess.run(
        [sys.executable, *command],
        cwd=HOME,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_check_deploy_has_nothing_to_say() -> None:
    answer = _run("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert answer.returncode == 0, answer.stderr
    assert "no issues" in answer.stdout


@pytest.mark.parametrize("name", ["SECRET_KEY", "FIELD_KEYS"])
def test_production_does_not_start_without(name: str) -> None:
    answer = _run("manage.py", "check", **{name: None})
    assert answer.returncode != 0
    assert f"{name} must be set" in answer.stderr


def test_production_is_strict_without_being_told() -> None:
    names = [
        "DEBUG",
        "SECURE_SSL_REDIRECT",
        "SECURE_HSTS_SECONDS",
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "ALLOWED_HOSTS",
        "DATA_UPLOAD_MAX_MEMORY_SIZE",
        "PASSWORD_HASHERS",
        "LOG_FORMAT",
        "WHITENOISE_USE_FINDERS",
    ]
    answer = _run("-c", _SHOW, *names)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == {
        "DEBUG": False,
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "ALLOWED_HOSTS": ["shop.example"],
        "DATA_UPLOAD_MAX_MEMORY_SIZE": 1_048_576,
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.ScryptPasswordHasher"],
        "LOG_FORMAT": "json",
        "WHITENOISE_USE_FINDERS": False,
    }


def test_the_database_never_waits_for_ever() -> None:
    """In the web process; jobs are allowed longer."""
    names = ["STATEMENT_TIMEOUT_MS", "LOCK_TIMEOUT_MS", "IDLE_TIMEOUT_MS"]
    answer = _run("-c", _SHOW, *names)
    assert list(json.loads(answer.stdout).values()) == [5_000, 2_000, 15_000]


def test_every_call_needs_a_token_unless_a_view_says_otherwise() -> None:
    from django.conf import settings

    rest = settings.REST_FRAMEWORK
    assert rest["DEFAULT_PERMISSION_CLASSES"] == ["rest_framework.permissions.IsAuthenticated"]
    assert rest["DEFAULT_PARSER_CLASSES"] == ["backend.rest.parsers.StrictJSON"]
    assert rest["DEFAULT_RENDERER_CLASSES"] == ["backend.rest.renderers.JSON"]
