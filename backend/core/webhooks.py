"""Signed messages of other companies' programs, after Standard Webhooks.

The signature is base64(HMAC-SHA256(secret, id "." timestamp "." body)) in the header
webhook-signature as `v1,<signature>`; several may stand there, parted by spaces, while a secret
is being changed. The standard keeps no memory: who takes a message keeps its id, so that it opens
nothing twice.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=5)
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class Forged(Exception):
    """A header is missing, the stamp is too far away, or no signature fits; the message says
    which."""


def new_secret() -> str:
    """A secret of 256 random bits, as the standard writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(*, message_id: str, timestamp: int, body: bytes, secret: str) -> str:
    """The value of webhook-signature."""
    text = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(_key(secret), text, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def headers(*, message_id: str, body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """The three headers of a message signed at `at`."""
    stamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(message_id=message_id, timestamp=stamp, body=body, secret=secret),
    }


def verified(given: Mapping[str, str], *, body: bytes, secret: str, at: datetime) -> str:
    """The message's id, once stamp and signature fit.

    :raises Forged: they do not.
    """
    message_id = given.get("webhook-id", "")
    stamp = given.get("webhook-timestamp", "")
    if not _ID.fullmatch(message_id) or not re.fullmatch(r"[0-9]{1,12}", stamp):
        raise Forged("")
    if abs(at.timestamp() - int(stamp)) > WINDOW.total_seconds():
        raise Forged("The notice is older than five minutes.")
    wanted = sign(message_id=message_id, timestamp=int(stamp), body=body, secret=secret).encode()
    told = given.get("webhook-signature", "")[:2000].split()
    fits = [hmac.compare_digest(wanted, one.encode()) for one in told]
    if not any(fits):
        raise Forged("")
    return message_id


def _key(secret: str) -> bytes:
    """The bytes of a secret: Standard Webhooks writes them in base64 behind whsec_."""
    return base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
