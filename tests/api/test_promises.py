"""What docs/api/README.md says of every call is so: errors, lists, keys, limits, request ids."""

import io
import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from backend.core.clock import now
from backend.core.models import IdempotencyKey
from backend.rest import idempotency
from backend.rest.parsers import MAX_BYTES, StrictJSON
from seeds import factories as f
from tests.api.http import Door
from tests.cast import Person
from tests.commissions import money_out

pytestmark = pytest.mark.django_db
PROBLEM = {"type", "title", "status", "detail", "code"}


@pytest.mark.parametrize(
    ("method", "target", "more", "status", "code"),
    [
        ("GET", "/v1/nowhere", {}, 404, "not_found"),
        ("GET", "/nowhere", {}, 404, "not_found"),
        ("GET", "/v1/me", {}, 401, "not_authenticated"),
        ("GET", "/v1/me", {"headers": {"Authorization": "Bearer x"}}, 401, "authentication_failed"),
        ("DELETE", "/v1/categories", {}, 405, "method_not_allowed"),
        ("TRACE", "/v1/categories", {}, 405, "method_not_allowed"),
        ("GET", "/v1/categories", {"headers": {"Accept": "text/csv"}}, 406, "not_acceptable"),
        ("GET", "/v1/products?x=1", {}, 400, "bad_query"),
        ("GET", "/v1/products?page_size=51", {}, 400, "bad_page_size"),
        ("GET", "/v1/products?cursor=x", {}, 400, "bad_cursor"),
        ("POST", "/v1/accounts", {"body": b"{"}, 400, "malformed"),
        ("POST", "/v1/accounts", {"body": {}}, 422, "invalid"),
        ("POST", "/v1/accounts", {"body": b'{"a": "' + b"x" * MAX_BYTES + b'"}'}, 400, "malformed"),
        ("GET", "/l/nobody", {}, 404, "not_found"),
        ("GET", "/media/nothing", {}, 404, "not_found"),
    ],
)
def test_every_error_is_a_problem_document(
    method: str, target: str, more: dict[str, Any], status: int, code: str
) -> None:
    answer = Door().send(method, target, **more)
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    said = answer.json()
    assert set(said) >= PROBLEM
    assert (said["status"], said["type"]) == (status, f"urn:tuike:problem:{code}")
    assert re.fullmatch(r"[A-Za-z0-9._-]{8,64}", answer.headers["X-Request-ID"])


def test_a_bug_is_a_problem_document_with_the_requests_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And tells nothing of what broke."""

    def broken() -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("commissions.earnings.charity", broken)
    answer = Door().send("GET", "/v1/charity/summary", headers={"X-Request-ID": "my-request-1"})
    assert (answer.status, answer.code) == (500, "server_error")
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"] == "my-request-1"
    assert b"secret" not in answer.content


@pytest.mark.parametrize("given", ["", "short", "é" * 10, "a" * 65, "a\r\nb", "<script>"])
def test_a_request_id_is_the_callers_where_it_is_well_formed(given: str) -> None:
    answer = Door().send("GET", "/healthz", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])
    kept = Door().send("GET", "/healthz", headers={"X-Request-ID": "my-request.1_a"})
    assert kept.headers["X-Request-ID"] == "my-request.1_a"


def test_a_request_id_stands_in_the_logs(caplog: pytest.LogCaptureFixture) -> None:
    import structlog

    seen: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(str(structlog.contextvars.get_contextvars().get("request_id")))

    handler = Handler()
    caplog.set_level(logging.WARNING)
    logging.getLogger().addHandler(handler)
    try:
        Door().send("GET", "/v1/me", headers={"X-Request-ID": "my-request-2"})
    finally:
        logging.getLogger().removeHandler(handler)
    assert "my-request-2" in seen


def test_a_list_has_20_rows_by_default_and_50_at_most() -> None:
    shop = f.ShopFactory.create()
    for _ in range(52):
        f.ProductFactory.create(shop=shop)
    door = Door()
    counts = {
        query: len(door.send("GET", f"/v1/products{query}").json()["results"])
        for query in ("", "?page_size=1", "?page_size=50")
    }
    assert counts == {"": 20, "?page_size=1": 1, "?page_size=50": 50}
    assert door.send("GET", "/v1/products?page_size=1000000000").code == "bad_page_size"


# ---------------------------------------------------------------- bodies
class _Counted(io.BytesIO):
    """Knows how much of it was read."""

    most = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self.most += len(found)
        return found


def test_no_more_than_a_megabyte_of_a_body_is_taken_into_memory() -> None:
    from rest_framework.exceptions import ParseError

    stream = _Counted(b" " * (20 * MAX_BYTES))
    with pytest.raises(ParseError):
        StrictJSON().parse(_Blank(stream))
    assert stream.most <= MAX_BYTES + 1


class _Blank:
    """A body that begins with something, so that it is no empty one."""

    def __init__(self, stream: _Counted) -> None:
        self.stream = stream

    def read(self, size: int | None = -1) -> bytes:
        return b"{" + self.stream.read(size)


# ---------------------------------------------------------------- keys
def _asks(person: Person, key: str, amount_fen: int = 100) -> Any:
    return person.client.post(
        "/v1/me/payouts",
        {"amount_fen": amount_fen},
        format="json",
        headers={"Idempotency-Key": key},
    )


def test_a_key_is_kept_for_24_hours_and_then_forgotten(linda: Person) -> None:
    money_out.credit(linda.account, 1_000)
    money_out.payee(linda.account)
    first = _asks(linda, "k1")
    again = _asks(linda, "k1")
    assert (first.status_code, again.content, again["Idempotent-Replayed"]) == (
        201,
        first.content,
        "true",
    )
    assert "Idempotent-Replayed" not in first
    assert _asks(linda, "k1", 200).json()["code"] == "idempotency_key_reused"
    made = IdempotencyKey.objects.get().created_at
    assert idempotency.forget_old(at=made + timedelta(hours=24)) == 0
    assert idempotency.forget_old(at=made + timedelta(hours=24, seconds=1)) == 1
    assert _asks(linda, "k1", 200).status_code == 201


def test_a_refusal_leaves_no_key_behind(linda: Person) -> None:
    assert _asks(linda, "k1").json()["code"] == "payee_missing"
    money_out.credit(linda.account, 1_000)
    money_out.payee(linda.account)
    assert _asks(linda, "k1").status_code == 201


# ---------------------------------------------------------------- limits
def test_too_many_calls_say_how_long_to_wait(
    anyone: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.THROTTLE_PER_MINUTE, "anonymous", 1)
    answers = [anyone.get("/v1/categories") for _ in range(3)]
    seconds_left = 60 - int(now().timestamp()) % 60
    last = answers[-1]
    assert (last.status_code, last.json()["code"]) == (429, "throttled")
    assert abs(int(last["Retry-After"]) - seconds_left) <= 2
