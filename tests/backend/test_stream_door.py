"""K4: the door of the streams without a server: what is told, when it ends, what is refused."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import OperationalError
from pytest_django import Settings

from backend.streams import door, hub, reading
from backend.streams.door import PATH, Door
from commissions.following import Moving

TOKEN = "tuike_" + "A" * 43


class Books:
    """What the streams read, without a database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.money = Moving(0, 0, 0)
        self.confirmed = 0
        self.living = {7}
        self.looks = 0
        self.is_away = False
        monkeypatch.setattr(reading, "sign_in", lambda text: (1, 7) if text == TOKEN else None)
        monkeypatch.setattr(reading, "living", lambda ids: set(ids) & self.living)
        monkeypatch.setattr(reading, "balances", self._balances)
        monkeypatch.setattr(reading, "confirmed", lambda ids: dict.fromkeys(ids, self.confirmed))

    def _balances(self, ids: list[int]) -> dict[int, Moving]:
        self.looks += 1
        if self.is_away:
            raise OperationalError("away")
        return dict.fromkeys(ids, self.money)


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> Books:
    for name, seconds in (("EVERY", 0.01), ("TOKENS_EVERY", 0.02), ("PAUSE", 0.01)):
        monkeypatch.setattr(hub, name, seconds)
    monkeypatch.setattr(hub, "CONFIRMED_EVERY", 0.0)
    return Books(monkeypatch)


