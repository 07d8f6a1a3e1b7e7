"""The payee checks a signed statement alone: docs/verify_statement.py, the standard library, and
nothing of ours. Every flipped byte is named by its line (X12)."""

import hashlib
import importlib.util
import io
import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from commissions import statements
from commissions.models import Journal, Statement
from commissions.statements import reading
from tests.commissions.books_world import world
from tests.commissions.money_out import AT
from tests.commissions.test_statements import CLOSE, NEXT, OTHER_KEY, of
from tests.commissions.test_taxes import paid, taxed
from tests.house.source import HOME

SCRIPT = HOME / "docs" / "verify_statement.py"


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_statement", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


checker = _loaded()

# ---------------------------------------------------------------- Ed25519
# RFC 8032, 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",  # RFC 8032
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"  # RFC 8032
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",  # RFC 8032
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",  # RFC 8032
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"  # RFC 8032
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",  # RFC 8032
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",  # RFC 8032
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"  # RFC 8032
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",  # RFC 8032
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_rfc_hold(public: str, message: str, signature: str) -> None:
    key, told, signed = (bytes.fromhex(text) for text in (public, message, signature))
    assert checker.is_signed(key, told, signed)
    assert not checker.is_signed(key, told + b"x", signed)
    assert not checker.is_signed(key, told, signed[:-1])
    assert not checker.is_signed(bytes(32), told, signed)


def test_signatures_of_cryptography_hold_and_no_others() -> None:
    for number in range(12):
        seed = hashlib.sha256(bytes([number])).digest()
        private = Ed25519PrivateKey.from_private_bytes(seed)
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        message = seed * number
        signed = private.sign(message)
        assert checker.is_signed(public, message, signed)
        wrong = bytearray(signed)
        wrong[number * 5] ^= 1 << (number % 8)
        assert not checker.is_signed(public, message, bytes(wrong))
        # The same signature with the order added to its second half: RFC 8032 refuses it.
        second = int.from_bytes(signed[32:], "little") + checker.Q
        assert not checker.is_signed(public, message, signed[:32] + second.to_bytes(32, "little"))


# ---------------------------------------------------------------- statements
@pytest.fixture
def signed(db: None) -> tuple[bytes, Any]:
    """A statement's file, and what the API says of its keys."""
    there = world()
    statements.state_due(at=CLOSE)
    found = b"".join(statements.jsonl_file(of(there.account)))
    return found, APIClient().get("/v1/statement-keys").json()


def keys(told: Any) -> dict[str, str]:
    return {key["key_id"]: key["public_key"] for key in told["results"]}


def test_the_script_alone_says_right_and_wrong(signed: tuple[bytes, Any], tmp_path: Path) -> None:
    """As the payee runs it: another process, isolated, without one installed package."""
    file, told = signed
    (tmp_path / "s.jsonl").write_bytes(file)
    (tmp_path / "keys.json").write_text(json.dumps(told))

    def run(keys: str) -> tuple[int, str]:
        command = [sys.executable, "-I", "-S", str(SCRIPT), str(tmp_path / "s.jsonl"), keys]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert not done.stderr
        return done.returncode, done.stdout

    status, said = run(str(tmp_path / "keys.json"))
    head = json.loads(file.splitlines()[0])
    assert (status, said.split(":")[0]) == (0, "right")
    assert f"{head['number']} of {head['owner']}, 2026-11 (Asia/Shanghai)" in said
    assert run(next(iter(keys(told).values())))[0] == 0
    (tmp_path / "s.jsonl").write_bytes(file.replace(b'"amount_fen":', b'"amount_fen":1', 1))
    assert run(str(tmp_path / "keys.json")) == (
        1,
        "WRONG: line 2: is not what was signed: its hash differs\n",
    )


def test_any_flipped_byte_is_named_by_its_line(signed: tuple[bytes, Any]) -> None:
    file, told = signed
    public, line, wrong = keys(told), 1, []
    assert checker.verify(io.BytesIO(file), public)
    for place, byte in enumerate(file):
        flipped = bytearray(file)
        flipped[place] ^= 1 << (place % 8)
        try:
            checker.verify(io.BytesIO(bytes(flipped)), public)
            wrong.append(f"byte {place} of line {line}: nothing noticed")
        except checker.Wrong as found:
            if not str(found).startswith(f"line {line}:"):
                wrong.append(f"byte {place} of line {line}: {found}")
        line += byte == 0x0A
    assert wrong == []


