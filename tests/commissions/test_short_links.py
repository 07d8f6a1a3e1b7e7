"""The fast way of the short links gives the view's answer, or leaves the request to it: P8, K17."""

import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from io import BytesIO
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import TimeoutError as RedisSlow

from backend.accounts import tokens
from backend.core import redis
from commissions import links, touches
from commissions.models import PromotionLink, Touch
from commissions.rest.short_links import VISITOR_COOKIE, Front
from seeds.factories import PromotionLinkFactory
from shops.ports import Click, click_of
from tests.cast import Person

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
VISITOR = "abcdefghijkmnopqrstuvw"
pytestmark = pytest.mark.django_db


class Answer:
    """What a WSGI application said."""

    def __init__(self, application: Callable, path: str, **environ: str) -> None:
        given: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "REMOTE_ADDR": "127.0.0.1",
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
        } | environ
        answer = application(given, self._start)
        self.body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()

    def _start(self, status: str, headers: Iterable[tuple[str, str]], *_: Any) -> None:
        self.status = int(status.split(maxsplit=1)[0])
        self.headers = {name.lower(): text for name, text in headers}

    def cookie(self) -> str:
        """The visitor that the answer names, "" for none."""
        found = SimpleCookie(self.headers.get("set-cookie", "")).get(VISITOR_COOKIE)
        return found.value if found else ""

    def stable(self) -> dict[str, str]:
        """All that is said, but what is another thing at each click."""
        said = dict(self.headers)
        target, _, click = said.get("location", "").partition("?click=")
        crumbs = [part.strip() for part in said.pop("set-cookie", "").split(";")]
        crumbs = sorted(part for part in crumbs[1:] if not part.startswith("expires="))
        said |= {"location": target, "click": str(len(click)), "cookie": str(crumbs)}
        said["x-request-id"] = str(len(said["x-request-id"]))
        return said | {"status": str(self.status), "body": self.body.decode()}