class Caller:
    """An ASGI client: what it is sent, and when it hangs up."""

    def __init__(self, application: Door, **asked: Any) -> None:
        headers = {"host": "api.example", "authorization": f"Bearer {TOKEN}"} | asked.pop("h", {})
        self.scope = {
            "type": "http",
            "method": "GET",
            "path": PATH,
            "query_string": b"",
            "scheme": "http",
            "headers": [(k.encode(), v.encode()) for k, v in headers.items() if v],
        } | asked
        self.messages: list[Any] = []
        self.hung_up = asyncio.Event()
        self.done = asyncio.ensure_future(application(self.scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.messages.append(message)

    @property
    def text(self) -> str:
        return b"".join(one.get("body", b"") for one in self.messages).decode()

    @property
    def events(self) -> list[dict[str, Any]]:
        found = [block for block in self.text.split("\n\n") if "event: earnings" in block]
        return [json.loads(block.split("data: ")[1]) for block in found]

    async def until(self, known: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not known():
                await asyncio.sleep(0.01)

    async def answer(self) -> tuple[int, dict[str, str], dict[str, Any]]:
        async with asyncio.timeout(5):
            await self.done
        head = self.messages[0]
        headers = {name.decode(): value.decode() for name, value in head["headers"]}
        return head["status"], headers, json.loads(self.text)


def run(act: Callable[[Door], Awaitable[None]]) -> None:
    async def whole() -> None:
        await act(Door())

    asyncio.run(whole())


def test_each_change_is_told_and_nothing_else(books: Books) -> None:
    async def act(application: Door) -> None:
        caller = Caller(application)
        await caller.until(lambda: len(caller.events) == 1)
        books.money = Moving(2_000, 0, 0)
        await caller.until(lambda: len(caller.events) == 2)
        books.confirmed = 1_500
        await caller.until(lambda: len(caller.events) == 3)
        books.money, books.confirmed = Moving(500, 1_500, 0), 0
        await caller.until(lambda: caller.events[-1]["available_fen"] == 1_500)
        looks = books.looks
        await caller.until(lambda: books.looks > looks + 3)
        told = [
            tuple(one[f"{name}_fen"] for name in ("estimated", "confirmed", "available"))
            for one in caller.events
        ]
        assert told[:3] == [(0, 0, 0), (2_000, 0, 0), (500, 1_500, 0)]
        assert told[-1] == (500, 0, 1_500)
        head = dict(caller.messages[0]["headers"])
        assert head[b"content-type"] == b"text/event-stream; charset=utf-8"
        assert head[b"cache-control"] == b"no-store"
        assert head[b"x-accel-buffering"] == b"no"
        caller.hung_up.set()
        await caller.done
        assert application.hub._people == {}
        looks = books.looks
        await asyncio.sleep(0.15)
        assert books.looks <= looks + 1  # nobody follows: nothing is read

    run(act)


def test_who_comes_back_with_the_newest_id_is_told_only_what_is_new(books: Books) -> None:
    async def act(application: Door) -> None:
        books.money = Moving(700, 0, 0)
        first = Caller(application)
        await first.until(lambda: len(first.events) == 1)
        known = first.text.split("id: ")[1].split("\n")[0]
        again = Caller(application, h={"last-event-id": known})
        late = Caller(application, h={"last-event-id": "older"})
        await late.until(lambda: len(late.events) == 1)
        assert again.events == []
        books.money = Moving(800, 0, 0)
        await again.until(lambda: len(again.events) == 1)
        assert again.events[0]["estimated_fen"] == 800
        for one in (first, again, late):
            one.hung_up.set()
            await one.done

    run(act)


def test_a_revoked_token_ends_the_stream(books: Books) -> None:
    async def act(application: Door) -> None:
        caller = Caller(application)
        await caller.until(lambda: len(caller.events) == 1)
        books.living = set()
        async with asyncio.timeout(5):
            await caller.done
        assert caller.text.endswith('event: end\ndata: {"code":"authentication_failed"}\n\n')
        assert caller.messages[-1]["more_body"] is False

    run(act)


def test_a_stream_says_that_it_lives_and_ends_by_itself(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "HEARTBEAT", 0.05)
    monkeypatch.setattr(door, "LIFETIME", 0.5)

    async def act(application: Door) -> None:
        caller = Caller(application)
        async with asyncio.timeout(5):
            await caller.done
        assert caller.text.startswith("retry: 2000\n\n")
        assert caller.text.count(": still here\n\n") >= 2
        assert application.hub._count == 0

    run(act)


def test_a_database_that_is_away_ends_no_stream(books: Books) -> None:
    async def act(application: Door) -> None:
        caller = Caller(application)
        await caller.until(lambda: len(caller.events) == 1)
        books.is_away = True
        looks = books.looks
        await caller.until(lambda: books.looks > looks + 1)
        books.is_away, books.money = False, Moving(900, 0, 0)
        await caller.until(lambda: len(caller.events) == 2)
        caller.hung_up.set()
        await caller.done

    run(act)


def test_streams_are_counted_per_account_and_per_process(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(application: Door) -> None:
        callers = [Caller(application) for _ in range(hub.PER_ACCOUNT)]
        await callers[-1].until(lambda: all(one.events for one in callers))
        status, headers, body = await Caller(application).answer()
        assert (status, body["code"], headers["retry-after"]) == (429, "throttled", "30")
        monkeypatch.setattr(hub, "MOST", hub.PER_ACCOUNT)
        status, _, body = await Caller(application).answer()
        assert (status, body["code"]) == (503, "unavailable")
        for one in callers:
            one.hung_up.set()
            await one.done
        assert application.hub._count == 0

    run(act)


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"h": {"authorization": ""}}, 401, "not_authenticated"),
        ({"h": {"authorization": "Bearer tuike_" + "B" * 43}}, 401, "authentication_failed"),
        ({"h": {"authorization": "Basic x"}}, 401, "authentication_failed"),
        ({"h": {"authorization": "Bearer tuike_a\x00b"}}, 401, "authentication_failed"),
        ({"path": "/v1/me/earnings"}, 404, "not_found"),
        ({"method": "POST"}, 405, "method_not_allowed"),
        ({"query_string": b"token=x"}, 400, "bad_query"),
        ({"h": {"host": "evil.example"}}, 400, "malformed"),
    ],
)
def test_whatever_else_is_a_problem(
    books: Books, settings: Settings, asked: dict[str, Any], status: int, code: str
) -> None:
    settings.ALLOWED_HOSTS = ["api.example"]

    async def act(application: Door) -> None:
        told, headers, body = await Caller(application, **asked).answer()
        assert (told, body["code"]) == (status, code)
        assert headers["content-type"] == "application/problem+json"
        assert ("www-authenticate" in headers) == (status == 401)

    run(act)


def test_plain_http_is_refused_where_https_is_asked_for(books: Books, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    async def act(application: Door) -> None:
        status, _, body = await Caller(application).answer()
        assert (status, body["code"]) == (403, "https_required")
        secure = Caller(application, h={"x-forwarded-proto": "https"})
        await secure.until(lambda: len(secure.events) == 1)
        secure.hung_up.set()
        await secure.done

    run(act)
