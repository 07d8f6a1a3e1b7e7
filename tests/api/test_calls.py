"""Every operation has a good request, and it does what it says."""

import pytest

from tests.api.calls import CALLS, send, undone
from tests.api.http import Door
from tests.api.named import World

pytestmark = pytest.mark.django_db


def test_every_good_request_is_answered_as_it_says(world: World, door: Door) -> None:
    wrong = []
    for call in CALLS:
        with undone():
            answer = send(door, world, call)
        if answer.status != call.status:
            wrong.append((call.method, call.path, answer.status, answer.content[:300], answer.bug))
    assert wrong == []
