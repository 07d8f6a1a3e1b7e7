"""Sealing 加密: what nobody may read in a stolen database, and an index that finds equal values.

Payees' names and account numbers, and the secrets of the staff's second factors.

Fernet (AES-128-CBC + HMAC-SHA256) under a list of keys, newest first: the first seals, all of
them unseal, so a key is rotated by putting a new one in front (docs/operations/payouts.md).
"""

import base64
import hashlib
import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SealBroken(Exception):
    """A sealed value cannot be read: its key is gone, or somebody wrote to the column."""


def _keys() -> tuple[str, ...]:
    """The keys of the setting FIELD_KEYS; in development one derived from SECRET_KEY."""
    if settings.FIELD_KEYS:
        return tuple(settings.FIELD_KEYS)
    digest = hashlib.sha256(b"tuike field key\n" + settings.SECRET_KEY.encode()).digest()
    return (base64.urlsafe_b64encode(digest).decode(),)


@lru_cache(maxsize=8)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def seal(text: str) -> bytes:
    """The text, encrypted under the newest key."""
    return _box(_keys()).encrypt(text.encode())


def unseal(sealed: bytes | memoryview) -> str:
    """The text of a sealed value.

    :raises SealBroken: no key of the list opens it.
    """
    try:
        return _box(_keys()).decrypt(bytes(sealed)).decode()
    except InvalidToken as error:
        raise SealBroken("a sealed value cannot be read with FIELD_KEYS") from error


def reseal(sealed: bytes | memoryview) -> bytes:
    """The same value under the newest key.

    :raises SealBroken: no key of the list opens it.
    """
    try:
        return _box(_keys()).rotate(bytes(sealed))
    except InvalidToken as error:
        raise SealBroken("a sealed value cannot be read with FIELD_KEYS") from error


def _index(key: str, text: str) -> str:
    secret = hmac.digest(base64.urlsafe_b64decode(key), b"tuike blind index", "sha256")
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def fingerprint(text: str) -> str:
    """A keyed digest (64 hex digits) that is equal for equal texts and says nothing else."""
    return _index(_keys()[0], text)


def fingerprints(text: str) -> list[str]:
    """The digests under every key of the list: rows sealed before a rotation are found too."""
    return [_index(key, text) for key in _keys()]
