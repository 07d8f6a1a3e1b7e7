"""The ground under the machine."""

from collections.abc import Iterator

import pytest

from tests.histories.ground import GROUND


@pytest.fixture
def ground() -> Iterator[None]:
    """The machine's world is gone before the test's own transaction is."""
    yield
    GROUND.close()
