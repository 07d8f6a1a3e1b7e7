"""The lock-out: what is counted, under which address, what unlocks. The forty tries at once are in
tests/races/test_sign_in.py. ASVS V6.3.1; R9."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.core.management import CommandError, call_command
from django.test import Client, RequestFactory
from pytest_django import Settings
from rest_framework.test import APIClient

from backend.accounts import lockout
from backend.accounts.models import Account, Authenticator
from backend.core.models import AuditEntry
from seeds.factories import AccountFactory
from seeds.factories.accounts import PASSWORD
from tests.cast import Person
from tests.commissions.money_out import officer
from tests.desk import CODE, LOGIN, acts, code_of, give_password, signed_in, waited, with_phone

pytestmark = pytest.mark.django_db
Try = Callable[..., int]


@pytest.fixture
def clerk(db: None) -> Account:
    """Staff who may look at payouts."""
    account = officer("view_payout")
    with_phone(account)
    return account


def desk_try(handle: str, password: str, **meta: str) -> int:
    """A try at the admin's door; its status."""
    return Client(**meta).post(LOGIN, {"username": handle, "password": password}).status_code


def api_try(handle: str, password: str, **meta: str) -> int:
    """A try at the API's door; its status."""
    body = {"handle": handle, "password": password}
    return APIClient().post("/v1/auth/token", body, format="json", **meta).status_code


@pytest.fixture(params=["admin", "api"])
def door(request: pytest.FixtureRequest, settings: Settings) -> tuple[Try, int, int]:
    """A door, and what it answers to a wrong and to a right password."""
    settings.THROTTLE_PER_MINUTE = {**settings.THROTTLE_PER_MINUTE, "sign-in": 0}
    return (desk_try, 200, 302) if request.param == "admin" else (api_try, 401, 201)


# ---------------------------------------------------------------- five of a name from an address
def test_five_wrong_ones_lock_the_right_one_too(door: tuple[Try, int, int]) -> None:
    attempt, wrong, right = door
    account = AccountFactory.create(is_staff=door[0] is desk_try)
    if account.is_staff:
        with_phone(account)
    assert attempt(account.handle, PASSWORD) == right
    assert [attempt(account.handle, "guess") for _ in range(5)][:4] == [wrong] * 4
    assert attempt(account.handle, PASSWORD) == 429
    assert attempt(account.handle, PASSWORD, REMOTE_ADDR="192.0.2.7") == right, "from elsewhere"


def test_an_unknown_name_is_answered_and_locked_like_a_known_one(
    door: tuple[Try, int, int],
) -> None:
    """No enumeration: statuses, bodies and locks are the same."""
    attempt, _, _ = door
    known = AccountFactory.create(handle="known_one", is_staff=True)
    stranger = [attempt("unknown_one", "guess") for _ in range(6)]
    assert [attempt(known.handle, "guess") for _ in range(6)] == stranger
    assert stranger[-1] == 429


def test_the_answer_does_not_say_which_name_exists(client: Client, clerk: Account) -> None:
    customer = AccountFactory.create()
    pages = []
    for handle in (clerk.handle, customer.handle, "nobody_here"):
        page = client.post(LOGIN, {"username": handle, "password": "guess"}).content.decode()
        pages.append(page.replace(handle, "NAME").split("csrfmiddlewaretoken")[0])
        assert "correct" in page
    assert pages[0] == pages[1] == pages[2]
    body: Any = {}
    answers = []
    for handle in (clerk.handle, "nobody_here"):
        body = {"handle": handle, "password": "guess"}
        answers.append(APIClient().post("/v1/auth/token", body, format="json").json())
    assert answers[0] == answers[1]


def test_the_lock_ends_after_a_quarter_of_an_hour_and_is_not_lengthened(clerk: Account) -> None:
    for _ in range(5):
        desk_try(clerk.handle, "guess")
    before = AccessAttempt.objects.get()
    for _ in range(3):
        assert desk_try(clerk.handle, "guess") == 429
    during = AccessAttempt.objects.get()
    assert during.attempt_time == before.attempt_time
    assert during.failures_since_start == 5
    AccessAttempt.objects.update(attempt_time=before.attempt_time - timedelta(minutes=14))
    assert desk_try(clerk.handle, PASSWORD) == 429
    AccessAttempt.objects.update(attempt_time=before.attempt_time - timedelta(minutes=16))
    assert desk_try(clerk.handle, PASSWORD) == 302


def test_a_sign_in_forgives_its_own_failures_and_nobody_elses(clerk: Account) -> None:
    """Who has an account of their own does not clear the way for guessing at others."""
    mallory = AccountFactory.create(handle="mallory")
    for _ in range(3):
        api_try(clerk.handle, "guess")
        api_try("mallory", "guess")
    assert api_try(mallory.handle, PASSWORD) == 201
    assert list(AccessAttempt.objects.values_list("username", "failures_since_start")) == [
        (clerk.handle, 3)
    ]


