"""X3: the exported books, checked by a script of the standard library alone. Any byte that is
other than it was exported is found, and the first broken journal is named."""

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backend.core.models import AuditEntry
from commissions import chain, ledger
from commissions.chain import NothingToExport
from tests.cast import Person
from tests.commissions.books_world import world
from tests.commissions.outsider import SCRIPT, verdict
from tests.commissions.test_chain import AT, LINDA, SHOP, give

JOURNALS = 12


@pytest.fixture
def books(db: None, tmp_path: Path) -> Path:
    """Journals 4 to 12 of twelve, as they are exported; 1 to 3 stand in the opening balances."""
    for cause in range(1, JOURNALS + 1):
        give(cause, at=AT + timedelta(hours=cause))
    assert chain.seal() == JOURNALS
    return exported(tmp_path / "later.jsonl", first=4)


def exported(file: Path, **asked: int | datetime | None) -> Path:
    call_command("export_books", str(file), **asked, stderr=StringIO())
    return file


def changed(file: Path, lines: list[bytes]) -> Path:
    forged = file.with_name("forged.jsonl")
    forged.write_bytes(b"".join(lines))
    return forged


def test_an_export_is_in_order_and_ends_with_what_the_ledger_says(books: Path) -> None:
    assert verdict(books) == 0
    rows = [json.loads(line) for line in books.read_text().splitlines()]
    assert [next(iter(row)) for row in rows] == (
        ["books", *["opening"] * 2, *["n"] * 9, *["closing"] * 2, "end"]
    )
    assert rows[1:3] == [
        {"opening": "person/17/pending", "fen": 1506},
        {"opening": "shop/3/payable", "fen": -1506},
    ]
    assert rows[3]["journal"] == {
        "id": 1 << 56 | 4,
        "kind": 1,
        "subject": 4,
        "utc": "2026-11-01T08:00:00",
        "entries": [["person/17/pending", 504], ["shop/3/payable", -504]],
    }
    assert rows[-3:-1] == [
        {"closing": "person/17/pending", "fen": ledger.balance(LINDA)},
        {"closing": "shop/3/payable", "fen": ledger.balance(SHOP)},
    ]
    assert (rows[-1]["end"], rows[-1]["link"]) == chain.head()


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.soak)])
def test_every_flipped_byte_is_found(books: Path, step: int) -> None:
    told = books.read_bytes()
    forged = books.with_name("forged.jsonl")
    for place in range(0, len(told), step):
        flipped = bytearray(told)
        flipped[place] ^= 1 << place % 8
        forged.write_bytes(bytes(flipped))
        assert verdict(forged) != 0, place


def test_any_other_bytes_anywhere_are_found(books: Path) -> None:
    told = books.read_bytes()
    forged = books.with_name("forged.jsonl")

    @given(place=st.integers(0, len(told)), gone=st.integers(0, 40), put=st.binary(max_size=40))
    @settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @example(place=len(told), gone=0, put=b"\n")
    @example(place=0, gone=0, put=b"\xef\xbb\xbf")
    def forge(place: int, gone: int, put: bytes) -> None:
        other = told[:place] + put + told[place + gone :]
        forged.write_bytes(other)
        assert (verdict(forged) == 0) is (other == told)

    forge()


def test_a_changed_amount_names_its_journal(books: Path) -> None:
    lines = books.read_bytes().splitlines(keepends=True)
    lines[6] = lines[6].replace(b'"person/17/pending",507', b'"person/17/pending",570')
    lines[9] = lines[9].replace(b"510", b"150")
    name = f"journal {1 << 56 | 7}, number 7 of the chain, is broken"
    assert name in str(verdict(changed(books, lines)))


def test_whoever_writes_the_link_anew_as_well_breaks_the_next_journal(books: Path) -> None:
    import hashlib

    lines = books.read_bytes().splitlines(keepends=True)
    row, before = json.loads(lines[6]), json.loads(lines[5])["link"]
    row["journal"]["entries"][0][0] = "person/18/pending"
    told = json.dumps(row["journal"], separators=(",", ":")).encode()
    row["link"] = hashlib.sha256(bytes.fromhex(before) + told).hexdigest()
    lines[6] = json.dumps(row, separators=(",", ":")).encode() + b"\n"
    assert f"journal {1 << 56 | 8}, number 8" in str(verdict(changed(books, lines)))


