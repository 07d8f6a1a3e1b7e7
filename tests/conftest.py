"""The suite's ground: real PostgreSQL and Valkey, Django set up, the same people everywhere."""

import os

os.environ.setdefault("TUIKE_ENV", "development")
os.environ.setdefault("TUIKE_JOB", "1")
# Scrypt costs 60 ms a password; the tests that are about passwords name the real hasher.
os.environ.setdefault("PASSWORD_HASHERS", "django.contrib.auth.hashers.MD5PasswordHasher")
os.environ.setdefault("LOG_LEVEL", "CRITICAL")

from backend import embedded

embedded.ensure()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")

import django  # noqa: E402
from django.conf import settings  # noqa: E402

settings.DATABASES["default"]["OPTIONS"]["options"] += (
    " -c tuike.allow_truncate=on -c synchronous_commit=off"
)
# The suite's Redis database is its own, one per worker process.
_number = 1 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw") or 0) % 14
settings.REDIS_URL = settings.REDIS_URL.rsplit("?db=", 1)[0] + f"?db={_number}"
settings.CACHES["default"]["LOCATION"] = settings.REDIS_URL
django.setup()

from collections.abc import Iterator  # noqa: E402

import pytest  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import TransactionTestCase  # noqa: E402

from tests import ground  # noqa: E402

TransactionTestCase._fixture_teardown = lambda _: ground.empty()  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Every worker's database is a copy of one that is migrated."""
    found = ground.template(embedded.expected_urls().database_url)
    connection.settings_dict["TEST"]["TEMPLATE"] = found


@pytest.fixture(autouse=True)
def _no_doorbell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests call the relay themselves; the journeys run a real worker."""
    from backend.core import events

    monkeypatch.setattr(events, "_wake", [])


@pytest.fixture(autouse=True)
def _fresh_throttles() -> Iterator[None]:
    """No test inherits another's calls per minute."""
    yield
    cache.clear()


# Files of few tests that take long, and wait more than they work: whole services are started,
# killed and walked. They go first, so that the workers end at about the same time.
FIRST = (
    "tests/faults/test_kills.py",
    "tests/journeys/test_main_path.py",
    "tests/backend/test_launcher_demo.py",
    "tests/journeys/",
    "tests/faults/",
    "tests/histories/",
    "tests/seeds/",
    "tests/browser/",
)


def _turn(item: pytest.Item) -> int:
    return next((turn for turn, start in enumerate(FIRST) if item.nodeid.startswith(start)), 99)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


pytest_plugins = ["tests.cast"]
