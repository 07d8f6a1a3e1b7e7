"""The staff at their desk: a browser of Django's, signed in as the product's own sign-in leaves it,
with the second factor shown just now."""

import time

from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY

from backend.accounts import proof, second_factor
from backend.accounts.models import Account, Authenticator
from backend.core.clock import now

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
