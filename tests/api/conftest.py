"""One market for all tests of a file, inside one transaction that is never committed."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from tests.api import rails
from tests.api import world as worlds
from tests.api.http import Door


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[worlds.World]:
    """The market; what a test does to it, the test takes back."""
    was = settings.MEDIA_ROOT
    settings.MEDIA_ROOT = tmp_path_factory.mktemp("media")
    with django_db_blocker.unblock():
        atomic = transaction.atomic()
        atomic.__enter__()
        try:
            with rails.configured():
                yield worlds.build()
        finally:
            transaction.set_rollback(True)
            atomic.__exit__(None, None, None)
            settings.MEDIA_ROOT = was


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    """The application without limits per minute: test_limits is about those."""
    monkeypatch.setattr(settings, "THROTTLE_PER_MINUTE", {})
    return Door()
