"""What a production service must not start without, so that nobody weakens it by accident: the
whole of the security baseline, as the settings really come out (R11)."""

import json
import os
import subprocess
import sys
from functools import cache
from typing import Any

import psycopg
import pytest
from django.conf import settings

from tests.house.source import HOME

GIVEN = {
    "TUIKE_ENV": "production",
    "SECRET_KEY": "b7-kQ2x.Zw9" * 6,
    "FIELD_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "STATEMENT_SIGNING_KEY": "OTg3NjU0MzIxMGFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "PAYMENT_SANDBOX_SECRET": "c9" * 20,
    "ALLOWED_HOSTS": "shop.example",
    "DATABASE_URL": "postgresql://u:p@db.example:5432/tuike",
    "REDIS_URL": "redis://:p@redis.example:6379/0",
}
_SHOW = """
import json
from django.conf import settings
found = {name: getattr(settings, name) for name in dir(settings) if name.isupper()}
print(json.dumps(found, default=str))
"""
_PATHS = """
import django
django.setup()
from django.urls import get_resolver
print(*(entry.pattern for entry in get_resolver().url_patterns))
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


@cache
def shown(**changes: str) -> dict[str, Any]:
    """Every setting of a production process, with these changes to its environment."""
    answer = _run("-c", _SHOW, **changes)
    assert answer.returncode == 0, answer.stderr
    return dict(json.loads(answer.stdout))


def test_check_deploy_has_nothing_to_say() -> None:
    answer = _run("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert answer.returncode == 0, answer.stderr
    assert "no issues" in answer.stdout


# ---------------------------------------------------------------- what it does not start without
@pytest.mark.parametrize("name", ["SECRET_KEY", "FIELD_KEYS", "STATEMENT_SIGNING_KEY"])
def test_production_does_not_start_without(name: str) -> None:
    answer = _run("-c", _SHOW, **{name: None})
    assert answer.returncode != 0
    assert f"{name} must be set" in answer.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SECRET_KEY": settings.SECRET_KEY}, "SECRET_KEY must be set"),
        ({"FIELD_KEYS": "too-short"}, "FIELD_KEYS is 32 bytes"),
        ({"FIELD_KEYS": GIVEN["FIELD_KEYS"] + ",x"}, "FIELD_KEYS is 32 bytes"),
        ({"STATEMENT_SIGNING_KEY": "too-short"}, "STATEMENT_SIGNING_KEY is 32 bytes"),
        ({"DATABASE_URL": "sqlite:///x.db"}, "DATABASE_URL must begin with postgresql"),
    ],
)
def test_production_does_not_start_with(changes: dict[str, str], said: str) -> None:
    """The development key, a key that is none, a database that is none."""
    answer = _run("-c", _SHOW, **changes)
    assert answer.returncode != 0
    assert said in answer.stderr


def test_a_short_secret_key_fails_the_check() -> None:
    answer = _run("manage.py", "check", "--deploy", "--fail-level", "WARNING", SECRET_KEY="x" * 20)
    assert answer.returncode != 0
    assert "security.W009" in answer.stderr


def test_keys_rotate_without_a_gap() -> None:
    """The old keys stay readable behind the new one."""
    both = shown(SECRET_KEY_FALLBACKS="older,oldest")
    assert both["SECRET_KEY_FALLBACKS"] == ["older", "oldest"]
    keys = [GIVEN["FIELD_KEYS"], GIVEN["FIELD_KEYS"].replace("M", "N")]
    assert shown(FIELD_KEYS=",".join(keys))["FIELD_KEYS"] == keys


# ---------------------------------------------------------------- what it starts with
BASELINE: dict[str, Any] = {
    "DEBUG": False,
    "PRODUCTION": True,
    "ALLOWED_HOSTS": ["shop.example"],
    # transport
    "SECURE_SSL_REDIRECT": True,
    "SECURE_HSTS_SECONDS": 31_536_000,
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
    "SECURE_HSTS_PRELOAD": True,
    "SECURE_PROXY_SSL_HEADER": None,
    "SECURE_CONTENT_TYPE_NOSNIFF": True,
    "SECURE_REFERRER_POLICY": "same-origin",
    "SECURE_CROSS_ORIGIN_OPENER_POLICY": "same-origin",
    "X_FRAME_OPTIONS": "DENY",
    "USE_X_FORWARDED_HOST": False,
    "USE_X_FORWARDED_PORT": False,
    "NUM_PROXIES": 0,
    # cookies
    "COOKIE_PREFIX": "__Host-",
    "SESSION_COOKIE_NAME": "__Host-sessionid",
    "SESSION_COOKIE_SECURE": True,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_COOKIE_DOMAIN": None,
    "SESSION_COOKIE_PATH": "/",
    "SESSION_COOKIE_AGE": 1_800,
    "SESSION_SAVE_EVERY_REQUEST": True,
    "CSRF_COOKIE_NAME": "__Host-csrftoken",
    "CSRF_COOKIE_SECURE": True,
    "CSRF_COOKIE_HTTPONLY": True,
    "CSRF_COOKIE_SAMESITE": "Strict",
    "CSRF_COOKIE_DOMAIN": None,
    "CSRF_TRUSTED_ORIGINS": [],
    "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
    # passwords and sessions
    "PASSWORD_HASHERS": ["backend.accounts.hashers.Scrypt"],
    "AXES_FAILURE_LIMIT": 5,
    "STAFF_TWO_FACTOR": "required",
    "TOKEN_LIFETIME_DAYS": 90,
    # sizes
    "DATA_UPLOAD_MAX_MEMORY_SIZE": 1_048_576,
    "DATA_UPLOAD_MAX_NUMBER_FIELDS": 200,
    "DATA_UPLOAD_MAX_NUMBER_FILES": 4,
    "FILE_UPLOAD_MAX_MEMORY_SIZE": 2_621_440,
    # what is kept and told
    "LOG_FORMAT": "json",
    "WHITENOISE_USE_FINDERS": False,
    "WHITENOISE_ALLOW_ALL_ORIGINS": False,
    "FILE_UPLOAD_PERMISSIONS": 0o644,
}


@pytest.mark.parametrize("name", BASELINE)
def test_production_is_strict_without_being_told(name: str) -> None:
    assert shown()[name] == BASELINE[name]


def test_without_hosts_it_answers_to_none() -> None:
    assert shown(ALLOWED_HOSTS="")["ALLOWED_HOSTS"] == []


def test_a_proxy_is_believed_only_when_there_is_one() -> None:
    behind = shown(BEHIND_PROXY="true", NUM_PROXIES="1")
    assert behind["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]
    assert behind["NUM_PROXIES"] == behind["REST_FRAMEWORK"]["NUM_PROXIES"] == 1


def test_the_sandbox_takes_no_callback_unless_it_is_asked_for() -> None:
    assert shown(PAYMENT_SANDBOX_SECRET="")["PAYMENT_SANDBOX_SECRET"] == ""


def test_uploads_are_served_by_a_web_server_and_not_by_the_service() -> None:
    paths = _run("-c", _PATHS).stdout.split()
    assert "v1/" in paths
    assert not [path for path in paths if path.startswith("media")]


def test_passwords_are_held_against_every_rule() -> None:
    rules = [entry["NAME"].rsplit(".", 1)[1] for entry in shown()["AUTH_PASSWORD_VALIDATORS"]]
    wanted = {
        "MinimumLengthValidator",
        "LongForStaff",
        "CommonPasswordValidator",
        "UserAttributeSimilarityValidator",
        "NotOurNames",
    }
    assert set(rules) == wanted


# ---------------------------------------------------------------- PostgreSQL
LIMITS = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]


def test_the_database_never_waits_for_ever() -> None:
    """In the web process, by the connection itself: 5, 2 and 15 seconds."""
    options = shown()["DATABASES"]["default"]["OPTIONS"]
    for name, value in zip(LIMITS, (5_000, 2_000, 15_000), strict=True):
        assert f"-c {name}={value}" in options["options"]
    assert options["connect_timeout"] == 5


def test_a_job_is_given_longer_and_not_for_ever() -> None:
    options = shown(TUIKE_JOB="1")["DATABASES"]["default"]["OPTIONS"]["options"]
    for name, value in zip(LIMITS, (600_000, 10_000, 600_000), strict=True):
        assert f"-c {name}={value}" in options


def test_who_runs_longer_says_so() -> None:
    """The worker, the beat and every command; a web server does not."""
    for file in ("backend/celery.py", "manage.py"):
        assert 'os.environ.setdefault("TUIKE_JOB", "1")' in (HOME / file).read_text()
    assert "TUIKE_JOB" not in (HOME / "backend/wsgi.py").read_text()


def test_postgresql_takes_the_limits() -> None:
    """The options really reach a session: PostgreSQL itself says what is in force."""
    own = settings.DATABASES["default"]
    options = shown()["DATABASES"]["default"]["OPTIONS"]["options"]
    with psycopg.connect(
        host=own["HOST"], user=own["USER"], dbname="postgres", options=options
    ) as connection:
        said = [connection.execute(f"SHOW {name}").fetchone() for name in [*LIMITS, "timezone"]]
        assert said == [("5s",), ("2s",), ("15s",), ("UTC",)]
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SET statement_timeout = 20; SELECT pg_sleep(5)")


def test_connections_are_kept_and_asked_whether_they_live() -> None:
    database = shown()["DATABASES"]["default"]
    assert database["CONN_MAX_AGE"] == 600
    assert database["CONN_HEALTH_CHECKS"] is True


# ---------------------------------------------------------------- REST
def test_every_call_needs_a_token_unless_a_view_says_otherwise() -> None:
    rest = shown()["REST_FRAMEWORK"]
    assert rest["DEFAULT_AUTHENTICATION_CLASSES"] == ["backend.accounts.authentication.BearerToken"]
    assert rest["DEFAULT_PERMISSION_CLASSES"] == ["rest_framework.permissions.IsAuthenticated"]
    assert rest["DEFAULT_PARSER_CLASSES"] == ["backend.rest.parsers.StrictJSON"]
    assert rest["DEFAULT_RENDERER_CLASSES"] == ["backend.rest.renderers.JSON"]
    assert rest["DEFAULT_THROTTLE_CLASSES"] == ["backend.rest.throttles.PerCaller"]


def test_every_scope_of_calls_has_a_limit() -> None:
    limits = shown()["THROTTLE_PER_MINUTE"]
    assert set(limits) >= {"anonymous", "account", "sign-in", "sign-up", "payout", "redirect"}
    assert all(1 <= limit <= 10_000 for limit in limits.values())
    assert limits["sign-in"] <= 10
    assert limits["payout"] <= 20


def test_limits_are_counted_where_every_process_sees_them() -> None:
    cache_ = shown()["CACHES"]["default"]
    assert "redis" in cache_["BACKEND"].lower()
    assert cache_["LOCATION"].startswith("redis://")


def test_a_list_has_an_end() -> None:
    from backend.rest import paging

    assert paging.MAX_SIZE <= 100


# ---------------------------------------------------------------- the worker
def test_the_worker_takes_json_and_ends_what_hangs() -> None:
    from backend.celery import app

    conf = app.conf
    assert conf.accept_content == ["json"]
    assert conf.task_acks_late is True
    assert conf.task_reject_on_worker_lost is True
    assert conf.worker_prefetch_multiplier == 1
    transport = conf.broker_transport_options
    assert conf.task_time_limit < transport["visibility_timeout"] == 300
    assert transport["socket_timeout"] > 0
    assert transport["socket_keepalive"] is True
    assert conf.broker_pool_acquire_timeout <= 5
    assert conf.worker_soft_shutdown_timeout == 20
