"""R9: a limit of 5 lets 5 of 40 parallel requests pass, at the door of every limit, over real
threads, connections and Valkey, whatever address each of them makes up. A token that opens nothing
counts as well, and no account of one's own buys further tries at a password."""

import threading
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpRequest
from rest_framework.request import Request

from backend.accounts import tokens
from backend.core.clock import now
from backend.rest import throttles
from backend.rest.throttles import PerCaller
from commissions.rest.short_links import Front
from seeds import factories as f
from tests.api.http import MULTIPART, Answer, Door, form
from tests.commissions import money_out

AT_ONCE, LIMIT = 40, 5
NOBODY = "tuike_" + "A" * 43


@pytest.fixture(autouse=True)
def _one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The minute does not end during a test."""
    minute = SimpleNamespace(time=lambda: 1_700_000_030.0)
    monkeypatch.setattr(throttles, "time", minute)
    for scope in settings.THROTTLE_PER_MINUTE:
        monkeypatch.setitem(settings.THROTTLE_PER_MINUTE, scope, LIMIT)


def forged(number: int) -> dict[str, str]:
    """Every header that somebody has ever believed about an address."""
    address = f"10.{number}.0.1"
    return {
        "X-Forwarded-For": f"{address}, 10.0.0.{number}",
        "Forwarded": f"for={address}",
        "X-Real-IP": address,
        "X-Client-IP": address,
        "True-Client-IP": address,
        "CF-Connecting-IP": address,
        "X-Cluster-Client-IP": address,
        "X-Forwarded": address,
    }


def _at_once(job: Callable[[int], Answer]) -> list[Answer]:
    """The job, 40 times at the same moment, each on a thread and a connection of its own."""
    start, answers = threading.Barrier(AT_ONCE), []

    def work(number: int) -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=30)
            answers.append(job(number))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers


def _doors() -> dict[str, tuple[int, Callable[[Door, int], Answer]]]:
    """Where each limit stands: the status of a call that passes, and the call."""
    earner = money_out.earner(100_000)
    token = tokens.issue(account=earner, at=now())[0]
    link = f.PromotionLinkFactory.create().code

    def post(path: str, body: Callable[[int], Any], token: str = "", key: bool = False) -> Any:
        def send(door: Door, number: int) -> Answer:
            more = {"Idempotency-Key": f"k{number}"} if key else {}
            headers = forged(number) | more
            return door.send("POST", path, token=token, body=body(number), headers=headers)

        return send

    def get(path: str, token: str = "") -> Any:
        return lambda door, number: door.send("GET", path, token=token, headers=forged(number))

    def somebody(number: int) -> dict[str, str]:
        return {"handle": f"nobody{number}", "password": "quiet-otter-739"}

    def reset(number: int) -> dict[str, str]:
        return somebody(number) | {"code": "1" * 22}

    def newcomer(number: int) -> dict[str, str]:
        return somebody(number) | {"handle": f"newcomer{number}", "display_name": "新人"}

    def upload(door: Door, number: int) -> Answer:
        headers = MULTIPART | forged(number)
        return door.send(
            "POST", "/v1/media", token=token, body=form({"file": b"x"}), headers=headers
        )

    return {
        "anonymous": (200, get("/v1/categories")),
        "account": (200, get("/v1/me", token)),
        "sign-in": (401, post("/v1/auth/token", somebody)),
        "password-reset": (401, post("/v1/auth/password-reset", reset)),
        "sign-up": (201, post("/v1/accounts", newcomer)),
        "payout": (201, post("/v1/me/payouts", lambda _: {"amount_fen": 100}, token, True)),
        "upload": (415, upload),
        "redirect": (302, get(f"/l/{link}")),
        "provider": (401, post("/v1/payments/sandbox/callback", lambda _: {})),
        "unknown token": (401, get("/v1/me", NOBODY)),
        "no token": (401, get("/v1/me")),
        "others' sign-in by one's own token": (401, post("/v1/auth/token", somebody, token)),
    }


@pytest.mark.django_db(transaction=True)
def test_a_limit_of_5_lets_5_of_40_parallel_requests_pass_at_every_door() -> None:
    door, wrong = Door(), {}
    scopes = _doors()
    assert set(settings.THROTTLE_PER_MINUTE) - set(scopes) == set(), "a limit without its door"
    door.send("GET", "/v1/categories")  # the middleware is loaded once
    for scope, (passing, call) in scopes.items():
        cache.clear()
        answers = _at_once(lambda number, call=call: call(door, number))  # type: ignore[misc]
        seen = Counter((answer.status, answer.code or "-") for answer in answers)
        passed = sum(count for (status, _), count in seen.items() if status != 429)
        if passed != LIMIT or seen[429, "throttled"] != AT_ONCE - LIMIT:
            wrong[scope] = seen
        if {answer.status for answer in answers} != {passing, 429}:
            wrong[scope] = seen
        waits = {answer.headers["Retry-After"] for answer in answers if answer.status == 429}
        assert waits == {"10"}, f"{scope}: of the minute 10 s are left, not {waits}"
    assert wrong == {}


@pytest.mark.django_db(transaction=True)
def test_the_fast_way_of_short_links_has_the_same_limit() -> None:
    """The click that is answered before Django is counted with the others."""
    code = f.PromotionLinkFactory.create().code
    door = Door()
    assert door.send("GET", f"/l/{code}").status == 302  # Redis knows the link from now on
    front = Front(WSGIHandler())

    def click(number: int) -> Answer:
        seen: list[Any] = []
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/l/{code}",
            "QUERY_STRING": "",
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
            "wsgi.errors": BytesIO(),
            "HTTP_X_FORWARDED_FOR": f"10.{number}.0.1",
        }
        body = b"".join(front(environ, lambda status, headers, *_: seen.extend([status, headers])))
        return Answer(int(seen[0].split()[0]), dict(seen[1]), body)

    answers = _at_once(click)
    assert Counter(answer.status for answer in answers) == {
        302: LIMIT - 1,
        429: AT_ONCE - LIMIT + 1,
    }


# ---------------------------------------------------------------- no way round
@pytest.mark.django_db
def test_no_other_spelling_of_the_sign_in_is_another_limit() -> None:
    """Case, slashes, escapes, methods, overrides, tokens and media types."""
    door, token = Door(), tokens.issue(account=f.AccountFactory.create(), at=now())[0]
    body = {"handle": "nobody1", "password": "quiet-otter-739"}

    def tries(method: str = "POST", path: str = "/v1/auth/token", **more: Any) -> Answer:
        return door.send(method, path, **({"body": body} | more))

    assert [tries().code for _ in range(LIMIT + 1)] == [*["wrong_password"] * LIMIT, "throttled"]
    override = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}
    again = [
        *(
            tries(path=path)
            for path in ("/v1/auth/token/", "/V1/auth/token", "//v1/auth/token", "/v1//auth/token",
                         "/v1/auth/%74oken", "/v1/auth/token;a", "/v1/./auth/token",
                         "/v1/auth/token?x=1", "/v1/auth/token%20", "/v1/auth/token%00")
        ),
        *(tries(method) for method in ("HEAD", "OPTIONS", "GET", "PUT", "PATCH", "post", "Post")),
        *(tries(method, headers=override) for method in ("GET", "OPTIONS", "PUT", "POST")),
        tries(token=token),
        tries(token=NOBODY),
        tries(headers={"Accept": "*/*"}),
        tries(headers={"Content-Type": "application/json; charset=utf-8"}),
        *(tries(headers=forged(number)) for number in range(3)),
    ]  # fmt: skip
    told = [answer.code for answer in again]
    assert "wrong_password" not in told
    assert 201 not in [answer.status for answer in again]
    assert told.count("throttled") >= 10


@pytest.mark.django_db
def test_signing_out_does_not_wait_for_those_who_sign_in() -> None:
    """One office, one address: eleven people sign out in a minute."""
    door = Door()
    for _ in range(LIMIT + 1):
        token = tokens.issue(account=f.AccountFactory.create(), at=now())[0]
        assert door.send("DELETE", "/v1/auth/token", token=token).status == 204


# ---------------------------------------------------------------- whose call it is
def _ident(remote: str, forwarded: str | None = None) -> str:
    plain = HttpRequest()
    plain.META = {"REMOTE_ADDR": remote}
    if forwarded is not None:
        plain.META["HTTP_X_FORWARDED_FOR"] = forwarded
    return str(PerCaller().get_ident(Request(plain)))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "ident"),
    [
        (0, None, "192.0.2.1"),
        (0, "10.0.0.1", "192.0.2.1"),
        (1, None, "192.0.2.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "10.0.0.1, 198.51.100.7", "198.51.100.7"),
        (1, "10.0.0.1,10.0.0.2 , 198.51.100.7", "198.51.100.7"),
        (2, "10.0.0.1, 198.51.100.7, 203.0.113.9", "198.51.100.7"),
        (2, "203.0.113.9", "203.0.113.9"),
    ],
)
def test_only_what_our_own_proxies_said_is_believed(
    settings: Any, proxies: int, forwarded: str | None, ident: str
) -> None:
    """NUM_PROXIES 0: the header is nobody's word. 1: its last entry, which our proxy wrote."""
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    assert _ident("192.0.2.1", forwarded) == ident


@pytest.mark.parametrize(
    ("address", "ident"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1%eth0", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1", "fe80::/64"),
        ("no address: at all", "no address: at all"),
        ("x" * 5_000, "x" * 64),
    ],
)
def test_one_customer_of_ipv6_has_one_limit(address: str, ident: str) -> None:
    """A /64 holds 2**64 addresses, and one household."""
    assert _ident(address) == ident


@pytest.mark.django_db
def test_behind_a_proxy_the_first_entries_of_the_header_buy_nothing(settings: Any) -> None:
    """With one proxy of ours: 12 made-up addresses in front of the real one, 5 calls pass; and
    two callers have two limits."""
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    door = Door()

    def calls(real: str) -> Counter[int]:
        return Counter(
            door.send(
                "GET", "/v1/categories", headers={"X-Forwarded-For": f"10.0.0.{number}, {real}"}
            ).status
            for number in range(12)
        )

    assert calls("198.51.100.7") == {200: LIMIT, 429: 12 - LIMIT}
    assert calls("198.51.100.8") == {200: LIMIT, 429: 12 - LIMIT}
