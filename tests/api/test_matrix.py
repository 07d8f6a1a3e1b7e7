"""R7, A2, K6: who may do what. Every route × method of the router × 13 roles, against real things
that belong to somebody; what is not yours answers 404 like what does not exist; nothing private
stands in what anybody else is answered."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.api.call import Call
from tests.api.calls import CALLS, request_of, undone
from tests.api.http import Answer, Door
from tests.api.named import World
from tests.api.routes import ADMIN, METHODS, methods_of, operations, patterns, route_of
from tests.api.world import ROLES
from tests.journeys.bad_input import everything

pytestmark = pytest.mark.django_db
TABLE = Path(__file__).with_name("matrix.txt")


@dataclass(frozen=True)
class Row:
    """What each role is answered to one request."""

    method: str
    path: str
    wanted: dict[str, int]


@cache
def rows() -> list[Row]:
    """The table, read."""
    lines = [line.split() for line in TABLE.read_text().splitlines() if line[:1] != "#"]
    short, *found = lines
    assert len(short) == len(ROLES)
    assert all(len(cells) == len(ROLES) + 2 for cells in found)
    return [
        Row(method, path, dict(zip(ROLES, map(int, cells), strict=True)))
        for method, path, *cells in found
    ]


def _route(world: World, path: str) -> str:
    return route_of(world.fill(path.partition("?")[0]))


def call_for(world: World, row: Row) -> Call:
    """The good request of the row's route, sent to the row's path."""
    path, _, query = row.path.partition("?")
    known = {(call.method, _route(world, call.path)): call for call in CALLS}
    call = known.get((row.method, _route(world, path)), Call(row.method, path, ""))
    query = query or (call.query if call.path == path else "")
    return Call(row.method, path, call.who, call.body, call.keyed, query, 0, call.headers)


@dataclass(frozen=True)
class Cell:
    """One request of one role, and what it was answered."""

    row: Row
    role: str
    answer: Answer

    def __str__(self) -> str:
        said = self.answer.content[:120].decode(errors="replace")
        wanted, got = self.row.wanted[self.role], self.answer.status
        return f"{self.role} {self.row.method} {self.row.path}: {got}, not {wanted}: {said}"


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    """Filled by the first test that asks for the answers."""
    return []


@pytest.fixture
def answered(world: World, door: Door, cells: list[Cell]) -> list[Cell]:
    """Every cell, sent. What is done is taken back; what is refused must have done nothing."""
    if not cells:
        before = everything()
        for row in rows():
            call = call_for(world, row)
            cells += [Cell(row, role, _sent(world, door, call, role, row)) for role in ROLES]
        assert everything() == before, "something moved"
    return cells


def _sent(world: World, door: Door, call: Call, role: str, row: Row) -> Answer:
    made = request_of(world, call)
    if call.method == "GET" or row.wanted[role] >= 400:
        return door.send(token=world.tokens[role], **made)
    with undone():
        return door.send(token=world.tokens[role], **made)


# ---------------------------------------------------------------- the table and the router
def test_every_route_has_a_row_and_every_row_a_route(world: World) -> None:
    told = {(row.method, _route(world, row.path)) for row in rows()}
    assert operations() - told == set(), "a route without a row"
    assert told - operations() == set(), "a row without a route"


def test_no_row_stands_twice() -> None:
    names = [(row.method, row.path) for row in rows()]
    assert len(set(names)) == len(names)


# ---------------------------------------------------------------- the cells
def test_every_cell_is_answered_as_the_table_says(answered: list[Cell]) -> None:
    assert len(answered) == len(rows()) * len(ROLES)
    wrong = [str(cell) for cell in answered if cell.answer.status != cell.row.wanted[cell.role]]
    assert wrong == []


def test_what_is_not_yours_reads_like_what_does_not_exist(answered: list[Cell]) -> None:
    """A route says the same to whoever may not know, and its code is always not_found."""
    strange = []
    for row in rows():
        none = [c.answer for c in answered if c.row is row and c.answer.status == 404]
        said = {re.sub(rb'"request_id":.*', b"", answer.content) for answer in none}
        if len(said) > 1 or {answer.code for answer in none} - {"not_found"}:
            strange.append((row.path, said))
    assert strange == []


def test_nothing_private_stands_in_anybody_elses_answer(world: World, answered: list[Cell]) -> None:
    leaks = [
        f"{cell.role} reads {mark.what} in {cell.row.method} {cell.row.path}"
        for cell in answered
        for mark in world.marks
        if cell.role not in mark.readers and mark.text.encode() in cell.answer.content
    ]
    assert leaks == []


def test_every_mark_that_somebody_may_read_is_read_by_them(
    world: World, answered: list[Cell]
) -> None:
    """The check of leaks has teeth: each mark really stands in what its owner is answered."""
    readable = {mark for mark in world.marks if mark.readers & set(ROLES)}
    read = {
        mark
        for mark in readable
        for cell in answered
        if cell.role in mark.readers and mark.text.encode() in cell.answer.content
    }
    assert {mark.what for mark in readable - read} == set()


def test_every_refusal_is_a_problem_and_every_answer_is_guarded(answered: list[Cell]) -> None:
    wrong = []
    for cell in answered:
        said = cell.answer.headers
        if cell.answer.status >= 400 and not cell.answer.code:
            wrong.append(f"{cell}: no problem document")
        if said.get("X-Content-Type-Options") != "nosniff" or "X-Request-ID" not in said:
            wrong.append(f"{cell}: {said}")
        if cell.answer.status == 401 and said.get("WWW-Authenticate") != 'Bearer realm="tuike"':
            wrong.append(f"{cell}: no WWW-Authenticate")
    assert wrong == []


# ---------------------------------------------------------------- the other methods
def _routes(world: World) -> Iterator[tuple[str, list[str]]]:
    """A path of each route below /v1/, with real names in it, and the route's methods."""
    views, seen = dict(patterns()), {"v1/schema"}
    for row in rows():
        route = _route(world, row.path)
        if route.startswith("v1/") and route not in seen:
            seen.add(route)
            yield world.fill(row.path.partition("?")[0]), methods_of(views[route])


