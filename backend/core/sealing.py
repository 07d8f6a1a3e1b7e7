"""Sealing 加密: what nobody may read in a stolen database, and an index that finds equal values.

Payees' names and account numbers, and the secrets of the staff's second factors.

AES-256-GCM under a list of keys, newest first: the first seals, all of them unseal, so a key is
rotated by putting a new one in front (docs/operations/hardening.md). From one key of the list come
two that know nothing of each other: one encrypts, one makes the index.
"""

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

# The first byte of what is sealed so; what begins otherwise was sealed by Fernet (AES-128-CBC with
# HMAC-SHA256), before, and is opened still.
_FORM = b"\x01"
_NONCE = 12  # bytes, random: good for four thousand million values under one key


class SealBroken(Exception):
    """A sealed value cannot be read: its key is gone, or somebody wrote to the column."""


def _keys() -> tuple[str, ...]:
    """The keys of the setting FIELD_KEYS; in development one derived from SECRET_KEY."""
    if settings.FIELD_KEYS:
        return tuple(settings.FIELD_KEYS)
    digest = hashlib.sha256(b"tuike field key\n" + settings.SECRET_KEY.encode()).digest()
    return (base64.urlsafe_b64encode(digest).decode(),)


@lru_cache(maxsize=8)
def _boxes(keys: tuple[str, ...]) -> list[AESGCM]:
    return [AESGCM(_derived(key)) for key in keys]


def _derived(key: str) -> bytes:
    raw = base64.urlsafe_b64decode(key)
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tuike seal").derive(raw)


def seal(text: str) -> bytes:
    """The text, encrypted under the newest key."""
    nonce = secrets.token_bytes(_NONCE)
    return _FORM + nonce + _boxes(_keys())[0].encrypt(nonce, text.encode(), _FORM)


def unseal(sealed: bytes | memoryview) -> str:
    """The text of a sealed value.

    :raises SealBroken: no key of the list opens it.
    """
    value = bytes(sealed)
    if value[:1] != _FORM:
        return _unseal_earlier(value)
    nonce, hidden = value[1 : 1 + _NONCE], value[1 + _NONCE :]
    for box in _boxes(_keys()):
        try:
            return box.decrypt(nonce, hidden, _FORM).decode()
        except (InvalidTag, ValueError):  # another key's; or cut short
            continue
    raise SealBroken("a sealed value cannot be read with FIELD_KEYS")


def _unseal_earlier(value: bytes) -> str:
    try:
        return MultiFernet([Fernet(key) for key in _keys()]).decrypt(value).decode()
    except InvalidToken as error:
        raise SealBroken("a sealed value cannot be read with FIELD_KEYS") from error


def reseal(sealed: bytes | memoryview) -> bytes:
    """The same value under the newest key.

    :raises SealBroken: no key of the list opens it.
    """
    return seal(unseal(sealed))


def _index(key: str, text: str) -> str:
    secret = hmac.digest(base64.urlsafe_b64decode(key), b"tuike blind index", "sha256")
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def fingerprint(text: str) -> str:
    """A keyed digest (64 hex digits) that is equal for equal texts and says nothing else."""
    return _index(_keys()[0], text)


def fingerprints(text: str) -> list[str]:
    """The digests under every key of the list: rows sealed before a rotation are found too."""
    return [_index(key, text) for key in _keys()]
