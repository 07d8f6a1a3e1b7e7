"""The staff's second factor 两步验证: who needs one, how it is set up, checked, lost and reset.

A code is taken once: the row is locked, and no step up to the last one taken counts again. Wrong
codes make the account wait 1, 2, 4, 8 … seconds. The steps follow the real clock, whatever the
demo's shows: a phone knows nothing of it. Every enrolment, use of a recovery code, wrong code and
reset is an audit entry.
"""

import base64
import re
import secrets
import time
from datetime import datetime
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django_otp.models import Device

from backend.accounts import tokens
from backend.accounts.models import Account, Authenticator, RecoveryCode, RecoveryCodes
from backend.accounts.models.second_factor import STEP
from backend.core import audit, sealing
from backend.core.errors import NotAllowed, NotFound, Refusal

SECRET_BYTES = 20
RECOVERY_CODES = 10
RECOVERY_LENGTH = 10
# No letter that a hand-written digit could be: 49 bits a code.
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
_DIGITS = re.compile(r"[0-9]{6}")
_PAPER = re.compile(rf"[{_ALPHABET}]{{{RECOVERY_LENGTH}}}")
_WRONG_COLUMNS = ["throttling_failure_timestamp", "throttling_failure_count"]
_ONLY_DEVELOPMENT = "Codes are told, and secrets chosen, in development alone."
_money_rights: set[str] = set()


class SecondFactorNeeded(Refusal):
    """The account signs in with a code besides its password."""

    code = "second_factor_needed"
    status = 401
    title = "This account signs in with a code besides its password"


class SecondFactorMissing(Refusal):
    """The account needs a second factor and has none yet: it is set up at the admin's sign-in."""

    code = "second_factor_missing"
    status = 403
    title = "Sign in to the admin first and set up the second factor"


class WrongCode(Refusal):
    """The code is not the one of this moment, or was used before."""

    code = "wrong_code"
    status = 401
    title = "This code is not right 验证码不正确"


class TooManyCodes(Refusal):
    """Wrong codes make an account wait, each time twice as long."""

    code = "too_many_codes"
    status = 429
    title = "Too many wrong codes 错误次数过多"


# ---------------------------------------------------------------- who needs one
def tell_money_rights(*rights: str) -> None:
    """Registers permissions ("room.codename") that let money go; the rooms say them."""
    _money_rights.update(rights)


def is_needed(account: Account) -> bool:
    """Whether this account enters the admin with a second factor (setting STAFF_TWO_FACTOR). Who
    has set one up without having to is asked for it all the same."""
    policy = settings.STAFF_TWO_FACTOR
    if policy == "off" or not account.is_staff:
        return False
    if policy == "required" or account.is_superuser:
        return True
    return any(account.has_perm(right) for right in sorted(_money_rights)) or has(account)


def has(account: Account) -> bool:
    """Whether the account has set its second factor up to the end."""
    return Authenticator.objects.filter(user=account, confirmed=True).exists()


def codes_left(account: Account) -> int:
    """How many recovery codes are unused."""
    return RecoveryCode.objects.filter(codes__user=account).count()


# ---------------------------------------------------------------- setting up
def begin(*, account: Account) -> Authenticator:
    """A new secret, not counting before its first code. An earlier one that was not confirmed
    goes: whoever saw it must not know the next."""
    return _write(account, secrets.token_bytes(SECRET_BYTES), confirmed=False)


def _write(account: Account, secret: bytes, *, confirmed: bool) -> Authenticator:
    with transaction.atomic():
        # Two who begin at once, one after the other.
        Account.objects.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)
        Authenticator.objects.filter(user=account, confirmed=confirmed).delete()
        return Authenticator.objects.create(
            user=account,
            name="authenticator",
            confirmed=confirmed,
            sealed_secret=sealing.seal(secret.hex()),
        )


