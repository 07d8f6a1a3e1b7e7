"""R6: every documented status is true. What the document says an operation may be answered, some
request of this folder is answered; what it does not say, test_hostile and Schemathesis look for."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.call import Call
from tests.api.calls import CALLS, request_of, undone
from tests.api.http import Door
from tests.api.named import World
from tests.api.schemas import label_of
from tests.api.test_matrix import call_for, rows
from tests.api.tries import MAKERS, described
from tests.api.world import ROLES

pytestmark = [pytest.mark.django_db, pytest.mark.soak]
# Not asked of each operation here, because it is the same for all of them: plain HTTP
# (tests/house/test_security_headers.py), too many calls (test_limits.py), a database that is away
# (tests/faults), a row that somebody else holds (tests/races), a caller who has the answer already
# (tests/notes, tests/bench).
OF_ALL = {"403", "429", "503", "409", "304"}
NOBODY = "tuike_" + "A" * 43
# A host that is none of ours: any host is in development.
NOT_HERE = {("GET /l/{code}", "400")}


def _requests(world: World) -> Iterator[tuple[Call, dict[str, Any]]]:
    for row in rows():
        call = call_for(world, row)
        for role in ROLES:
            yield call, request_of(world, call) | {"token": world.tokens[role]}
    for make in MAKERS.values():
        for one in make(world):
            made = request_of(world, one.call) | {"token": world.tokens[one.call.who]}
            if len(one.changes.get("body", b"")) < 50_000:
                yield one.call, made | one.changes
    for call in CALLS:
        made = request_of(world, call) | {"token": world.tokens[call.who]}
        yield call, made
        yield call, made | {"token": NOBODY}
        for name, value in (("Accept", "text/html"), ("Content-Type", "text/plain")):
            yield call, made | {"headers": {**made["headers"], name: value}}
        if call.path.endswith("/notices"):
            yield call, made | {"body": made["body"].replace(b"P404", b"P405") + b" "}


def test_every_documented_status_is_answered_by_some_request(world: World, door: Door) -> None:
    seen: dict[str, set[str]] = defaultdict(set)
    for call, made in _requests(world):
        with undone():
            seen[label_of(world, call)].add(str(door.send(**made).status))
    with undone():  # asked for again, the same link is 200
        link = next(
            call for call in CALLS if (call.method, call.path) == ("POST", "/v1/promotion-links")
        )
        for _ in range(2):
            made = request_of(world, link) | {"token": world.tokens[link.who]}
            seen[label_of(world, link)].add(str(door.send(**made).status))
    never = [
        (f"{method} {path}", status)
        for (method, path), operation in described().items()
        for status in set(operation["responses"]) - OF_ALL - seen[f"{method} {path}"]
        if (f"{method} {path}", status) not in NOT_HERE
    ]
    print(
        f"statuses: {sum(map(len, seen.values()))} of {len(seen)} operations, {door.sent} requests"
    )
    assert never == [], sorted(never)
