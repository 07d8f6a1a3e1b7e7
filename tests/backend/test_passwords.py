"""What a password must be (ASVS V6.2): lengths, lists, names; nothing about kinds of characters."""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.hashers import get_hasher, identify_hasher, make_password
from django.test import override_settings
from rest_framework.test import APIClient

from backend.accounts import passwords
from backend.accounts.models import Account
from backend.accounts.passwords import WeakPassword
from tests.cast import Person

LILY = Account(handle="lily_2026", display_name="Lily Rainwater", phone="13800001234")
STAFF = Account(handle="finance_a", display_name="财务初审", is_staff=True)


@pytest.mark.parametrize(
    "password",
    [
        "kx9-bqz",  # seven
        "12345678",  # digits alone are fine, but this one is common
        "password1",
        "iloveyou1",
        "qwertyuiop",
        "1qaz2wsx",
        "lily_2026",  # the handle
        "lily_2026lily_2026",
        "2026_ylil",
        "lilyrainwater",  # the name
        "13800001234",  # the number
        "tuike2026!",
        "Tuike-Admin-1",
        "小红书推客2026",
        "demo-shop-99",
    ],
)
def test_what_others_would_try_first_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword) as refused:
        passwords.check(password, LILY)
    assert refused.value.fields["password"]


@pytest.mark.parametrize(
    "password",
    [
        "kqzwbxvj",  # eight letters, one kind
        "correct horse battery staple",
        "            x z q",  # spaces count
        "雨里的马走得很慢啊",
        "🐎🌧🐎🌧🐎🌧🐎🌧",
        "my-shop-is-a-quiet-place",  # a word of ours in a sentence of one's own
        "x7" * 64,  # 128
    ],
)
def test_long_and_ones_own_is_enough(password: str) -> None:
    passwords.check(password, LILY)


def test_staff_need_twelve(db: None) -> None:
    with pytest.raises(WeakPassword):
        passwords.check("kqzwbxvjmpt", STAFF)
    passwords.check("kqzwbxvjmptr", STAFF)


def test_nothing_is_cut_off_and_case_counts(db: None, anyone: APIClient) -> None:
    """ASVS V6.2.8, V6.2.9: up to 128 characters, taken as they are typed."""
    long = "wind over the Harbour " * 5 + "at night, quietly!"
    assert len(long) == 128
    fields = {"handle": "nana", "password": long, "display_name": "娜娜"}
    assert anyone.post("/v1/accounts", fields, format="json").status_code == 201
    for password, status in (
        (long, 201),
        (long[:-1], 401),
        (long.lower(), 401),
        (f" {long[1:]}", 401),
    ):
        answer = anyone.post(
            "/v1/auth/token", {"handle": "nana", "password": password}, format="json"
        )
        assert answer.status_code == status
    fields = {"handle": "nono", "password": f"{long}x", "display_name": "x"}
    assert anyone.post("/v1/accounts", fields, format="json").status_code == 422


@override_settings(PASSWORD_HASHERS=["backend.accounts.hashers.Scrypt"])
def test_passwords_are_stored_by_scrypt() -> None:
    """OWASP's parameters: N 2^15, r 8, p 3, and a salt of its own each time."""
    first, second = make_password("correct-horse"), make_password("correct-horse")
    assert first.startswith("scrypt$32768$")
    assert first != second
    assert identify_hasher(first).decode(first)["parallelism"] == 3
    assert get_hasher().algorithm == "scrypt"


def test_every_validator_knows_the_accounts_own_fields() -> None:
    """Django's looks at username, first_name, last_name and email by default: we have none."""
    known = {field.name for field in Account._meta.get_fields()}
    for entry in django_settings.AUTH_PASSWORD_VALIDATORS:
        options: Any = entry.get("OPTIONS", {})
        assert set(options.get("user_attributes", [])) <= known


# ---------------------------------------------------------------- changing it
def change(person: Person, current: str, password: str) -> Any:
    body = {"current_password": current, "password": password}
    return person.client.post("/v1/me/password", body, format="json")


def test_a_changed_password_ends_every_token(lily: Person, anyone: APIClient) -> None:
    from seeds.factories.accounts import PASSWORD

    assert change(lily, PASSWORD, "a-horse-in-the-rain").status_code == 204
    assert lily.client.get("/v1/me").status_code == 401
    for password, status in ((PASSWORD, 401), ("a-horse-in-the-rain", 201)):
        body = {"handle": "lily", "password": password}
        assert anyone.post("/v1/auth/token", body, format="json").status_code == status


@pytest.mark.parametrize(
    ("current", "password", "code", "field"),
    [
        ("not-it-at-all", "a-horse-in-the-rain", "wrong_current_password", "current_password"),
        ("tuike-demo-2026", "short", "weak_password", "password"),
        ("tuike-demo-2026", "lily-lily-lily", "weak_password", "password"),
    ],
)
def test_a_refused_change_changes_nothing(
    lily: Person, current: str, password: str, code: str, field: str
) -> None:
    answer = change(lily, current, password)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert list(answer.json()["errors"]) == [field]
    assert lily.client.get("/v1/me").status_code == 200
    lily.account.refresh_from_db()
    assert lily.account.check_password("tuike-demo-2026")


def test_guessing_the_present_password_locks_too(lily: Person) -> None:
    """Who has found a token does not find the password by it."""
    answers = [change(lily, f"guess-{n}-{n}", "a-horse-in-the-rain") for n in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert answers[-1].json()["code"] == "sign_in_locked"
    assert int(answers[-1]["Retry-After"]) == 900


def test_signing_out_everywhere_ends_every_token(lily: Person) -> None:
    assert lily.client.delete("/v1/me/tokens").status_code == 204
    assert lily.client.get("/v1/me").status_code == 401
