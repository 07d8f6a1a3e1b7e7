"""The staff's sign-in over HTTP: password, code, set-up, what is reachable between the steps, and
when a session ends. ASVS V6.5, V7."""

import base64
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client, override_settings
from django_otp.oath import hotp
from pytest_django import Settings

from backend.accounts import passwords, proof, second_factor, tokens
from backend.accounts.models import Account, Authenticator, RecoveryCode, RecoveryCodes
from backend.core.clock import now
from backend.core.models import AuditEntry
from seeds.factories import AccountFactory
from seeds.factories.accounts import PASSWORD
from tests.commissions.money_out import officer
from tests.desk import SECRET, code_of, signed_in, with_phone

pytestmark = pytest.mark.django_db
LOGIN, CODE, SET_UP = "/admin/login/", "/admin/login/code/", "/admin/login/set-up/"


@pytest.fixture
def clerk(db: None) -> Account:
    """Staff who may look at payouts."""
    return officer("view_payout")


def give_password(client: Client, account: Account, password: str = PASSWORD, **more: str) -> Any:
    """The first step."""
    return client.post(LOGIN, {"username": account.handle, "password": password, **more})


def acts() -> list[str]:
    """What the audit trail says, oldest first."""
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def secret_on(page: str) -> bytes:
    """The secret that the set-up page shows for typing."""
    found = re.search(r'id="secret">([A-Z2-7 ]+)<', page)
    assert found
    return base64.b32decode(found[1].replace(" ", ""))


def shown_codes(page: str) -> list[str]:
    """The recovery codes on a page."""
    return re.findall(r">([2-9a-hj-km-np-z]{5}-[2-9a-hj-km-np-z]{5})<", page)


def set_up(client: Client, account: Account) -> tuple[bytes, list[str]]:
    """The first sign-in, whole: the secret and the recovery codes."""
    assert give_password(client, account).url == SET_UP
    secret = secret_on(client.get(SET_UP).content.decode())
    page = client.post(SET_UP, {"code": f"{hotp(secret, int(time.time()) // 30):06d}"})
    return secret, shown_codes(page.content.decode())


def waited() -> None:
    """As if the seconds after a wrong code had passed."""
    for devices in (Authenticator, RecoveryCodes):
        devices.objects.update(throttling_failure_count=0)


# ---------------------------------------------------------------- the first sign-in
def test_the_first_sign_in_sets_the_second_factor_up_and_nothing_else_is_reachable(
    client: Client, clerk: Account
) -> None:
    answer = give_password(client, clerk)
    assert answer.url == SET_UP
    for path in (
        "/admin/",
        "/admin/commissions/payout/",
        "/admin/my-sign-in/",
        "/admin/password_change/",
    ):
        assert client.get(path).url.startswith(LOGIN), path
    page = client.get(SET_UP).content.decode()
    secret = secret_on(page)
    assert "<svg" in page, "the QR picture stands in the page itself"
    assert client.post(SET_UP, {"code": "000000"}).status_code == 200
    assert client.get("/admin/").url.startswith(LOGIN)
    assert not second_factor.has(clerk), "an unconfirmed device counts for nothing"
    assert client.get(CODE).url == LOGIN, "there is nothing yet to ask a code of"
    waited()
    page = client.post(SET_UP, {"code": f"{hotp(secret, int(time.time()) // 30):06d}"})
    assert len(set(shown_codes(page.content.decode()))) == 10
    assert client.get("/admin/commissions/payout/").status_code == 200
    assert second_factor.has(clerk)
    assert acts() == ["second_factor.wrong_code", "second_factor.enrol", "sign_in"]


def test_the_secret_and_the_recovery_codes_lie_sealed_and_hashed(
    client: Client, clerk: Account
) -> None:
    secret, codes = set_up(client, clerk)
    device = Authenticator.objects.get()
    assert secret.hex().encode() not in bytes(device.sealed_secret)
    assert secret not in bytes(device.sealed_secret)
    assert device.secret == secret
    kept = list(RecoveryCode.objects.values_list("digest", flat=True))
    assert len(kept) == len(set(kept)) == 10
    assert not any(code.replace("-", "") in digest for code in codes for digest in kept)


def test_who_saw_an_unfinished_secret_does_not_know_the_next_one(clerk: Account) -> None:
    first, second = Client(), Client()
    give_password(first, clerk)
    seen = secret_on(first.get(SET_UP).content.decode())
    give_password(second, clerk)
    assert secret_on(second.get(SET_UP).content.decode()) != seen
    assert first.get(SET_UP).url == LOGIN
    code = f"{hotp(seen, int(time.time()) // 30):06d}"
    assert second.post(SET_UP, {"code": code}).status_code == 200
    assert not second_factor.has(clerk)


# ---------------------------------------------------------------- every other sign-in
def test_a_password_alone_opens_nothing_and_the_code_leads_where_one_wanted_to_go(
    client: Client, clerk: Account
) -> None:
    with_phone(clerk)
    wanted = "/admin/commissions/payout/"
    answer = client.post(f"{LOGIN}?next={wanted}", {"username": clerk.handle, "password": PASSWORD})
    assert answer.url == CODE
    assert client.get("/admin/").url.startswith(LOGIN)
    assert "_auth_user_id" not in client.session, "nobody is signed in half-way"
    answer = client.post(CODE, {"code": code_of(clerk)})
    assert answer.url == wanted
    assert client.get(wanted).status_code == 200
    entry = AuditEntry.objects.get(action="sign_in")
    assert (entry.actor, entry.data) == (
        clerk,
        {"door": "admin", "address": "127.0.0.1", "how": "code"},
    )


