"""Accounts through REST: A1, A2."""

from rest_framework.test import APIClient

from tests.cast import Person


def test_signs_up_and_in_and_out(db: None, anyone: APIClient) -> None:
    fields = {"handle": "Nana_01", "password": "a-long-enough-pass", "display_name": "娜娜🌸"}
    answer = anyone.post("/v1/accounts", fields, format="json")
    assert answer.status_code == 201, answer.content
    assert answer.json()["handle"] == "nana_01"
    answer = anyone.post(
        "/v1/auth/token",
        {"handle": "nana_01", "password": "a-long-enough-pass"},
        format="json",
    )
    assert answer.status_code == 201
    anyone.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['token']}")
    assert anyone.get("/v1/me").json()["capabilities"][0] == "author"
    assert anyone.delete("/v1/auth/token").status_code == 204
    assert anyone.get("/v1/me").status_code == 401


def test_a_taken_handle_is_refused_by_name(lily: Person, anyone: APIClient) -> None:
    fields = {"handle": "LILY", "password": "a-long-enough-pass", "display_name": "x"}
    answer = anyone.post("/v1/accounts", fields, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "handle_taken")
    assert answer["Content-Type"] == "application/problem+json"


def test_unknown_fields_and_hidden_characters_are_refused(lily: Person) -> None:
    answer = lily.client.patch("/v1/me", {"follower_count": 9}, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["follower_count"])
    answer = lily.client.patch("/v1/me", {"bio": "a\u202eb"}, format="json")
    assert answer.status_code == 422
    answer = lily.client.patch("/v1/me", {"bio": "a\u0000b"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