@pytest.fixture(autouse=True)
def _kept_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with Django's own test client, the test's transaction outlives its requests."""
    monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)


@pytest.fixture(scope="module")
def django() -> WSGIHandler:
    """Django alone."""
    return WSGIHandler()


@pytest.fixture
def front(django: WSGIHandler) -> Front:
    return Front(django)


@pytest.fixture
def link() -> PromotionLink:
    """A link that Redis knows already."""
    made: PromotionLink = PromotionLinkFactory.create()
    touches.record(code=made.code, visitor="", account=None, at=AT, counts=False)
    return made


@pytest.fixture
def passed(front: Front) -> Iterator[Callable[[], int]]:
    """How many requests have gone on to Django since the front knows its headers."""
    front._sample(False)
    with patch.object(front, "_django", wraps=front._django) as seen:
        yield lambda: seen.call_count


CASES: dict[str, dict[str, str]] = {
    "plain": {},
    "with a cookie": {"HTTP_COOKIE": f"a=b; {VISITOR_COOKIE}={VISITOR}; c=d"},
    "with a forged cookie": {"HTTP_COOKIE": f'{VISITOR_COOKIE}="\'; DROP TABLE"'},
    "with a broken cookie": {"HTTP_COOKIE": ";;;=\xff"},
    "with a query": {"QUERY_STRING": "utm_source=x&format=json"},
    "with an id": {"HTTP_X_REQUEST_ID": "abcdefgh-1"},
    "with a bad id": {"HTTP_X_REQUEST_ID": "a\nb" * 90},
    "of a browser": {"HTTP_ACCEPT": "text/html", "HTTP_USER_AGENT": "Mozilla/5.0"},
    "over https": {"wsgi.url_scheme": "https"},
    "looking ahead": {"HTTP_SEC_PURPOSE": "prefetch;prerender"},
    "by HEAD": {"REQUEST_METHOD": "HEAD"},
    "by POST": {"REQUEST_METHOD": "POST"},
    "with a wrong token": {"HTTP_AUTHORIZATION": "Bearer x"},
}
FAST = {
    *("plain", "with a cookie", "with a forged cookie", "with a broken cookie", "with a query"),
    *("with an id", "with a bad id", "of a browser", "over https"),
}


@pytest.mark.parametrize("case", CASES)
def test_both_ways_give_one_answer(
    front: Front, django: WSGIHandler, link: PromotionLink, case: str
) -> None:
    path = f"/l/{link.code}"
    fast, slow = Answer(front, path, **CASES[case]), Answer(django, path, **CASES[case])
    assert fast.stable() == slow.stable()
    assert (fast.cookie() == VISITOR) is (slow.cookie() == VISITOR)
    assert len(fast.cookie()) == len(slow.cookie())
    assert touches.store_touches() == (2 if fast.status == 302 and fast.cookie() else 0)


@pytest.mark.parametrize("case", CASES)
def test_the_front_answers_what_is_plain_and_nothing_else(
    front: Front, passed: Callable[[], int], link: PromotionLink, case: str
) -> None:
    front._sample(True)
    before = passed()
    Answer(front, f"/l/{link.code}", **CASES[case])
    assert passed() - before == (0 if case in FAST else 1)


@pytest.mark.parametrize(
    "path",
    ["/l/nobody11", "/l/x", "/l/" + "a" * 40, "/l/", "/l", "/l/\x00", "/l/../admin", "/", ""],
)
def test_codes_of_nobody_are_answered_alike(front: Front, django: WSGIHandler, path: str) -> None:
    fast, slow = Answer(front, path), Answer(django, path)
    assert fast.status == slow.status == 404
    for answer in (fast, slow):
        answer.headers["x-request-id"], answer.body = "", b""
        answer.headers.pop("content-length")
    assert fast.headers == slow.headers


def test_a_plain_click_is_recorded_and_known_at_once(front: Front, link: PromotionLink) -> None:
    answer = Answer(front, f"/l/{link.code}", HTTP_COOKIE=f"{VISITOR_COOKIE}={VISITOR}")
    click_id = answer.headers["location"].partition("?click=")[2]
    assert not Touch.objects.exists()
    assert click_of(click_id) == Click(link.code)
    assert touches.store_touches() == 1
    touch = Touch.objects.get()
    assert (touch.click_id, touch.link_id, touch.account_id) == (click_id, link.pk, None)
    assert touch.visitor == answer.cookie() == VISITOR


def test_a_plain_click_costs_no_query(
    front: Front, passed: Callable[[], int], link: PromotionLink, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert Answer(front, f"/l/{link.code}").status == 302
    assert passed() == 0


def test_the_account_of_a_signed_in_reader_is_recorded(
    front: Front, link: PromotionLink, lily: Person
) -> None:
    token, _ = tokens.issue(account=lily.account, at=datetime.now(UTC))
    assert Answer(front, f"/l/{link.code}", HTTP_AUTHORIZATION=f"Bearer {token}").status == 302
    assert touches.store_touches() == 1
    assert Touch.objects.get().account_id == lily.account.pk


def test_a_link_that_is_disabled_ends_at_once(
    front: Front, link: PromotionLink, django: WSGIHandler
) -> None:
    path = f"/l/{link.code}"
    assert Answer(front, path).status == 302
    links.disable(account=link.promoter.account, code=link.code, at=AT)
    for _ in range(2):  # the second time Redis knows it
        assert Answer(front, path).status == Answer(django, path).status == 410
    assert touches.store_touches() == 1


def test_the_limit_counts_both_ways_together(
    front: Front, django: WSGIHandler, link: PromotionLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.THROTTLE_PER_MINUTE, "redirect", 4)
    path = f"/l/{link.code}"
    ways = [front, django, front, django, front, django]
    answers = [Answer(way, path) for way in ways]
    assert [answer.status for answer in answers] == [302, 302, 302, 302, 429, 429]
    assert int(answers[4].headers["retry-after"]) <= 60
    assert Answer(front, path, HTTP_X_FORWARDED_FOR="10.9.8.7").status == 429
    assert Answer(front, path, REMOTE_ADDR="10.9.8.7").status == 302
    assert touches.store_touches() == 5


@pytest.mark.parametrize("error", [RedisAway, RedisSlow])
def test_without_redis_the_reader_goes_on(
    front: Front, link: PromotionLink, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    monkeypatch.setattr(redis, "_asked_again_at", 0.0)
    monkeypatch.setattr(redis, "client", lambda: (_ for _ in ()).throw(error()))
    answer = Answer(front, f"/l/{link.code}")
    assert answer.status == 302
    assert Touch.objects.get().click_id == answer.headers["location"].partition("?click=")[2]


def test_without_the_database_a_known_link_leads_on(
    front: Front, passed: Callable[[], int], link: PromotionLink
) -> None:
    with patch("django.db.connection.cursor", side_effect=AssertionError("asked the database")):
        assert Answer(front, f"/l/{link.code}").status == 302


def test_plain_http_is_left_to_who_refuses_it(
    front: Front, passed: Callable[[], int], link: PromotionLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SECURE_SSL_REDIRECT", True)
    Answer(front, f"/l/{link.code}")
    assert passed() == 1
    monkeypatch.setattr(settings, "SECURE_PROXY_SSL_HEADER", ("HTTP_X_FORWARDED_PROTO", "https"))
    Answer(front, f"/l/{link.code}", HTTP_X_FORWARDED_PROTO="http")
    assert passed() == 2
    answer = Answer(front, f"/l/{link.code}", HTTP_X_FORWARDED_PROTO="https, http")
    assert (answer.status, passed()) == (302, 2)


def test_a_middleware_that_lets_nobody_pass_is_asked_each_time(
    front: Front, link: PromotionLink
) -> None:
    """What the front does not understand it leaves to Django."""
    with patch.object(front, "_ask", return_value=front._ask(False)._replace(cookie="")):
        assert Answer(front, f"/l/{link.code}").status == 302
    assert touches.store_touches() == 1


def test_many_threads_at_once_each_record_their_click(front: Front, link: PromotionLink) -> None:
    start, found = threading.Barrier(8), []

    def click() -> None:
        start.wait()
        for _ in range(5):
            found.append(Answer(front, f"/l/{link.code}").headers["location"])

    crew = [threading.Thread(target=click) for _ in range(8)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    assert len(set(found)) == 40
    assert touches.store_touches() == 40
