"""What a log line may hold, and what it must say (ASVS V16.2, V16.3, V16.4, V16.5; V14.2)."""

import ast
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from rest_framework.test import APIClient

from backend.core.logs import FIELDS, Formatter, scrub
from backend.core.sql import run
from seeds.factories import AccountFactory
from tests.cast import Person
from tests.desk import signed_in
from tests.house.source import calls, python

TOKEN = "tuike_" + "aB3-_" * 8 + "xyz"
CARD = "6222020000000000034"
IDENTITY = "11010519491231002X"


class Lines(list[dict[str, Any]]):
    """What the service would have written, a dictionary a line."""

    raw: io.StringIO


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Everything that is logged at INFO and above, by production's formatter."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(Formatter("json"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    found = Lines()
    found.raw = out
    yield found
    root.removeHandler(handler)
    root.setLevel(before)


def read(lines: Lines) -> list[dict[str, Any]]:
    """The lines so far; each is one JSON document."""
    return [json.loads(line) for line in lines.raw.getvalue().splitlines()]


# ---------------------------------------------------------------- what never stands in a line
@pytest.mark.parametrize(
    ("said", "secret"),
    [
        (f"Authorization: Bearer {TOKEN}", TOKEN),
        (f"the token {TOKEN} leaked", TOKEN),
        ("Authorization: Basic bGluZGE6Y29ycmVjdC1ob3JzZQ==", "bGluZGE6"),
        ("{'handle': 'linda', 'password': 'correct horse 9'}", "correct horse 9"),
        ('{"password": "correct-horse-9", "x": 1}', "correct-horse-9"),
        ("password=correct-horse-9&x=1", "correct-horse-9"),
        ("otp: 123456", "123456"),
        ("postgresql://tuike:s3cret-pw@db:5432/tuike", "s3cret-pw"),
        ("redis://:s3cret-pw@redis:6379/0", "s3cret-pw"),
        ("SECRET_KEY=abcdefghijklmnop", "abcdefghijklmnop"),
        (f"the number {CARD} is wrong", CARD),
        (f"document {IDENTITY} is held already", IDENTITY),
        ("call 13800000000 back", "13800000000"),
        ("call +8613800000000 back", "13800000000"),
        ("sealed gAAAAABnAbCdEfGhIjKlMnOpQrStUvWxYz0123==", "AbCdEfGhIjKl"),
        ("x\nDETAIL:  Failing row contains (1, 李小鱼, 示例路 1 弄).\nCONTEXT: y", "李小鱼"),
        ("duplicate key\nDETAIL:  Key (handle)=(linda) already exists.", "linda"),
    ],
)
def test_a_secret_is_hidden(said: str, secret: str) -> None:
    assert secret in said
    assert secret not in scrub(said)


@pytest.mark.parametrize(
    "said",
    [
        "payout P202611227DWv8oCVi3BsTU1C: the channel's client broke",
        "event 123456 parked after 8 attempts",
        "the total is 1000000000000 fen",
        "request 8f14e45fceea167a5a36dedd4bea2543",
        "/v1/shops/applications/17/submit",
    ],
)
def test_what_people_look_for_is_not_hidden(said: str) -> None:
    assert scrub(said) == said


def test_a_record_is_one_line_whoever_wrote_its_text(lines: Lines) -> None:
    """A line break in a path or a name begins no forged record (V16.4.1)."""
    name = 'x"}\n{"event": "payout approved", "level": "info"}\r\x1b[2J\u2028\u202e'
    logging.getLogger("tuike.test").warning("a note by %s", name, extra={"path": f"/v1/{name}"})
    assert len(lines.raw.getvalue().splitlines()) == 1
    (line,) = read(lines)
    assert line["event"].startswith('a note by x"}\\x0a{"event"')
    assert not set(line["event"] + line["path"]) & set("\n\r\x1b\u2028\u202e")


def test_a_line_tells_when_where_and_how_grave(lines: Lines) -> None:
    logging.getLogger("tuike.test").error("broke", extra={"account": 7, "anything": "else"})
    (line,) = read(lines)
    assert line["timestamp"].endswith("Z")
    assert (line["level"], line["logger"], line["account"]) == ("error", "tuike.test", 7)
    assert "anything" not in line, "only the fields of the list"
    assert "account" in FIELDS


@pytest.mark.django_db
def test_a_row_that_the_database_refuses_is_not_quoted(lines: Lines) -> None:
    name = "Somebody's own name"
    unfinished = "INSERT INTO accounts_account (handle, display_name) VALUES ('x', %s)"
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        run(unfinished, [name])
    assert name in str(refused.value), "PostgreSQL does quote it"
    logging.getLogger("tuike.test").error("it broke", exc_info=refused.value)
    assert "IntegrityError" in lines.raw.getvalue()
    assert name not in lines.raw.getvalue()