def written(device: Authenticator) -> str:
    """The secret for typing: base32 in fours."""
    text = base64.b32encode(device.secret).decode()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def address_of(device: Authenticator) -> str:
    """The otpauth:// address that an app reads from the QR picture."""
    issuer = f"Tuike {urlsplit(settings.PUBLIC_URL).hostname or ''}".strip()
    secret = base64.b32encode(device.secret).decode()
    more = urlencode(
        {"secret": secret, "issuer": issuer, "algorithm": "SHA1", "digits": 6, "period": STEP},
        quote_via=quote,
    )
    return f"otpauth://totp/{quote(f'{issuer}:{device.user.handle}')}?{more}"


def unconfirmed(*, account: Account, device_id: int) -> Authenticator | None:
    """The account's secret that waits for its first code."""
    found = Authenticator.objects.filter(user=account, pk=device_id, confirmed=False)
    return found.select_related("user").first()


def confirm(
    *, account: Account, device_id: int, code: str, unix: int, at: datetime
) -> tuple[Authenticator, list[str]]:
    """The first code makes the secret count and ends the one before it; with ten recovery codes,
    shown this once.

    :raises NotFound: no such secret waits: another one has been begun since.
    :raises WrongCode: not its code at `unix` seconds.
    :raises TooManyCodes: too soon after wrong ones.
    """
    with transaction.atomic():
        waiting = Authenticator.objects.select_for_update(no_key=True, of=("self",))
        device = waiting.filter(user=account, pk=device_id, confirmed=False).first()
        if device is None:
            raise NotFound()
        refused = _take(device, _plain(code), unix)
        if refused is None:
            replaced, _ = Authenticator.objects.filter(user=account, confirmed=True).delete()
            device.confirmed = True
            device.save(update_fields=["confirmed"])
            action = "second_factor.replace" if replaced else "second_factor.enrol"
            audit.note(actor=account, action=action, target=account, at=at)
            return device, _new_codes(account)
        _note_wrong(account, refused, at)
    raise refused


def renew_codes(*, account: Account, at: datetime) -> list[str]:
    """Ten new recovery codes, shown this once; the old ones end."""
    with transaction.atomic():
        audit.note(actor=account, action="second_factor.new_codes", target=account, at=at)
        return _new_codes(account)


def _new_codes(account: Account) -> list[str]:
    texts = [
        "".join(secrets.choice(_ALPHABET) for _ in range(RECOVERY_LENGTH))
        for _ in range(RECOVERY_CODES)
    ]
    # The set stays and its codes change: a session that one of them opened goes on.
    made, _ = RecoveryCodes.objects.get_or_create(user=account, defaults={"name": "recovery codes"})
    RecoveryCode.objects.filter(codes=made).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(codes=made, digest=make_password(text)) for text in texts
    )
    return [f"{text[:5]}-{text[5:]}" for text in texts]


# ---------------------------------------------------------------- checking
def check(*, account: Account, code: str, unix: int, at: datetime) -> Device:
    """Takes a code of the app, or a recovery code; the device that knew it. `unix`: the real
    clock's seconds.

    :raises SecondFactorMissing: nothing is set up.
    :raises WrongCode: wrong, of another time, or used before.
    :raises TooManyCodes: too soon after wrong ones.
    """
    text = _plain(code)
    kind = RecoveryCodes if _PAPER.fullmatch(text) else Authenticator
    with transaction.atomic():
        device = (
            kind.objects.select_for_update(no_key=True, of=("self",))
            .filter(user=account, confirmed=True)
            .first()
        )
        if device is None and not has(account):
            raise SecondFactorMissing()
        if isinstance(device, Authenticator):
            refused = _take(device, text, unix)
        else:
            refused = _take_paper(device, text, account, at)
        if refused is None:
            return device
        _note_wrong(account, refused, at)
    # Raised out here: the count of wrong codes must stay.
    raise refused


def _plain(code: str) -> str:
    return re.sub(r"[\s-]", "", code).lower()


def _take(device: Authenticator, text: str, unix: int) -> Refusal | None:
    """Takes a code of the app, or says why not."""
    refused = _must_wait(device)
    if refused:
        return refused
    step = device.step_of(text, unix=unix) if _DIGITS.fullmatch(text) else None
    if step is None or step <= device.last_step:
        _failed(device)
        if step is None:
            return WrongCode()
        return WrongCode("This code was used already: wait for the next one. 请等下一个验证码。")
    device.last_step = step
    _used(device, "last_step")
    return None


