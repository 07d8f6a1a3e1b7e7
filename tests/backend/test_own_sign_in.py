"""One's own tokens, a forgotten password, how long a token lives (ASVS V6.4, V7.1 to V7.5)."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from backend.accounts import resets, tokens
from backend.accounts.models import AccessToken, Account, PasswordReset
from backend.core.clock import now
from backend.core.errors import Invalid, NotAllowed, NotFound
from backend.core.models import AuditEntry
from seeds.factories import AccountFactory
from seeds.factories.accounts import PASSWORD
from tests.cast import Person
from tests.commissions.money_out import officer
from tests.desk import code_of, signed_in

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
NEW = "a wholly new one 9"


# ---------------------------------------------------------------- how long a token lives
def test_a_token_ends_after_ninety_days_however_busy(lily: Person) -> None:
    text, row = tokens.issue(account=lily.account, at=AT)
    for day in range(0, 90, 10):
        assert tokens.find(token=text, at=AT + day * DAY) == (lily.account, row.pk)
    assert tokens.find(token=text, at=AT + 90 * DAY) is None


def test_a_token_that_nobody_uses_ends_after_thirty_days(lily: Person) -> None:
    text, _ = tokens.issue(account=lily.account, at=AT)
    assert tokens.find(token=text, at=AT + 29 * DAY)
    assert tokens.find(token=text, at=AT + 58 * DAY), "its use is remembered"
    assert tokens.find(token=text, at=AT + 88 * DAY) is None


def test_a_token_from_before_uses_were_written_is_counted_from_its_first_day(lily: Person) -> None:
    text, row = tokens.issue(account=lily.account, at=AT)
    AccessToken.objects.filter(pk=row.pk).update(last_used_at=None)
    assert tokens.find(token=text, at=AT + 29 * DAY)
    AccessToken.objects.filter(pk=row.pk).update(last_used_at=None)
    assert tokens.find(token=text, at=AT + 30 * DAY) is None


def test_a_use_is_written_once_a_day(
    lily: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    text, row = tokens.issue(account=lily.account, at=AT)
    with django_assert_num_queries(1):
        tokens.find(token=text, at=AT + timedelta(hours=23))
    with django_assert_num_queries(2):
        tokens.find(token=text, at=AT + DAY)
    with django_assert_num_queries(1):
        tokens.find(token=text, at=AT + DAY)
    row.refresh_from_db()
    assert row.last_used_at == AT + DAY


def test_the_twenty_first_sign_in_ends_the_oldest(lily: Person) -> None:
    AccessToken.objects.all().delete()
    texts = [tokens.issue(account=lily.account, at=AT)[0] for _ in range(21)]
    assert tokens.find(token=texts[0], at=AT) is None
    assert all(tokens.find(token=text, at=AT) for text in texts[1:])
    assert tokens.living(account=lily.account, at=AT).count() == 20


def test_a_switched_off_account_has_no_token(lily: Person) -> None:
    Account.objects.filter(pk=lily.account.pk).update(is_active=False)
    assert lily.client.get("/v1/me").status_code == 401


def test_every_token_is_another_and_lies_digested(lily: Person) -> None:
    found = {tokens.issue(account=lily.account, at=AT)[0] for _ in range(30)}
    assert len(found) == 30
    assert {len(text) for text in found} == {49}
    kept = {bytes(row.digest) for row in AccessToken.objects.all()}
    assert not any(text.encode() in digest for text in found for digest in kept)


def test_signing_in_with_a_token_in_hand_ends_it(lily: Person) -> None:
    body = {"handle": "lily", "password": PASSWORD}
    answer = lily.client.post("/v1/auth/token", body, format="json")
    assert answer.status_code == 201
    assert lily.client.get("/v1/me").status_code == 401
    lily.client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['token']}")
    assert lily.client.get("/v1/me").status_code == 200


# ---------------------------------------------------------------- where one is signed in
def test_people_see_where_they_are_signed_in_and_end_one_for_their_password(
    lily: Person, mallory: Person
) -> None:
    other, row = tokens.issue(account=lily.account, at=now(), label="old phone")
    answer = lily.client.get("/v1/me/tokens").json()
    assert [(one["label"], one["current"]) for one in answer["results"]] == [
        ("old phone", False),
        ("", True),
    ]
    assert "digest" not in answer["results"][0]
    url = f"/v1/me/tokens/{row.pk}/end"
    wrong = lily.client.post(url, {"current_password": "not it at all"}, format="json")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_current_password")
    assert tokens.find(token=other, at=now())
    stranger = mallory.client.post(url, {"current_password": PASSWORD}, format="json")
    assert stranger.status_code == 404
    assert lily.client.post(url, {"current_password": PASSWORD}, format="json").status_code == 204
    assert tokens.find(token=other, at=now()) is None
    assert lily.client.get("/v1/me").status_code == 200, "the caller's own stays"
    again = lily.client.post(url, {"current_password": PASSWORD}, format="json")
    assert again.status_code == 404


# ---------------------------------------------------------------- a forgotten password
def reset(client: APIClient, code: str, handle: str = "lily", password: str = NEW) -> int:
    body = {"handle": handle, "code": code, "password": password}
    return client.post("/v1/auth/password-reset", body, format="json").status_code


def test_a_code_sets_one_new_password_and_ends_what_was_open(
    lily: Person, anyone: APIClient
) -> None:
    by = officer("reset_password")
    code = resets.give(
        account_id=lily.account.pk, by=by, reason="video call, identity card", at=now()
    )
    assert len(code) == 22
    stored = bytes(PasswordReset.objects.get().digest)
    assert code.encode() not in stored
    entry = AuditEntry.objects.get(action="password.reset_code")
    assert (entry.actor, entry.reason) == (by, "video call, identity card")
    assert code not in str(entry.data)
    assert reset(anyone, code) == 204
    assert lily.client.get("/v1/me").status_code == 401, "every token ended"
    body = {"handle": "lily", "password": NEW}
    assert anyone.post("/v1/auth/token", body, format="json").status_code == 201
    assert reset(anyone, code) == 401, "a code is used once"


def test_a_code_is_good_for_an_hour_for_its_own_handle_and_the_last_one_counts(
    lily: Person, mallory: Person, anyone: APIClient
) -> None:
    by, soon = officer("reset_password"), now()
    stale = resets.give(account_id=lily.account.pk, by=by, reason="x", at=soon - resets.LIVES)
    assert reset(anyone, stale) == 401
    first = resets.give(account_id=lily.account.pk, by=by, reason="x", at=soon)
    second = resets.give(account_id=lily.account.pk, by=by, reason="x", at=soon)
    assert reset(anyone, first) == 401
    assert reset(anyone, second, handle="mallory") == 401
    assert reset(anyone, second, handle="nobody_at_all") == 401
    assert reset(anyone, second, password="12345678") == 422, "a weak one leaves the code"
    assert reset(anyone, second) == 204


def test_guessing_codes_locks_the_name(lily: Person, anyone: APIClient) -> None:
    statuses = [reset(anyone, f"{number:022d}".replace("0", "z")) for number in range(1, 8)]
    assert statuses[:5] == [401] * 5
    assert set(statuses[5:]) == {429}


def test_a_code_replaces_no_second_factor(anyone: APIClient) -> None:
    clerk = AccountFactory.create(is_staff=True, handle="clerk")
    signed_in(clerk)
    boss = officer("reset_password")
    boss.is_superuser = True
    code = resets.give(account_id=clerk.pk, by=boss, reason="came to the desk", at=now())
    assert reset(anyone, code, handle="clerk", password=f"{NEW} and longer") == 204
    body = {"handle": "clerk", "password": f"{NEW} and longer"}
    assert anyone.post("/v1/auth/token", body, format="json").json()["code"] == (
        "second_factor_needed"
    )
    body["code"] = code_of(clerk)
    assert anyone.post("/v1/auth/token", body, format="json").status_code == 201


def test_who_may_give_codes_to_whom(lily: Person) -> None:
    clerk, by = AccountFactory.create(is_staff=True), officer("reset_password")
    for account, giver in ((clerk, by), (by, by), (lily.account, officer("view_payout"))):
        with pytest.raises(NotAllowed):
            resets.give(account_id=account.pk, by=giver, reason="x", at=AT)
    with pytest.raises(Invalid):
        resets.give(account_id=lily.account.pk, by=by, reason=" ", at=AT)
    with pytest.raises(NotFound):
        resets.give(account_id=10**9, by=by, reason="x", at=AT)
    assert not PasswordReset.objects.exists()
    assert not AuditEntry.objects.filter(action="password.reset_code").exists()


def test_the_page_asks_why_and_shows_the_code_once(lily: Person, anyone: APIClient) -> None:
    by = officer("reset_password", "view_account", "change_account")
    client = signed_in(by)
    url = f"/admin/accounts/account/{lily.account.pk}/reset_code/"
    assert client.post(url, {"confirmed": "yes"}).content.count(b"base58") == 0
    assert not PasswordReset.objects.exists(), "not without a reason"
    page = client.post(url, {"confirmed": "yes", "reason": "known voice"})
    assert "no-store" in page["Cache-Control"]
    code = next(word for word in page.content.decode().split() if reset_like(word))
    assert reset(anyone, code[code.index(">") + 1 : code.rindex("<")]) == 204


def reset_like(word: str) -> bool:
    """Whether a word of a page is an element holding 22 letters."""
    inner = word.partition(">")[2].partition("<")[0]
    return len(inner) == 22 and inner.isalnum()


# ---------------------------------------------------------------- what is told of it
def test_sign_ins_and_failures_are_told_without_what_was_typed(
    lily: Person, anyone: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Who, from where and how; never what was typed: a password lands in the field above too."""
    typed = "my-password-1"
    with caplog.at_level("INFO", logger="backend.accounts.signin"):
        for body in (
            {"handle": "lily", "password": PASSWORD},
            {"handle": "lily", "password": typed},
            {"handle": typed, "password": typed},
        ):
            anyone.post("/v1/auth/token", body, format="json")
    told = [
        record.getMessage() for record in caplog.records if record.name == "backend.accounts.signin"
    ]
    assert told == [
        "lily signed in at the api from 127.0.0.1 by password",
        "a sign-in as lily failed at the api from 127.0.0.1",
        "a sign-in as [unknown] failed at the api from 127.0.0.1",
    ]
