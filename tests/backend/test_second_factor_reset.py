"""Rights, passwords and second factors of others: superusers change them with a code, and every one
is an audit entry; keys rotate. ASVS V6.4, V7.4."""

from io import StringIO

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from backend.accounts import checks, second_factor, tokens
from backend.accounts.models import Authenticator
from backend.core import sealing
from backend.core.clock import now
from backend.core.errors import NotAllowed, NotFound
from backend.core.models import AuditEntry
from seeds.factories import AccountFactory
from tests.cast import Person
from tests.commissions.money_out import officer
from tests.desk import acts, code_of, give_password, signed_in, with_phone

pytestmark = pytest.mark.django_db
STALE = 400  # seconds; the limit is 300


# ---------------------------------------------------------------- rights
def test_rights_are_changed_by_superusers_with_a_code(staff: Person) -> None:
    mate = AccountFactory.create(handle="mate")
    path = reverse("admin:accounts_account_change", args=[mate.pk])
    fields = {"handle": "mate", "display_name": "x", "verification": "none", "is_active": "on"}
    stale = signed_in(staff.account, seconds_ago=STALE)
    assert "/admin/my-sign-in/again/" in stale.get(path).content.decode()
    stale.post(path, {**fields, "is_staff": "on", "is_superuser": "on"})
    mate.refresh_from_db()
    assert (mate.is_staff, mate.is_superuser) == (False, False)
    fresh_one = signed_in(staff.account)
    fresh_one.post(path, {**fields, "is_staff": "on"})
    mate.refresh_from_db()
    assert (mate.is_staff, mate.is_superuser) == (True, False)
    assert "is_staff" in AuditEntry.objects.latest("id").data["fields"]


def test_groups_are_changed_by_superusers_with_a_code(staff: Person) -> None:
    group = Group.objects.create(name="desk")
    right = Permission.objects.get(codename="approve_payout")
    path = reverse("admin:auth_group_change", args=[group.pk])
    clerk = officer("view_group", "change_group", "add_group", "delete_group")
    for client in (signed_in(clerk), signed_in(staff.account, seconds_ago=STALE)):
        assert client.get(path).status_code == 200
        assert client.post(path, {"name": "mine", "permissions": [right.pk]}).status_code == 403
    assert not group.permissions.exists()
    signed_in(staff.account).post(path, {"name": "desk", "permissions": [right.pk]})
    assert list(group.permissions.all()) == [right]
    assert acts()[-1] == "group.change"


def test_a_password_is_set_for_others_with_a_code_and_ends_their_sessions(staff: Person) -> None:
    clerk = officer("view_payout")
    theirs = signed_in(clerk)
    token, _ = tokens.issue(account=clerk, at=now())
    path = reverse("admin:auth_user_password_change", args=[clerk.pk])
    new = "a-horse-in-the-rain"
    fields = {"password1": new, "password2": new, "usable_password": "true"}
    stale = signed_in(staff.account, seconds_ago=STALE)
    assert stale.post(path, fields).url.startswith("/admin/my-sign-in/again/")
    assert theirs.get("/admin/").status_code == 200
    signed_in(staff.account).post(path, fields)
    assert theirs.get("/admin/").status_code == 302
    assert tokens.find(token=token, at=now()) is None
    clerk.refresh_from_db()
    assert clerk.check_password(new)
    entry = AuditEntry.objects.get(action="password.change")
    assert (entry.actor, entry.target_id) == (staff.account, str(clerk.pk))