def test_wrong_codes_count_like_wrong_passwords(client: Client, clerk: Account) -> None:
    give_password(client, clerk)
    for _ in range(4):
        waited()
        assert client.post(CODE, {"code": "000000"}).status_code == 200
    waited()
    assert client.post(CODE, {"code": "000000"}).status_code == 429
    waited()
    assert client.post(CODE, {"code": code_of(clerk)}).status_code == 429
    assert desk_try(clerk.handle, PASSWORD) == 429
    assert acts().count("sign_in.failed") == 4
    assert acts()[-1] == "sign_in.locked"
    attempt = AccessAttempt.objects.get()
    assert "000000" not in attempt.post_data, "codes are not kept"


def test_passwords_are_not_kept_where_failures_are_counted(clerk: Account) -> None:
    desk_try(clerk.handle, "a-secret-guess")
    attempt = AccessAttempt.objects.get()
    assert "a-secret-guess" not in f"{attempt.post_data}{attempt.get_data}"


# ---------------------------------------------------------------- whose address it is
@pytest.mark.parametrize(
    ("proxies", "forwarded", "remote", "expected"),
    [
        (0, None, "198.51.100.9", "198.51.100.9"),
        (0, "1.2.3.4", "198.51.100.9", "198.51.100.9"),
        (1, None, "10.0.0.2", "10.0.0.2"),
        (1, "198.51.100.9", "10.0.0.2", "198.51.100.9"),
        (1, "1.2.3.4, 198.51.100.9", "10.0.0.2", "198.51.100.9"),
        (1, "1.2.3.4,9.9.9.9 , 198.51.100.9 ", "10.0.0.2", "198.51.100.9"),
        (2, "1.2.3.4, 198.51.100.9, 10.0.0.3", "10.0.0.2", "198.51.100.9"),
        (2, "198.51.100.9", "10.0.0.2", "198.51.100.9"),
        (1, "<script>", "10.0.0.2", None),
        (1, "1.2.3.4\x00", "10.0.0.2", None),
        (0, None, "", None),
        (0, None, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (1, "2001:db8:1:2:ffff::1", "10.0.0.2", "2001:db8:1:2::"),
        (0, None, "::ffff:198.51.100.9", "198.51.100.9"),
        (0, None, "fe80::1%eth0", "fe80::"),
    ],
)
def test_the_callers_network_is_what_our_proxies_say(
    settings: Settings, proxies: int, forwarded: str | None, remote: str, expected: str | None
) -> None:
    settings.NUM_PROXIES = proxies
    more = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded is not None else {}
    request = RequestFactory().get("/", REMOTE_ADDR=remote, **more)
    assert lockout.network_of(request) == expected


def test_a_forged_forwarded_for_buys_no_further_try(door: tuple[Try, int, int]) -> None:
    """R9: NUM_PROXIES is 0, so the header is nobody's word."""
    attempt, _, _ = door
    account = AccountFactory.create(is_staff=True)
    statuses = [
        attempt(account.handle, "guess", HTTP_X_FORWARDED_FOR=f"203.0.113.{n}") for n in range(8)
    ]
    assert statuses[5:] == [429] * 3


def test_behind_a_proxy_clients_are_told_apart(settings: Settings, clerk: Account) -> None:
    """Counted under the proxy's own address, five failures of anybody locked everybody out."""
    settings.NUM_PROXIES = 1
    proxy = {"REMOTE_ADDR": "10.0.0.2"}
    for n in range(6):
        forged = f"203.0.113.{n}, 198.51.100.9"
        last = desk_try(clerk.handle, "guess", HTTP_X_FORWARDED_FOR=forged, **proxy)
    assert last == 429
    elsewhere = {"HTTP_X_FORWARDED_FOR": "198.51.100.10", **proxy}
    assert desk_try(clerk.handle, PASSWORD, **elsewhere) == 302


# ---------------------------------------------------------------- the wider counts
def test_a_name_has_a_limit_from_everywhere(
    settings: Settings, door: tuple[Try, int, int], clerk: Account
) -> None:
    settings.SIGN_IN_LIMIT_NAME = 12
    attempt, wrong, _ = door
    for n in range(12):
        last = attempt(clerk.handle, "guess", REMOTE_ADDR=f"198.51.100.{n // 4}")
    assert attempt(clerk.handle, "guess", REMOTE_ADDR="192.0.2.1") == 429
    assert attempt("somebody", "guess", REMOTE_ADDR="192.0.2.1") == wrong
    assert last in (wrong, 429)


def test_a_network_has_a_limit_whatever_the_names(
    settings: Settings, door: tuple[Try, int, int], clerk: Account
) -> None:
    settings.SIGN_IN_LIMIT_ADDRESS = 6
    attempt, wrong, _ = door
    for n in range(6):
        attempt(f"somebody_{n}", "guess", REMOTE_ADDR="198.51.100.7")
    assert attempt(clerk.handle, PASSWORD, REMOTE_ADDR="198.51.100.7") == 429
    assert attempt("somebody_9", "guess", REMOTE_ADDR="198.51.100.8") == wrong


@pytest.mark.parametrize(
    "name",
    [
        "A" * 30,
        "ａｄｍｉｎ",
        "admin\x00",
        "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
        "x" * 5_000,
        "' OR 1=1 --",
    ],
)
def test_strange_names_are_answered(client: Client, name: str) -> None:
    for _ in range(2):
        answer = client.post(LOGIN, {"username": name, "password": "guess"})
        assert answer.status_code in (200, 429)


# ---------------------------------------------------------------- the audit trail, and unlocking
def test_failures_of_staff_stand_in_the_audit_trail_up_to_the_lock(
    clerk: Account, lily: Person
) -> None:
    for _ in range(8):
        desk_try(clerk.handle, "guess")
        desk_try("nobody_here", "guess")
        desk_try(lily.account.handle, "guess")
    assert acts() == ["sign_in.failed"] * 4 + ["sign_in.locked"]
    entry = AuditEntry.objects.latest("id")
    assert (entry.actor, entry.target_id) == (None, str(clerk.pk))
    assert entry.data == {"door": "admin", "address": "127.0.0.1"}


def test_a_superuser_unlocks_with_a_code_and_a_reason(staff: Person, clerk: Account) -> None:
    for _ in range(5):
        desk_try(clerk.handle, "guess")
    row = AccessAttempt.objects.get()
    path = "/admin/accounts/failedsignin/"
    wanted = {"action": "unlock_selected", "_selected_action": [row.pk], "index": "0"}
    stale = signed_in(staff.account, seconds_ago=400)
    assert "locked" in stale.get(path).content.decode()
    page = stale.post(path, {**wanted, "confirmed": "yes", "reason": "rang me"}).content.decode()
    assert 'name="code"' in page
    assert desk_try(clerk.handle, PASSWORD) == 429
    answer = {"confirmed": "yes", "reason": "rang me", "code": code_of(staff.account)}
    stale.post(path, {**wanted, **answer})
    assert desk_try(clerk.handle, PASSWORD) == 302
    entry = AuditEntry.objects.get(action="sign_in.unlock")
    assert (entry.actor, entry.reason) == (staff.account, "rang me")
    assert entry.data == {"name": clerk.handle, "address": "127.0.0.1"}


def test_others_of_the_staff_do_not_unlock(clerk: Account) -> None:
    desk_try(clerk.handle, "guess")
    row = AccessAttempt.objects.get()
    looker = signed_in(officer("view_failedsignin", "change_failedsignin"))
    data = {
        "action": "unlock_selected",
        "_selected_action": [row.pk],
        "confirmed": "yes",
        "reason": "x",
    }
    looker.post("/admin/accounts/failedsignin/", data)
    assert AccessAttempt.objects.count() == 1


def test_the_command_line_unlocks_a_name(clerk: Account) -> None:
    for _ in range(5):
        desk_try(clerk.handle, "guess")
    out = StringIO()
    call_command("unlock_sign_in", clerk.handle, reason="asked by phone", stdout=out)
    assert "1 rows" in out.getvalue()
    assert desk_try(clerk.handle, PASSWORD) == 302
    entry = AuditEntry.objects.get(action="sign_in.unlock")
    assert (entry.actor, entry.reason) == (None, "asked by phone")
    with pytest.raises(CommandError):
        call_command("unlock_sign_in", "nobody_here", reason="x", stdout=out)


# ---------------------------------------------------------------- staff at the API's door
def token(handle: str, **more: str) -> Any:
    """The API's answer to a sign-in."""
    body = {"handle": handle, "password": PASSWORD, **more}
    return APIClient().post("/v1/auth/token", body, format="json")


def test_staff_take_no_token_by_password_alone(clerk: Account) -> None:
    answer = token(clerk.handle)
    assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_needed")
    answer = token(clerk.handle, code="000000")
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_code")
    assert AccessAttempt.objects.get().failures_since_start == 1, "a code left out is no guess"
    waited()
    code = code_of(clerk)
    assert token(clerk.handle, code=code).status_code == 201
    assert token(clerk.handle, code=code).json()["code"] == "wrong_code"
    Authenticator.objects.all().delete()
    answer = token(clerk.handle, code=code)
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_missing")


def test_customers_need_no_code(lily: Person) -> None:
    assert token("lily").status_code == 201
    assert acts() == [], "customers' sign-ins stand in the log"