def test_head_is_answered_like_get(world: World, door: Door, answered: list[Cell]) -> None:
    wrong = []
    for cell in answered:
        if cell.row.method != "GET" or cell.role not in ("anonymous", "stranger", "owner"):
            continue
        made = request_of(world, call_for(world, cell.row)) | {"method": "HEAD"}
        answer = door.send(token=world.tokens[cell.role], **made)
        if (answer.status, answer.content) != (cell.answer.status, b""):
            wrong.append(f"{cell} but HEAD {answer.status}")
    assert wrong == []


def test_a_method_that_a_route_does_not_have_is_405_and_does_nothing(
    world: World, door: Door
) -> None:
    before, wrong = everything(), []
    for path, methods in _routes(world):
        for method in (*METHODS, "trace", "query", "purge"):
            if method.upper() in methods:
                continue
            token = world.tokens["superuser" if method == "put" else "anonymous"]
            answer = door.send(method.upper(), path, token=token, body={})
            allowed = set(answer.headers.get("Allow", "").split(", ")) - {"HEAD", "OPTIONS"}
            allowed = allowed if method in METHODS else set(methods)
            if (answer.status, answer.code) != (405, "method_not_allowed"):
                wrong.append(f"{method} {path}: {answer.status} {answer.content[:100]!r}")
            elif allowed != set(methods):
                wrong.append(f"{method} {path}: Allow {allowed}")
    assert wrong == []
    assert everything() == before


def test_options_tells_nothing_about_things_and_does_nothing(world: World, door: Door) -> None:
    before, wrong = everything(), []
    for path, _methods in _routes(world):
        answer = door.send("OPTIONS", path, token=world.tokens["stranger"])
        told = any(mark.text.encode() in answer.content for mark in world.marks)
        if answer.status != 200 or told:
            wrong.append(f"{path}: {answer.status} {answer.content[:100]!r}")
    assert wrong == []
    assert everything() == before


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_and_no_parameter_makes_one_method_of_another(
    world: World, door: Door, name: str
) -> None:
    before, token = everything(), world.tokens["author"]
    for target in (world.fill("/v1/notes/{note}"), "/v1/me/addresses"):
        plain = door.send("GET", target, token=token)
        for value in ("DELETE", "POST"):
            answer = door.send("GET", target, token=token, headers={name: value})
            assert (answer.status, answer.content) == (plain.status, plain.content)
            assert door.send("GET", f"{target}?_method={value}", token=token).code == "bad_query"
    assert everything() == before


# ---------------------------------------------------------------- the staff's pages
def test_a_token_of_the_api_opens_no_page_of_the_staff(world: World, door: Door) -> None:
    """Not even a superuser's: the admin knows sessions alone."""
    wrong, pages = [], 0
    for route, _view in patterns():
        if not route.startswith(ADMIN) or route in ("admin/login/", "admin/logout/"):
            continue
        answer = door.send("GET", f"/{_plain(route)}", token=world.tokens["superuser"])
        pages += 1
        led = answer.headers.get("Location", "")
        if answer.status != 404 and not (answer.status == 302 and "/admin/login/" in led):
            wrong.append(f"{route}: {answer.status} {led}")
    assert wrong == []
    assert pages > 100


def _plain(route: str) -> str:
    """A path of a route: every parameter is 1."""
    path = re.sub(r"\(\?P<[^>]+>[^)]*\)", "1", re.sub(r"<[^>]+>", "1", route))
    return re.sub(r"\^|\$|\\Z|\\", "", path)