def test_nothing_hides_behind_a_signature_that_does_not_belong_there(
    signed: tuple[bytes, Any],
) -> None:
    """A JSON parser takes the last of two members with one name: whatever stands behind the signed
    part of a line would be read instead of it."""
    file, told = signed
    lines = file.splitlines(keepends=True)
    for place, line in enumerate(lines):
        for member in (b'"amount_fen":999999', b'"owner":"person-1"', b'"opening":{}'):
            put = b',"signature":"",' + member + b',"x":"'
            filled = put + b"A" * (128 + len(b',"signature":"') - len(put)) + b'"}\n'
            forged = [*lines[:place], line[:-2] + filled, *lines[place + 1 :]]
            with pytest.raises(checker.Wrong, match=f"^line {place + 1}: "):
                checker.verify(io.BytesIO(b"".join(forged)), keys(told))
        if place < len(lines) - 1:
            also = line[:-2] + b',"signature":"' + b"0" * 128 + b'"}\n'
            with pytest.raises(checker.Wrong, match=f"^line {place + 1}: .*signature"):
                checker.verify(
                    io.BytesIO(b"".join([*lines[:place], also, *lines[place + 1 :]])), keys(told)
                )


def test_any_other_bytes_anywhere_are_found(signed: tuple[bytes, Any]) -> None:
    file, told = signed
    public = keys(told)
    pieces = st.binary(max_size=40) | st.sampled_from(
        [b',"signature":"', b',"hash":"', b'"}\n', b'{"type":"end",', b',"signature":""', b"\n"]
    )

    @given(place=st.integers(0, len(file)), gone=st.integers(0, 200), put=pieces)
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def forge(place: int, gone: int, put: bytes) -> None:
        other = file[:place] + put + file[place + gone :]
        if other == file:
            return
        with pytest.raises(checker.Wrong, match=r"^line \d+: "):
            checker.verify(io.BytesIO(other), public)

    forge()


def test_members_that_come_twice_or_that_there_are_not_are_refused_though_signed(
    signed: tuple[bytes, Any],
) -> None:
    """Whoever holds the key cannot have two readers read two things either."""
    _, own = _resigned(signed[0], lambda one: None)
    count = len(signed[0].splitlines())

    def forged(place: int, member: str) -> bytes:
        """A file in whose line `place` the member is written once more."""

        def written(number: int, told: dict[str, Any]) -> bytes:
            text = json.dumps({**told, "key": next(iter(own))} if "key" in told else told)
            return (f"{text[:-1]}, {member}}}" if number == place else text).encode()

        return _resigned(signed[0], lambda one: None, written)[0]

    for place in (1, 2, count):
        for member, said in (('"type":7', "comes twice"), ('"note":7', "other members")):
            with pytest.raises(checker.Wrong, match=f"^line {place}: .*{said}"):
                checker.verify(io.BytesIO(forged(place, member)), own)


def test_lines_cannot_be_left_out_put_in_moved_or_cut_off(signed: tuple[bytes, Any]) -> None:
    file, told = signed
    lines = file.splitlines(keepends=True)
    for forged, said in (
        (lines[:3] + lines[4:], "line 4:"),
        (lines[:3] + lines[2:], "line 4:"),
        ([*lines[:2], lines[3], lines[2], *lines[4:]], "line 3:"),
        (lines[:-1], f"line {len(lines)}: is missing"),
        (lines + lines[-1:], f"line {len(lines) + 1}:"),
        ([], "line 1: is missing"),
    ):
        with pytest.raises(checker.Wrong, match=f"^{said}"):
            checker.verify(io.BytesIO(b"".join(forged)), keys(told))


def _resigned(
    file: bytes,
    change: Any,
    written: Any = lambda number, told: json.dumps(told).encode(),
) -> tuple[bytes, dict[str, str]]:
    """A file told otherwise and chained and signed anew, by a key of the forger's."""
    private = Ed25519PrivateKey.from_private_bytes(b"f" * 32)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    before, made = "", []
    for number, text in enumerate(file.splitlines(), 1):
        told = json.loads(text)
        told.pop("hash")
        told.pop("signature", None)
        change(told)
        raw = written(number, told)
        before = hashlib.sha256(before.encode() + raw).hexdigest()
        made.append(raw[:-1] + f',"hash":"{before}"}}'.encode())
    signature = private.sign(checker.CONTEXT + before.encode()).hex()
    made[-1] = made[-1][:-1] + f',"signature":"{signature}"}}'.encode()
    return b"\n".join(made) + b"\n", {hashlib.sha256(public).hexdigest()[:16]: public.hex()}


