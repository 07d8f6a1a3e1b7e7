"""Limits answer 429 with the seconds to wait, and a dead Redis does not take the shop down."""

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from tests.cast import Person


def test_the_eleventh_sign_in_of_a_minute_is_refused(
    lily: Person, anyone: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.THROTTLE_PER_MINUTE, "sign-in", 3)
    body = {"handle": "lily", "password": "wrong"}
    answers = [anyone.post("/v1/auth/token", body, format="json") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert answers[0].json()["code"] == "wrong_password"
    assert answers[-1].json()["code"] == "throttled"
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60


def test_a_forged_forwarded_for_header_buys_no_further_calls(
    lily: Person, anyone: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.THROTTLE_PER_MINUTE, "sign-in", 3)
    body = {"handle": "lily", "password": "wrong"}
    codes = [
        anyone.post(
            "/v1/auth/token", body, format="json", headers={"X-Forwarded-For": f"10.0.0.{n}"}
        ).status_code
        for n in range(4)
    ]
    assert codes == [401, 401, 401, 429]


def test_calls_pass_while_redis_is_away(lily: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    from redis.exceptions import ConnectionError as Away

    def away(*_: object) -> None:
        raise Away("gone")

    monkeypatch.setattr("backend.rest.throttles.hit", away)
    assert lily.client.get("/v1/me").status_code == 200
