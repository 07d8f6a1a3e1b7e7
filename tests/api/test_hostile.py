"""R6: hostile input × kind of place, made from the schema. Every parameter and every field of every
operation is given what its type must not be: no 5xx, a documented status, a problem document with
a documented code, and not one row moved. What cannot be meant is refused (400, 422; 404 in a
path). A sample in the suite, all of it in the soak."""

from collections.abc import Iterator
from functools import cache
from zlib import crc32

import pytest
from django.db import transaction

from tests.api.calls import CALLS, request_of
from tests.api.http import Answer, Door
from tests.api.named import World
from tests.api.tries import MAKERS, Try, described, operation_of
from tests.house.errors_page import OF_THE_DOOR, refusals
from tests.journeys.bad_input import everything

pytestmark = pytest.mark.django_db
# One of so many in the suite, every one in the soak.
SAMPLE = 16


@cache
def codes() -> frozenset[str]:
    """The codes of docs/api/errors.md."""
    ours = {str(kind.code) for kind in refusals()}  # type: ignore[attr-defined]
    return frozenset(ours | {code for code, _ in OF_THE_DOOR})


def wrong_with(world: World, one: Try, answer: Answer) -> str:
    """What is wrong with an answer, or nothing."""
    said = f"{one}: {answer.status} {answer.content[:160]!r}"
    if answer.status >= 500:
        return f"{said} {answer.bug}"
    if one.wanted and answer.status not in one.wanted:
        return f"{said}, not {sorted(one.wanted)}"
    if answer.status < 400:
        return ""
    if answer.code not in codes():
        return f"{said}: no documented problem"
    documented = {int(status) for status in operation_of(world, one.call)["responses"]}
    return "" if answer.status in documented else f"{said}: the schema does not say so"


def send_all(world: World, door: Door, tries: Iterator[Try]) -> list[str]:
    """Sends them; what is done is taken back, what is refused must have done nothing."""
    wrong, before = [], everything()
    for one in tries:
        made = request_of(world, one.call) | one.changes
        with transaction.atomic():
            answer = door.send(token=world.tokens[one.call.who], **made)
            transaction.set_rollback(answer.status < 400 or one.keeps)
        wrong += [found] if (found := wrong_with(world, one, answer)) else []
    moved = [name for name, now in everything().items() if now != before[name]]
    return [*wrong, *(f"{name} moved" for name in moved)]


def _sampled(tries: Iterator[Try]) -> Iterator[Try]:
    """Every SAMPLE-th by its name, and one at each place: the same ones at every run."""
    seen = set()
    for one in tries:
        place = (one.call.method, one.call.path, one.place)
        if place not in seen or crc32(str(one).encode()) % SAMPLE == 0:
            seen.add(place)
            yield one


def test_every_operation_of_the_schema_has_a_good_request_to_be_spoiled(world: World) -> None:
    known = {id(operation_of(world, call)) for call in CALLS}
    assert [name for name, operation in described().items() if id(operation) not in known] == []


@pytest.mark.parametrize("kind", MAKERS)
def test_a_sample_of_hostile_requests_is_refused_and_moves_nothing(
    world: World, door: Door, kind: str
) -> None:
    assert send_all(world, door, _sampled(MAKERS[kind](world))) == []


@pytest.mark.soak
@pytest.mark.parametrize("kind", MAKERS)
def test_every_hostile_request_is_refused_and_moves_nothing(
    world: World, door: Door, kind: str
) -> None:
    wrong = send_all(world, door, MAKERS[kind](world))
    print(f"hostile {kind}: {door.sent} requests, {len(wrong)} wrong")
    assert wrong == []