def test_a_file_signed_by_somebody_else_is_refused(signed: tuple[bytes, Any]) -> None:
    file, told = signed
    forged, own = _resigned(file, lambda one: None)
    with pytest.raises(checker.Wrong, match=r"signature that is not of the key"):
        checker.verify(io.BytesIO(forged), keys(told))
    with pytest.raises(checker.Wrong, match=r"not among yours"):
        checker.verify(io.BytesIO(file), own)


@pytest.mark.parametrize(
    ("name", "said"),
    [("closing", "other balances"), ("sums", "other sums"), ("lines", "lines, not")],
)
def test_sums_that_do_not_follow_from_the_lines_are_named(
    signed: tuple[bytes, Any], name: str, said: str
) -> None:
    """Also where whoever holds the key has signed them."""
    own: dict[str, str] = {}

    def change(told: dict[str, Any]) -> None:
        if told["type"] == "statement":
            told["key"] = next(iter(own), told["key"])
        if told["type"] == "end":
            told[name] = 0 if name == "lines" else {}

    _, own = _resigned(signed[0], lambda one: None)
    forged, _ = _resigned(signed[0], change)
    with pytest.raises(checker.Wrong, match=said):
        checker.verify(io.BytesIO(forged), own)


def test_tax_names_its_payout_and_what_was_signed_before_it_did_stays_as_it_was(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edition 1 statement did not name it: its bytes are signed, so it never will."""
    account = taxed()
    first = paid(account, 500_000, at=AT)
    with monkeypatch.context() as before:
        before.setattr(reading, "EDITION", 1)
        statements.state_due(at=AT + timedelta(days=40))
    second = paid(account, 500_000, at=AT + timedelta(days=45))
    statements.state_due(at=AT + timedelta(days=80))
    told = APIClient().get("/v1/statement-keys").json()
    found = Statement.objects.filter(owner_kind="person", owner_id=account.pk)
    assert list(found.order_by("id").values_list("edition", flat=True)) == [1, 2]
    for one, wanted in zip(_signed(found), ("", second.number), strict=True):
        lines = list(statements.lines(one))
        assert [line["reference"] for line in lines if line["cause"] == "tax_withheld"] == [wanted]
        assert {line["reference"] for line in lines if line["cause"] == "payout_paid"} == {
            first.number if one.edition == 1 else second.number
        }
        assert checker.verify(io.BytesIO(b"".join(statements.jsonl_file(one))), keys(told))


def _signed(found: Any) -> list[Statement]:
    return list(found.select_related("period", "signed_by").order_by("id"))


def test_every_cause_that_a_statement_names_is_documented() -> None:
    page = (HOME / "docs" / "api" / "statements.md").read_text()
    said = page.partition("- `cause`:")[2].partition(". ")[0]
    # A remittance of taxes moves the platform's own accounts: it stands on nobody's statement.
    causes = {reading.cause_of(kind) for kind in Journal.Kind} - {"tax_remitted"}
    assert set(re.findall(r"`(\w+)`", said)) == causes


def test_after_the_key_is_replaced_old_and_new_statements_verify(db: None, settings: Any) -> None:
    there = world()
    statements.state_due(at=CLOSE)
    settings.STATEMENT_SIGNING_KEY = OTHER_KEY
    from commissions import accruals
    from tests.commissions import sales

    sales.refund(there.lines[0], 1_290)
    accruals.reconcile_orders([there.lines[0].order_id], at=CLOSE)
    statements.state_due(at=NEXT)
    told = APIClient().get("/v1/statement-keys").json()
    assert len(keys(told)) == 2
    found = Statement.objects.select_related("period", "signed_by").order_by("id")
    assert len({one.signed_by_id for one in found}) == 2
    for one in found:
        assert checker.verify(io.BytesIO(b"".join(statements.jsonl_file(one))), keys(told))
    assert OTHER_KEY not in str(told)