@pytest.mark.django_db
def test_no_secret_of_a_call_reaches_the_log(
    lines: Lines, linda: Person, anyone: APIClient
) -> None:
    """Wrong passwords, wrong tokens, wrong cards: each is refused and told, none is quoted."""
    wrong = "Wrong-Horse-8"
    anyone.post("/v1/auth/token", {"handle": "linda", "password": wrong}, format="json")
    anyone.post("/v1/accounts", {"handle": "ab", "password": wrong}, format="json")
    anyone.get("/v1/me", headers={"authorization": f"Bearer {TOKEN}"})
    body = {"provider": "bank_file", "holder_name": "李小鱼", "number": CARD[:-1] + "5"}
    linda.client.post("/v1/me/payee-account", body, format="json")
    phone = {"receiver": "李小鱼", "phone": "138-0000-0000", "region_code": "1", "detail": "x"}
    linda.client.post("/v1/me/addresses", phone, format="json")
    text = lines.raw.getvalue()
    assert len(read(lines)) >= 4
    for secret in (wrong, TOKEN, linda.token, CARD[:-1], "李小鱼", "138-0000"):
        assert secret not in text


# ---------------------------------------------------------------- what a line says
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "status", "level"),
    [
        ("get", "/v1/me/payouts", 401, "warning"),
        ("get", "/v1/nowhere", 404, "info"),
        ("get", "/v1/categories?x=1", 400, "info"),
        ("delete", "/v1/categories", 405, "info"),
    ],
)
def test_a_refusal_is_told_with_who_what_and_from_where(
    lines: Lines, anyone: APIClient, method: str, path: str, status: int, level: str
) -> None:
    getattr(anyone, method)(path, headers={"x-request-id": "seen-by-us-1"})
    (line,) = [line for line in read(lines) if line["event"] == "refused"]
    assert (line["status"], line["level"], line["method"]) == (status, level, method.upper())
    assert line["path"] == path.partition("?")[0], "a query may hold anything: it is left out"
    assert line["address"] == "127.0.0.1"
    assert line["request_id"] == "seen-by-us-1"


@pytest.mark.django_db
def test_a_stranger_at_anothers_door_is_told_by_account(lines: Lines, mallory: Person) -> None:
    assert mallory.client.get("/v1/orders/20261122XYZ").status_code == 404
    whole = "/v1/metrics/daily?from=2026-11-01&to=2026-11-02"
    assert mallory.client.get(whole).status_code in {403, 404}
    found = [line for line in read(lines) if line["event"] == "refused"]
    assert {line["account"] for line in found} == {mallory.account.pk}
    assert {line["code"] for line in found} <= {"not_found", "not_allowed"}


@pytest.mark.django_db
def test_a_member_of_staff_without_the_right_is_told(lines: Lines) -> None:
    account = AccountFactory.create(is_staff=True)
    assert signed_in(account).get("/admin/accounts/account/").status_code == 403
    (line,) = [line for line in read(lines) if line["event"] == "refused"]
    assert (line["account"], line["status"], line["level"]) == (account.pk, 403, "warning")


def test_a_bug_is_logged_with_its_trace_and_told_without(
    lines: Lines, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller learns an id, the log the rest (V16.5.1)."""

    def broken(*_: object) -> None:
        raise RuntimeError(f"the database said {TOKEN}")

    monkeypatch.setattr("backend.health._redis", broken)
    monkeypatch.setattr("backend.health._database", lambda: "ok")
    client.raise_request_exception = False
    answer = client.get("/readyz", headers={"x-request-id": "seen-by-us-2"})
    assert answer.status_code == 500
    body = answer.json()
    assert body["request_id"] == "seen-by-us-2"
    assert set(body) == {"type", "title", "status", "detail", "code", "request_id"}
    for inner in ("RuntimeError", "Traceback", "backend", "database said"):
        assert inner not in answer.content.decode()
    (line,) = [line for line in read(lines) if line["level"] == "error"]
    assert "RuntimeError" in line["exception"]
    assert line["request_id"] == "seen-by-us-2"
    assert TOKEN not in lines.raw.getvalue()


# ---------------------------------------------------------------- the rule for who writes lines
SECRET_NAMES = {
    "password",
    "token",
    "secret",
    "digest",
    "clear",
    "holder_name",
    "phone",
    "receiver",
    "body",
    "headers",
    "data",
    "raw",
}
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def test_no_line_of_ours_is_given_a_secret_or_a_body() -> None:
    found = [
        f"{path}:{call.lineno} logs {name}"
        for path in python()
        for call in calls(path)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in _LEVELS
        and ast.unparse(call.func.value) in {"log", "logger", "logging"}
        for argument in call.args[1:]
        for node in ast.walk(argument)
        for name in [getattr(node, "attr", getattr(node, "id", ""))]
        if name in SECRET_NAMES
    ]
    assert found == []
