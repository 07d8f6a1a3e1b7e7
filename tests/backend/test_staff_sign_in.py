"""The staff's sign-in over HTTP: password, code, set-up, what is reachable between the steps, and
when a session ends. ASVS V6.5, V7."""

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django_otp.oath import hotp
from pytest_django import Settings

from backend.accounts import passwords, second_factor
from backend.accounts.models import Account, Authenticator, RecoveryCode
from backend.core.clock import now
from backend.core.models import AuditEntry
from seeds.factories import AccountFactory
from seeds.factories.accounts import PASSWORD
from tests.commissions.money_out import officer
from tests.desk import (
    CODE,
    LOGIN,
    SET_UP,
    acts,
    code_of,
    give_password,
    secret_on,
    set_up,
    shown_codes,
    waited,
    with_phone,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(db: None) -> Account:
    """Staff who may look at payouts."""
    return officer("view_payout")


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
