"""The staff at their desk: a browser of Django's, signed in as the product's own sign-in leaves it,
with the second factor shown just now."""

import base64
import re
import time
from typing import Any

from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.oath import hotp

from backend.accounts import proof, second_factor
from backend.accounts.models import Account, Authenticator, RecoveryCodes
from backend.core.clock import now
from backend.core.models import AuditEntry
from seeds.factories.accounts import PASSWORD

LOGIN, CODE, SET_UP = "/admin/login/", "/admin/login/code/", "/admin/login/set-up/"
SECRET = b"known to all tests!!"
BACKEND = "django.contrib.auth.backends.ModelBackend"


def with_phone(account: Account, secret: bytes = SECRET) -> Authenticator:
    """Gives an account a second factor whose codes `code_of` knows."""
    return second_factor.give_known(account=account, secret=secret)


def code_of(account: Account) -> str:
    """The next code that the account's app shows and nobody has used."""
    return second_factor.next_code(account=account, unix=int(time.time()))[0]


def signed_in(account: Account, *, seconds_ago: int = 0, checks: bool = False) -> Client:
    """A browser signed in as this account, its code shown so many seconds ago; `checks`: a page
    of another site cannot make it post."""
    device = Authenticator.objects.filter(user=account, confirmed=True).first()
    device = device or with_phone(account)
    client = Client(enforce_csrf_checks=checks)
    client.force_login(account, backend=BACKEND)
    session = client.session
    session[DEVICE_ID_SESSION_KEY] = device.persistent_id
    moment = int(now().timestamp())
    session[proof.SIGNED_IN] = moment
    session[proof.CODE_SHOWN] = moment - seconds_ago
    session.save()
    return client


# ---------------------------------------------------------------- the pages of the sign-in
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