def _used(device: Device, *columns: str) -> None:
    device.throttle_reset(commit=False)
    device.set_last_used_timestamp(commit=False)
    device.save(update_fields=[*columns, *_WRONG_COLUMNS, "last_used_at"])


def _failed(device: Device) -> None:
    device.throttle_increment(commit=False)
    device.save(update_fields=_WRONG_COLUMNS)


def _take_paper(
    device: RecoveryCodes | None, text: str, account: Account, at: datetime
) -> Refusal | None:
    """Uses a recovery code up, or says why not."""
    if device is None:
        return WrongCode()
    refused = _must_wait(device)
    if refused:
        return refused
    codes = list(device.left.order_by("pk"))
    match = next((row for row in codes if check_password(text, row.digest)), None)
    if match is None:
        _failed(device)
        return WrongCode()
    match.delete()
    _used(device)
    audit.note(
        actor=account, action="second_factor.recovery", target=account, at=at, left=len(codes) - 1
    )
    return None


def _must_wait(device: Device) -> Refusal | None:
    allowed, why = device.verify_is_allowed()
    if allowed:
        return None
    seconds = int(why["locked_until"].timestamp() - time.time()) + 1
    return TooManyCodes(f"Try again in {seconds} seconds. 请稍后再试。", retry_after=seconds)


def _note_wrong(account: Account, refused: Refusal, at: datetime) -> None:
    """Codes that came too soon were not looked at: their number is up to whoever sends them."""
    if isinstance(refused, WrongCode):
        audit.note(actor=None, action="second_factor.wrong_code", target=account, at=at)


# ---------------------------------------------------------------- losing it
def reset(*, account: Account, by: Account | None, reason: str, at: datetime) -> None:
    """Takes the second factor away: the next sign-in with the password sets up a new one. Ends
    every session and token of the account. `by`: another superuser, or None for the command line.

    :raises NotAllowed: `by` is no superuser, or the account itself.
    :raises NotFound: the account has no second factor.
    """
    if by is not None and (not by.is_superuser or by.pk == account.pk):
        raise NotAllowed("Another superuser resets a second factor.")
    with transaction.atomic():
        locked = Account.objects.select_for_update(no_key=True, of=("self",)).get(pk=account.pk)
        gone, _ = Authenticator.objects.filter(user=locked).delete()
        if not gone:
            raise NotFound("This account has no second factor.")
        RecoveryCodes.objects.filter(user=locked).delete()
        tokens.end_everything(account=locked, at=at)
        audit.note(actor=by, action="second_factor.reset", target=locked, at=at, reason=reason)


def reseal() -> int:
    """Seals every secret under the newest of FIELD_KEYS; how many. Staff are few."""
    with transaction.atomic():
        rows = list(
            Authenticator.objects.select_for_update(no_key=True, of=("self",)).order_by("pk")
        )
        for row in rows:
            row.sealed_secret = sealing.reseal(row.sealed_secret)
        Authenticator.objects.bulk_update(rows, ["sealed_secret"])
    return len(rows)


# ---------------------------------------------------------------- development
def give_known(*, account: Account, secret: bytes) -> Authenticator:
    """A second factor with this secret, for demos and tests.

    :raises NotAllowed: in production.
    """
    if settings.PRODUCTION:
        raise NotAllowed(_ONLY_DEVELOPMENT)
    return _write(account, secret, confirmed=True)


def next_code(*, account: Account, unix: int) -> tuple[str, int]:
    """The code that the account's app would show, or the next one where that was used, and for
    how many seconds it is good.

    :raises NotAllowed: in production.
    :raises NotFound: the account has no second factor.
    """
    if settings.PRODUCTION:
        raise NotAllowed(_ONLY_DEVELOPMENT)
    device = Authenticator.objects.filter(user=account, confirmed=True).first()
    if device is None:
        raise NotFound("This account has no second factor.")
    step = max(unix // STEP, device.last_step + 1)
    return device.code_at(step), (step + 2) * STEP - unix
