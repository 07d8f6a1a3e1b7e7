"""What encrypts, hashes and guesses here is what it should be (ASVS V11)."""

import ast
import math
import re
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.hashers import ScryptPasswordHasher, identify_hasher, make_password
from django.contrib.auth.hashers import check_password as check
from django.test import override_settings
from pytest_django import Settings

from backend.accounts import tokens
from backend.accounts.hashers import Scrypt
from backend.core import ids, sealing
from commissions import touches
from tests.house.source import calls, imports, python, text

KEYS = [Fernet.generate_key().decode() for _ in range(3)]


# ---------------------------------------------------------------- what is sealed
def test_a_sealed_value_is_opened_by_its_key_alone(settings: Settings) -> None:
    settings.FIELD_KEYS = KEYS[:1]
    sealed = sealing.seal("6222020000000000034")
    assert sealing.unseal(sealed) == "6222020000000000034"
    assert b"6222" not in sealed
    settings.FIELD_KEYS = KEYS[1:]
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(sealed)


def test_the_same_text_is_never_sealed_the_same(settings: Settings) -> None:
    settings.FIELD_KEYS = KEYS
    assert len({sealing.seal("x") for _ in range(1_000)}) == 1_000


def test_a_change_of_any_byte_is_noticed(settings: Settings) -> None:
    """Authenticated: nobody with the table alone can turn one value into another."""
    settings.FIELD_KEYS = KEYS
    sealed = sealing.seal("李小鱼")
    for place in range(len(sealed)):
        forged = bytearray(sealed)
        forged[place] ^= 1
        with pytest.raises(sealing.SealBroken):
            sealing.unseal(bytes(forged))
    for length in range(len(sealed)):
        with pytest.raises(sealing.SealBroken):
            sealing.unseal(sealed[:length])


def test_a_value_of_the_earlier_form_is_opened_and_sealed_anew(settings: Settings) -> None:
    settings.FIELD_KEYS = KEYS
    earlier = Fernet(KEYS[1]).encrypt("李小鱼".encode())
    assert sealing.unseal(earlier) == "李小鱼"
    anew = sealing.reseal(earlier)
    settings.FIELD_KEYS = KEYS[:1]
    assert sealing.unseal(anew) == "李小鱼"


def test_a_fingerprint_tells_equal_from_unequal_and_no_more(settings: Settings) -> None:
    settings.FIELD_KEYS = KEYS
    one, same, other = map(sealing.fingerprint, ("a", "a", "b"))
    assert one == same != other
    assert re.fullmatch(r"[0-9a-f]{64}", one)
    settings.FIELD_KEYS = KEYS[1:]
    assert sealing.fingerprint("a") != one, "without the key nobody can try all numbers"


# ---------------------------------------------------------------- passwords
OURS = "backend.accounts.hashers.Scrypt"


@override_settings(PASSWORD_HASHERS=[OURS])
def test_passwords_are_hashed_with_enough_memory() -> None:
    """OWASP ASVS 5.0, appendix C: with three passes, N of 2^15 and r of 8 at least."""
    stored = make_password("correct horse")
    assert re.match(r"scrypt\$32768\$[A-Za-z0-9]{22}\$8\$3\$", stored)
    assert check("correct horse", stored)
    assert not check("correct horsf", stored)


@override_settings(PASSWORD_HASHERS=[OURS])
def test_a_password_of_less_is_hashed_anew_at_its_next_use() -> None:
    earlier = ScryptPasswordHasher().encode("correct horse", "a" * 22)
    anew: list[str] = []
    assert check("correct horse", earlier, setter=anew.append)
    assert anew == ["correct horse"], "the account's setter stores it with the new parameters"
    assert not Scrypt().must_update(Scrypt().encode("x", "a" * 22))
    assert identify_hasher(earlier).algorithm == "scrypt"


# ---------------------------------------------------------------- what nobody may guess
def test_what_is_secret_has_128_random_bits() -> None:
    assert len(tokens.PREFIX + "x" * 43) == 49, "32 random bytes in base64"
    assert touches.ID_LENGTH * math.log2(len(ids.ALPHABET)) >= 128
    media = text(Path("notes/media.py"))
    assert "secrets.token_hex(16)" in media


def test_codes_are_drawn_evenly() -> None:
    drawn = ids.code(60_000)
    counts = [drawn.count(letter) for letter in ids.ALPHABET]
    assert min(counts) > 800
    assert max(counts) < 1_300


def test_comparing_secrets_takes_the_same_time_whatever_they_are() -> None:
    """By construction: signatures, codes and digests are compared by hmac or found by index."""
    compared = [
        f"{path}:{node.lineno}"
        for path in python("backend", "shops", "notes", "commissions")
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and any(
            re.search(r"(signature|digest|secret|token_text|password)$", getattr(side, "id", ""))
            for side in [node.left, *node.comparators]
        )
    ]
    assert compared == []


# ---------------------------------------------------------------- the inventory
HARDENING = Path("docs/operations/hardening.md")
CRYPTO = ("cryptography", "hashlib", "hmac", "secrets", "django_otp.oath")
_HASHES = {"sha256", "blake2b", "scrypt"}


def test_every_use_of_cryptography_stands_in_the_inventory() -> None:
    """V11.1.2: a file that begins to encrypt, hash or draw is added to the page first."""
    page = text(HARDENING)
    missing = sorted(
        {
            str(path)
            for path in python("backend", "shops", "notes", "commissions")
            for module, _, _ in imports(path)
            if module.startswith(CRYPTO) and path.parts[:2] != ("backend", "embedded")
            if f"`{path}`" not in page
        }
    )
    assert missing == []


def test_only_approved_digests_are_taken() -> None:
    found = {
        f"{path}:{call.lineno} {ast.unparse(call.func)}"
        for path in python("backend", "shops", "notes", "commissions")
        for call in calls(path)
        if isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value) == "hashlib"
        and call.func.attr not in _HASHES
        # A script's name in Redis is its SHA-1, by Redis's own protocol: no secret.
        and str(path) != "backend/core/redis.py"
    }
    assert found == set()


def test_signing_in_costs_an_unknown_name_as_much_as_a_known_one() -> None:
    """Both are hashed once by the same parameters (tests/backend/test_accounts.py measures)."""
    source = text(Path("backend/accounts/signin.py"))
    assert "_NOBODY" in source
    assert "check_password(password, _NOBODY[0])" in source