@pytest.mark.parametrize("cut", [1, 2, 5, 12, 15])
def test_a_file_that_is_cut_off_is_refused(books: Path, cut: int) -> None:
    lines = books.read_bytes().splitlines(keepends=True)
    assert verdict(changed(books, lines[:-cut])) != 0
    assert verdict(changed(books, [b"".join(lines)[: -7 * cut]])) != 0


def test_reordered_removed_and_added_lines_are_found_and_named(books: Path) -> None:
    lines = books.read_bytes().splitlines(keepends=True)
    missing = f"line 7: journal {1 << 56 | 8}, number 7 of the chain, is missing"
    swapped = [*lines[:6], lines[7], lines[6], *lines[8:]]
    assert missing in str(verdict(changed(books, swapped)))
    assert missing in str(verdict(changed(books, lines[:6] + lines[7:])))
    twice = [*lines[:7], lines[6], *lines[7:]]
    assert "line 8" in str(verdict(changed(books, twice)))
    for place in range(len(lines)):
        for other in (
            lines[:place] + lines[place + 1 :],
            [*lines[:place], lines[place], *lines[place:]],
        ):
            assert verdict(changed(books, other)) != 0, place


def test_a_later_file_goes_on_where_the_one_before_ends(books: Path, tmp_path: Path) -> None:
    early = exported(tmp_path / "early.jsonl.gz", last=3)
    assert gzip.decompress(early.read_bytes()).startswith(b'{"books":"tuike 1","first":1,"last":3')
    head = chain.head()[1]
    assert verdict(early, books, head) == 0
    assert "links that did not come up" in str(verdict(early, head))
    assert "does not go on" in str(verdict(books, early))
    whole = exported(tmp_path / "whole.jsonl")
    assert verdict(whole) == 0
    assert "does not go on" in str(verdict(early, whole))
    lines = books.read_bytes().splitlines(keepends=True)
    poorer = [line.replace(b"1506}", b"1505}") if b"opening" in line else line for line in lines]
    assert "other balances than those before" in str(verdict(early, changed(books, poorer)))


def test_a_period_is_the_shortest_part_that_holds_it(books: Path, tmp_path: Path) -> None:
    hour = timedelta(hours=1)
    assert chain.part(since=AT + 3 * hour, until=AT + 7 * hour) == chain.Part(3, 6)
    assert chain.part(until=AT + 2 * hour) == chain.Part(1, 1)
    give(99, at=AT + 5 * hour)
    chain.seal()
    assert chain.part(since=AT + 3 * hour, until=AT + 7 * hour) == chain.Part(3, 13)
    for nothing in ({"since": AT + 30 * hour}, {"first": 14}, {"first": 5, "last": 4}):
        with pytest.raises(NothingToExport):
            chain.part(**nothing)  # type: ignore[arg-type]


def test_the_script_runs_alone_and_says_what_it_found(books: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        command = [sys.executable, "-I", str(SCRIPT), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    assert run(str(books)) == (
        0,
        f"{books}: in order up to number 12, link {chain.head()[1]}\n",
    )
    books.write_bytes(books.read_bytes().replace(b"508", b"509"))
    code, said = run(str(books))
    assert (code, f"journal {1 << 56 | 8}, number 8 of the chain, is broken" in said) == (1, True)
    assert run()[0] == 1


def test_the_command_never_overwrites_and_asks_for_a_zone(books: Path) -> None:
    with pytest.raises(FileExistsError):
        exported(books)
    with pytest.raises(CommandError, match="zone"):
        exported(books.with_name("x"), since=datetime(2026, 11, 1))  # noqa: DTZ001
    with pytest.raises(CommandError, match="no journal"):
        exported(books.with_name("y"), since=datetime(2030, 11, 1, tzinfo=UTC))


def test_a_market_at_work_is_exported_with_every_kind_of_journal(db: None, tmp_path: Path) -> None:
    world()
    chain.seal()
    file = exported(tmp_path / "market.jsonl")
    assert verdict(file) == 0
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert {row["journal"]["kind"] for row in rows if "n" in row} == {1, 2, 3, 4, 5, 6}
    assert chain.first_broken() is None


def test_a_download_is_written_down(books: Path, staff: Person) -> None:
    by = staff.account
    part, lines = chain.download(by=by, at=AT, first=4)
    assert b"".join(lines) == books.read_bytes()
    noted = AuditEntry.objects.get(action="books.export")
    assert (noted.actor, noted.target_id) == (by, "12")
    assert noted.data == {"first": 4, "last": 12, "link": chain.head()[1]}
    assert part == chain.Part(4, 12)