def test_a_code_is_taken_once(clerk: Account) -> None:
    with_phone(clerk)
    code = code_of(clerk)
    first, second = Client(), Client()
    for client in (first, second):
        give_password(client, clerk)
    assert first.post(CODE, {"code": code}).status_code == 302
    page = second.post(CODE, {"code": code})
    assert "This code was used already" in page.content.decode()
    assert second.get("/admin/").status_code == 302


@pytest.mark.parametrize(
    ("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_phone_may_be_one_step_off(clerk: Account, steps: int, taken: bool) -> None:
    device = with_phone(clerk)
    moment = 1_800_000_015
    code = device.code_at(moment // 30 + steps)
    try:
        second_factor.check(account=clerk, code=code, unix=moment, at=now())
    except second_factor.WrongCode:
        assert not taken
    else:
        assert taken


@pytest.mark.parametrize(
    "code",
    [
        "",
        "1",
        "12345",
        "1234567",
        "１２３４５６",
        "+12345",
        "1_2345",
        "١٢٣٤٥٦",
        "0x1234",
        " ",
        "a" * 20,
    ],
)
def test_what_is_no_code_is_refused(client: Client, clerk: Account, code: str) -> None:
    with_phone(clerk)
    give_password(client, clerk)
    assert client.post(CODE, {"code": code}).status_code == 200
    assert client.get("/admin/").status_code == 302


def test_wrong_codes_make_wait_ever_longer(clerk: Account) -> None:
    device = with_phone(clerk)
    at, unix = now(), int(time.time())
    with pytest.raises(second_factor.WrongCode):
        second_factor.check(account=clerk, code="000000", unix=unix, at=at)
    right = device.code_at(unix // 30)
    with pytest.raises(second_factor.TooManyCodes):
        second_factor.check(account=clerk, code=right, unix=unix, at=at)
    Authenticator.objects.update(throttling_failure_count=10)
    with pytest.raises(second_factor.TooManyCodes) as refused:
        second_factor.check(account=clerk, code=right, unix=unix, at=at)
    assert 505 < refused.value.extra["retry_after"] <= 513
    assert acts() == ["second_factor.wrong_code"], "tries during the wait are not recorded"


def test_a_recovery_code_opens_once(clerk: Account) -> None:
    _, codes = set_up(Client(), clerk)
    for client, code, opens in ((Client(), codes[3], True), (Client(), codes[3].upper(), False)):
        give_password(client, clerk)
        answer = client.post(CODE, {"code": code})
        assert (answer.status_code == 302) is opens
        assert (client.get("/admin/").status_code == 200) is opens
    assert second_factor.codes_left(clerk) == 9
    entry = AuditEntry.objects.get(action="second_factor.recovery")
    assert (entry.actor, entry.data) == (clerk, {"left": 9})


def test_someone_elses_code_does_not_open(client: Client, clerk: Account) -> None:
    with_phone(clerk)
    other = officer("view_payout")
    with_phone(other, b"another secret......")
    give_password(client, clerk)
    assert client.post(CODE, {"code": code_of(other)}).status_code == 200
    assert client.get("/admin/").status_code == 302


def test_half_way_ends_after_ten_minutes_and_with_the_password(
    client: Client, clerk: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_phone(clerk)
    give_password(client, clerk)
    assert client.get(CODE).status_code == 200
    later = now() + timedelta(minutes=11)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backend.accounts.admin.sign_in.now", lambda: later)
        assert client.get(CODE).url == LOGIN
    passwords.give(account=clerk, password="another-password-9", by=clerk, at=now())
    assert client.post(CODE, {"code": code_of(clerk)}).url == LOGIN


def test_customers_do_not_enter_whatever_they_know(client: Client) -> None:
    customer = AccountFactory.create()
    with_phone(customer)
    page = give_password(client, customer)
    assert page.status_code == 200
    assert client.get(CODE).url == LOGIN


# ---------------------------------------------------------------- the policy
@pytest.mark.parametrize(
    ("policy", "right", "superuser", "asked"),
    [
        ("required", "view_payout", False, True),
        ("money", "view_payout", False, False),
        ("money", "approve_payout", False, True),
        ("money", "prepare_payout", False, True),
        ("money", "unmask_payeeaccount", False, True),
        ("money", "change_order", False, True),
        ("money", "view_payout", True, True),
        ("off", "approve_payout", True, False),
    ],
)
def test_who_is_asked(
    client: Client, settings: Settings, policy: str, right: str, superuser: bool, asked: bool
) -> None:
    settings.STAFF_TWO_FACTOR = policy
    account = AccountFactory.create(is_staff=True, is_superuser=superuser)
    account.user_permissions.add(Permission.objects.get(codename=right))
    answer = give_password(client, account)
    assert answer.url == (SET_UP if asked else "/admin/")
    assert (client.get("/admin/").status_code == 200) is not asked


def test_who_has_set_one_up_without_having_to_is_asked(client: Client, settings: Settings) -> None:
    settings.STAFF_TWO_FACTOR = "money"
    clerk = officer("view_payout")
    with_phone(clerk)
    assert give_password(client, clerk).url == CODE


def test_a_session_from_before_the_policy_is_asked_for_its_code(
    client: Client, settings: Settings, clerk: Account
) -> None:
    settings.STAFF_TWO_FACTOR = "off"
    give_password(client, clerk)
    assert client.get("/admin/").status_code == 200
    settings.STAFF_TWO_FACTOR = "required"
    assert client.get("/admin/").url.startswith(LOGIN)


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