# ---------------------------------------------------------------- a lost phone
def test_another_superuser_resets_a_second_factor(staff: Person, client: Client) -> None:
    clerk = officer("view_payout")
    theirs = signed_in(clerk)
    token, _ = tokens.issue(account=clerk, at=now())
    second_factor.renew_codes(account=clerk, at=now())
    path = reverse("admin:accounts_account_reset_factor", args=[clerk.pk])
    stale = signed_in(staff.account, seconds_ago=STALE)
    answer = {"confirmed": "yes", "reason": "phone lost"}
    assert 'name="code"' in stale.post(path, answer).content.decode()
    assert second_factor.has(clerk)
    assert signed_in(officer("change_account")).post(path, answer).status_code == 403
    signed_in(staff.account).post(path, answer)
    assert not second_factor.has(clerk)
    assert second_factor.codes_left(clerk) == 0
    assert theirs.get("/admin/").status_code == 302
    assert tokens.find(token=token, at=now()) is None
    assert give_password(client, clerk).url == "/admin/login/set-up/"
    entry = AuditEntry.objects.get(action="second_factor.reset")
    assert (entry.actor, entry.reason) == (staff.account, "phone lost")


def test_nobody_resets_their_own_and_only_superusers_reset(staff: Person) -> None:
    with_phone(staff.account)
    clerk = officer("change_account")
    with_phone(clerk)
    for by, whose in ((staff.account, staff.account), (clerk, staff.account)):
        with pytest.raises(NotAllowed):
            second_factor.reset(account=whose, by=by, reason="x", at=now())
    assert Authenticator.objects.count() == 2
    with pytest.raises(NotFound):
        second_factor.reset(account=officer("view_payout"), by=staff.account, reason="x", at=now())


def test_superusers_sign_others_out_everywhere(staff: Person) -> None:
    clerk = officer("view_payout")
    theirs = signed_in(clerk)
    path = reverse("admin:accounts_account_leave_everywhere", args=[clerk.pk])
    signed_in(staff.account).post(path, {"confirmed": "yes", "reason": "left her desk"})
    assert theirs.get("/admin/").status_code == 302
    assert AuditEntry.objects.get(action="sign_out.everywhere").reason == "left her desk"


def test_the_command_line_resets(client: Client) -> None:
    clerk = officer("view_payout")
    with_phone(clerk)
    out = StringIO()
    call_command("reset_second_factor", clerk.handle, reason="phone lost", stdout=out)
    assert give_password(client, clerk).url == "/admin/login/set-up/"
    entry = AuditEntry.objects.get(action="second_factor.reset")
    assert (entry.actor, entry.reason) == (None, "phone lost")
    for handle in (clerk.handle, "nobody_here"):
        Authenticator.objects.all().delete()
        with pytest.raises(CommandError):
            call_command("reset_second_factor", handle, reason="x", stdout=out)


def test_the_demos_phone_tells_codes_in_development_alone(settings: Settings) -> None:
    clerk = officer("view_payout")
    with_phone(clerk)
    out = StringIO()
    call_command("staff_code", clerk.handle, stdout=out, stderr=StringIO())
    assert out.getvalue().strip() == code_of(clerk)
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="development"):
        call_command("staff_code", clerk.handle, stdout=out)
    with pytest.raises(NotAllowed):
        with_phone(clerk)


# ---------------------------------------------------------------- keys, checks, the port
def test_secrets_move_to_a_new_key(settings: Settings) -> None:
    clerk = officer("view_payout")
    old = "b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2w="
    new = "bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmU="
    settings.FIELD_KEYS = [old]
    secret = with_phone(clerk).secret
    settings.FIELD_KEYS = [new, old]
    call_command("reseal", stdout=StringIO())
    settings.FIELD_KEYS = [new]
    assert Authenticator.objects.get().secret == secret
    settings.FIELD_KEYS = [old]
    with pytest.raises(sealing.SealBroken):
        _ = Authenticator.objects.get().secret


@pytest.mark.parametrize(
    ("production", "policy", "found"),
    [
        (True, "off", ["accounts.E001"]),
        (True, "required", []),
        (True, "money", []),
        (False, "off", []),
    ],
)
def test_the_check_fails_where_production_asks_nobody(
    settings: Settings, production: bool, policy: str, found: list[str]
) -> None:
    settings.PRODUCTION, settings.STAFF_TWO_FACTOR = production, policy
    assert [message.id for message in checks.second_factor()] == found
