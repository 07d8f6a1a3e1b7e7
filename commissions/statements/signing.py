"""Signing statements: a chain of SHA-256 over the lines of a file, and Ed25519 over its end.

Each line of the file is a JSON object whose last member is the hash: SHA-256 over the hash of the
line before (as hex; nothing before the first) and the object without its hash. So a changed byte
names its line, and no line can be put in, left out or moved. The last line carries the signature
over its own hash. docs/verify_statement.py checks all of it with Python's standard library alone.
"""

import base64
import hashlib
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from commissions.models import Statement, StatementKey
from commissions.statements import reading

# What the signature is over, before the hash: nothing else of ours that is signed begins so.
CONTEXT = b"tuike statement 1\n"


@lru_cache(maxsize=4)
def _private(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(secret))


def _key() -> Ed25519PrivateKey:
    """The key of the setting STATEMENT_SIGNING_KEY; in development one made from SECRET_KEY."""
    if settings.STATEMENT_SIGNING_KEY:
        return _private(settings.STATEMENT_SIGNING_KEY)
    made = hashlib.sha256(b"tuike statement key\n" + settings.SECRET_KEY.encode()).digest()
    return _private(base64.urlsafe_b64encode(made).decode())


def current_key(at: datetime) -> StatementKey:
    """The public half of the key that signs now, kept from its first use on."""
    public = _key().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = hashlib.sha256(public).hexdigest()[:16]
    found, _ = StatementKey.objects.get_or_create(
        key_id=key_id, defaults={"public_key": public.hex(), "first_used_at": at}
    )
    return found


def sign(digest: str) -> str:
    """The signature of a chain's end, in hex."""
    return _key().sign(CONTEXT + digest.encode()).hex()


def chained(statement: Statement, key_id: str) -> Iterator[tuple[bytes, str]]:
    """The lines of the signed file with their hashes: the head, one an entry, the foot; without
    the signature."""
    before = ""
    for told in _told(statement, key_id):
        body = msgspec.json.encode(told)
        before = hashlib.sha256(before.encode() + body).hexdigest()
        yield body[:-1] + b',"hash":"' + before.encode() + b'"}', before


def end_of(statement: Statement, key_id: str) -> str:
    """The hash of the last line: what is signed."""
    ends = deque((end for _, end in chained(statement, key_id)), maxlen=1)
    return ends.pop()


def _told(statement: Statement, key_id: str) -> Iterator[dict[str, Any]]:
    period = statement.period
    yield {
        "type": "statement",
        "version": 1,
        "number": statement.number,
        "owner": f"{statement.owner_kind}-{statement.owner_id}",
        "period": period.label,
        "zone": period.zone,
        "from": period.from_at,
        "to": period.to_at,
        "closed_at": statement.closed_at,
        "opening": dict(sorted(statement.opening.items())),
        "key": key_id,
    }
    for line in reading.lines(statement):
        yield {"type": "line", **line}
    yield {
        "type": "end",
        "lines": statement.lines_count,
        "sums": {cause: dict(sorted(fen.items())) for cause, fen in sorted(statement.sums.items())},
        "closing": dict(sorted(statement.closing.items())),
    }
