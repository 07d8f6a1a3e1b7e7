"""Names of things that outsiders see: unguessable codes and printable numbers."""

import secrets
from datetime import datetime

# Base58: no 0/O, no I/l, so that a code read aloud or off a QR picture is one code.
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


# Random bytes as characters: the 232 lowest are four times the alphabet, the rest would favour its
# beginning and are left out.
_FAIR = len(ALPHABET) * (256 // len(ALPHABET))
_CHARACTERS = (ALPHABET * 5)[:256].encode()
_UNFAIR = bytes(range(_FAIR, 256))


def code(length: int) -> str:
    """A random base58 code; 8 characters carry 46 bits, 22 carry 128."""
    found = b""
    while len(found) < length:
        found += secrets.token_bytes(length + 16).translate(_CHARACTERS, _UNFAIR)
    return found[:length].decode()


def number(prefix: str, at: datetime) -> str:
    """A printable number such as 'O20261122-7Gk3mQ9xTa': kind, UTC date, 58 random bits.

    Letters and digits only apart from the dash, at most 32 characters.
    """
    return f"{prefix}{at:%Y%m%d}-{code(10)}"


def bill_number(prefix: str, at: datetime) -> str:
    """As `number`, letters and digits only: payment channels refuse everything else."""
    return f"{prefix}{at:%Y%m%d}{code(16)}"
