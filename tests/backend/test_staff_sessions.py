"""When a session of staff ends, and one's own page of the sign-in. ASVS V7."""

import time
from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django_otp.oath import hotp
from pytest_django import Settings

from backend.accounts import proof, tokens
from backend.accounts.models import Account, Authenticator, RecoveryCode
from backend.core.clock import now
from backend.tasks import forget_old
from seeds.factories.accounts import PASSWORD
from tests.commissions.money_out import officer
from tests.desk import (
    CODE,
    LOGIN,
    SECRET,
    acts,
    code_of,
    give_password,
    secret_on,
    shown_codes,
    signed_in,
    waited,
    with_phone,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(db: None) -> Account:
    """Staff who may look at payouts."""
    return officer("view_payout")


# ---------------------------------------------------------------- sessions
def test_the_session_key_is_a_new_one_after_each_step(client: Client, clerk: Account) -> None:
    with_phone(clerk)
    client.get(LOGIN)
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    keys = {session.session_key}
    give_password(client, clerk)
    keys.add(client.session.session_key)
    client.post(CODE, {"code": code_of(clerk)})
    keys.add(client.session.session_key)
    assert len(keys) == 3
    assert "planted" not in client.session


def test_signing_in_again_takes_a_new_key_too(clerk: Account) -> None:
    client = signed_in(clerk)
    before = client.session.session_key
    give_password(client, clerk)
    client.post(CODE, {"code": code_of(clerk)})
    assert client.session.session_key != before


def test_a_session_ends_after_half_an_hour_idle(clerk: Account, settings: Settings) -> None:
    client = signed_in(clerk)
    assert client.get("/admin/").status_code == 200
    left = client.session.get_expiry_date().timestamp() - time.time()
    assert 1790 < left <= 1801, "each request begins the half hour anew, in the database"
    session = client.session
    session.set_expiry(-1)
    session.save()
    assert client.get("/admin/").url.startswith(LOGIN)


def test_a_session_ends_after_twelve_hours_however_busy(clerk: Account) -> None:
    client = signed_in(clerk)
    for hours, lives in ((11.9, True), (12.1, False)):
        session = client.session
        session[proof.SIGNED_IN] = int(now().timestamp() - hours * 3600)
        session.save()
        assert (client.get("/admin/").status_code == 200) is lives, hours


def test_a_session_that_says_nothing_of_its_age_is_over(clerk: Account) -> None:
    client = signed_in(clerk)
    session = client.session
    del session[proof.SIGNED_IN]
    session.save()
    assert client.get("/admin/").url.startswith(LOGIN)


def test_a_new_password_ends_every_other_session_and_token(clerk: Account) -> None:
    here, there = signed_in(clerk), signed_in(clerk)
    token, _ = tokens.issue(account=clerk, at=now())
    new = "a-horse-in-the-rain"
    fields = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    before = here.session.session_key
    assert here.post("/admin/password_change/", fields).url == "/admin/my-sign-in/"
    assert here.get("/admin/").status_code == 200
    assert here.session.session_key != before
    assert there.get("/admin/").url.startswith(LOGIN)
    assert tokens.find(token=token, at=now()) is None
    assert acts() == ["password.change"]


def test_a_new_password_of_staff_has_twelve_characters_and_is_no_name_of_ours(
    clerk: Account,
) -> None:
    client = signed_in(clerk)
    for bad in (
        "kx9-bqzw-71",
        "tuike-admin-2026",
        "password1234",
        f"{clerk.handle}-{clerk.handle}",
    ):
        fields = {"old_password": PASSWORD, "new_password1": bad, "new_password2": bad}
        assert client.post("/admin/password_change/", fields).status_code == 200, bad
    clerk.refresh_from_db()
    assert clerk.check_password(PASSWORD)


def test_staff_with_a_shorter_password_change_it_before_anything_else(
    client: Client, clerk: Account
) -> None:
    """It may have been given before they were staff."""
    clerk.set_password("kqzwbxvj")
    clerk.save(update_fields=["password"])
    with_phone(clerk)
    give_password(client, clerk, "kqzwbxvj")
    answer = client.post(CODE, {"code": code_of(clerk)}, follow=True)
    change = "/admin/password_change/"
    assert [where for where, _ in answer.redirect_chain][-1] == change
    for path in ("/admin/", "/admin/commissions/payout/", "/admin/my-sign-in/"):
        assert client.get(path, follow=True).redirect_chain[-1][0] == change
    new = "a-horse-in-the-rain"
    fields = {"old_password": "kqzwbxvj", "new_password1": new, "new_password2": new}
    assert client.post(change, fields).url == "/admin/my-sign-in/"
    assert client.get("/admin/commissions/payout/").status_code == 200


def test_signing_out_everywhere_ends_browsers_and_tokens(clerk: Account) -> None:
    here, there = signed_in(clerk), signed_in(clerk)
    token, _ = tokens.issue(account=clerk, at=now())
    assert here.post("/admin/my-sign-in/", {"do": "leave"}).url == LOGIN
    for client in (here, there):
        assert client.get("/admin/").url.startswith(LOGIN)
    assert tokens.find(token=token, at=now()) is None
    assert signed_in(Account.objects.get(pk=clerk.pk)).get("/admin/").status_code == 200


def test_a_member_of_staff_switched_off_is_out_at_once(clerk: Account) -> None:
    client = signed_in(clerk)
    assert client.get("/admin/").status_code == 200
    Account.objects.filter(pk=clerk.pk).update(is_active=False)
    assert client.get("/admin/").status_code == 302


# ---------------------------------------------------------------- one's own second factor
def test_another_phone_takes_the_place_of_the_old_one_at_its_first_code(clerk: Account) -> None:
    client = signed_in(clerk)
    old = Authenticator.objects.get(user=clerk)
    assert client.post("/admin/my-sign-in/", {"do": "replace"}).url == "/admin/my-sign-in/set-up/"
    secret = secret_on(client.get("/admin/my-sign-in/set-up/").content.decode())
    assert secret != SECRET
    assert Authenticator.objects.filter(pk=old.pk, confirmed=True).exists()
    code = f"{hotp(secret, int(time.time()) // 30):06d}"
    page = client.post("/admin/my-sign-in/set-up/", {"code": code}).content.decode()
    assert len(shown_codes(page)) == 10
    assert Authenticator.objects.get(user=clerk).secret == secret
    assert client.get("/admin/").status_code == 200
    assert acts() == ["second_factor.replace", "sign_in"]


def test_new_recovery_codes_end_the_old_ones(clerk: Account) -> None:
    client = signed_in(clerk)
    first = shown_codes(client.post("/admin/my-sign-in/", {"do": "codes"}).content.decode())
    second = shown_codes(client.post("/admin/my-sign-in/", {"do": "codes"}).content.decode())
    assert (len(first), len(second), set(first) & set(second)) == (10, 10, set())
    other = Client()
    give_password(other, clerk)
    assert other.post(CODE, {"code": first[0]}).status_code == 200
    waited()
    assert other.post(CODE, {"code": second[0]}).status_code == 302


def test_changing_ones_sign_in_asks_for_a_code_again(clerk: Account) -> None:
    client = signed_in(clerk, seconds_ago=400)
    again = "/admin/my-sign-in/again/?next=%2Fadmin%2Fmy-sign-in%2F"
    for wanted in ("codes", "replace"):
        assert client.post("/admin/my-sign-in/", {"do": wanted}).url == again
    assert client.get("/admin/password_change/").url.startswith("/admin/my-sign-in/again/")
    assert RecoveryCode.objects.count() == 0
    assert client.post(again, {"code": "000000"}).status_code == 200
    waited()
    assert client.post(again, {"code": code_of(clerk)}).url == "/admin/my-sign-in/"
    assert (
        len(shown_codes(client.post("/admin/my-sign-in/", {"do": "codes"}).content.decode())) == 10
    )


@override_settings(STAFF_TWO_FACTOR="off")
def test_without_the_policy_nothing_asks_for_codes(client: Client, clerk: Account) -> None:
    give_password(client, clerk)
    assert client.get("/admin/my-sign-in/").status_code == 200
    assert client.get("/admin/password_change/").status_code == 200


def test_ended_sessions_are_forgotten_and_living_ones_stay(clerk: Account) -> None:
    from django.contrib.sessions.models import Session

    lives, over = signed_in(clerk), signed_in(clerk)
    Session.objects.filter(pk=over.session.session_key).update(
        expire_date=now() - timedelta(hours=1)
    )
    forget_old()
    assert Session.objects.filter(pk=lives.session.session_key).exists()
    assert Session.objects.count() == 1
