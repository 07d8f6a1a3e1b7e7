"""X3: the exported books, checked by a script of the standard library alone. Any byte that is
other than it was exported is found, and the first broken journal is named."""

import gzip
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backend.core.models import AuditEntry
from commissions import chain, ledger
from commissions.chain import NothingToExport, exporting
from commissions.models import Journal, SealedJournal
from tests.cast import Person
from tests.commissions.books_world import world
from tests.commissions.outsider import SCRIPT, checker, verdict
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
    lines = books.read_bytes().splitlines(keepends=True)
    row, before = json.loads(lines[6]), json.loads(lines[5])["link"]
    row["journal"]["entries"][0][0] = "person/18/pending"
    told = json.dumps(row["journal"], separators=(",", ":")).encode()
    row["link"] = hashlib.sha256(bytes.fromhex(before) + told).hexdigest()
    lines[6] = json.dumps(row, separators=(",", ":")).encode() + b"\n"
    assert f"journal {1 << 56 | 8}, number 8" in str(verdict(changed(books, lines)))


Row = dict[str, Any]


def remade(file: Path, change: Callable[[list[Row]], None], *raw: tuple[bytes, bytes]) -> Path:
    """The file as its forger would leave it: rows changed, every link made anew, the end as well.
    Only links that somebody wrote down earlier would tell."""
    rows = [json.loads(line) for line in file.read_bytes().splitlines()]
    change(rows)
    link, told = bytes.fromhex(rows[0]["previous"]), b""
    for row in rows[:-1]:
        if "n" in row:
            link = hashlib.sha256(link + _written(row["journal"])).digest()
            row["link"] = link.hex()
        told += _written(row) + b"\n"
    for old, new in raw:
        assert told.count(old) == 1
        told = told.replace(old, new)
    end = {"end": rows[0]["last"], "link": link.hex(), "sha256": hashlib.sha256(told).hexdigest()}
    return changed(file, [told, _written(end) + b"\n"])


def _written(row: Row) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode()


def _again(rows: list[Row], n: int) -> None:
    """The accrual number `n` once more, as number 13, with balances to match."""
    head, *_ = rows
    again: Row = {"n": 13, "link": "", "journal": give_of(n)}
    place = next(place for place, row in enumerate(rows) if "closing" in row)
    rows.insert(place, again)
    head["last"] = 13
    for account, fen in again["journal"]["entries"]:
        closing = next(row for row in rows if row.get("closing") == account)
        closing["fen"] += fen


def give_of(n: int) -> Row:
    """What the journal number `n` of these books says."""
    entries = [["person/17/pending", 500 + n], ["shop/3/payable", -500 - n]]
    utc = f"2026-11-01T{4 + n:02}:00:00"
    return {"id": 1 << 56 | n, "kind": 1, "subject": n, "utc": utc, "entries": entries}


def _at(place: int, **more: object) -> Callable[[list[Row]], None]:
    return lambda rows: rows[place].update(more)


def _journal(**more: object) -> Callable[[list[Row]], None]:
    return lambda rows: rows[3]["journal"].update(more)


HEAD, OPENING, FIRST, CLOSING = 0, 1, 3, -2
CAUSE = "is not of its cause"
ENTRIES: list[list[Any]] = [["person/17/pending", 504.0], ["shop/3/payable", -504.0]]


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("another format", _at(HEAD, unit="yuan")),
        ("does not know", _at(HEAD, kinds={"1": "reversal", "2": "accrual"})),
        ("does not know", _at(HEAD, kinds={"1": "accrual", "99": "gift"})),
        ("does not name", _at(HEAD, kinds={"2": "reversal"})),
        ("other things", _at(HEAD, note="void")),
        ("other things", _at(OPENING, note="void")),
        ("other things", _at(FIRST, note="void")),
        ("other things", _at(CLOSING, note="void")),
        ("other things", _journal(note="void")),
        ("other things", _at(OPENING, fen=1506.0)),
        ("other things", _at(CLOSING, fen=True)),
        ("other things", lambda rows: rows[FIRST]["journal"].pop("utc")),
        ("an entry that is none", _journal(entries=ENTRIES)),
        ("an entry that is none", _journal(entries=[[*one, "", ""] for one in ENTRIES])),
        (CAUSE, _journal(id=1 << 56 | 99)),
        (CAUSE, _journal(subject=1 << 56 | 4)),
        (CAUSE, _journal(subject=-4, id=-4)),
        ("comes for a second time", lambda rows: _again(rows, 7)),
        ("closes twice", lambda rows: rows.insert(-1, rows[-2])),
        ("opens with 0, or twice", lambda rows: rows.insert(1, rows[1])),
        ("opens with 0, or twice", lambda rows: rows.insert(1, {"opening": "shop/9/x", "fen": 0})),
    ],
)
def test_what_no_link_covers_cannot_be_forged_either(
    books: Path, said: str, change: Callable[[list[Row]], None]
) -> None:
    assert remade(books, lambda rows: None).read_bytes() == books.read_bytes()
    assert said in str(verdict(remade(books, change)))


def test_a_member_that_comes_twice_is_found(books: Path) -> None:
    """A JSON reader takes the last: it would read yuan."""
    for old in (b'"unit":"fen"', b'"opening":"shop/3/payable"', b'"n":7'):
        name, _, _ = old.partition(b":")
        for new in (old + b"," + name + b":1", name + b":1," + old):
            forged = remade(books, lambda rows: None, (old, new))
            assert "is not written as it was" in str(verdict(forged)) or "other things" in str(
                verdict(forged)
            )


def test_a_cause_that_an_earlier_file_had_is_found_in_a_later_one(
    books: Path, tmp_path: Path
) -> None:
    early = exported(tmp_path / "early.jsonl", last=3)
    forged = remade(books, lambda rows: _again(rows, 2))
    again = f"journal {1 << 56 | 2}, number 13 of the chain, comes for a second time"
    assert again in str(verdict(early, forged))
    # Alone, the later file cannot know: docs/outsiders.md says so.
    assert verdict(forged) == 0


def test_the_script_knows_every_kind_by_its_name() -> None:
    kinds = {str(kind.value): kind.name.lower() for kind in Journal.Kind}
    assert kinds.items() <= checker.KINDS.items()


def test_a_link_that_was_noted_comes_up_where_the_file_goes_on_from_it(books: Path) -> None:
    noted = bytes(SealedJournal.objects.get(n=3).link).hex()
    assert verdict(books, noted) == 0

    def empty(rows: list[Row]) -> None:
        """No journal at all, and the balances of before."""
        rows[0]["last"] = 3
        rows[3:-1] = [{"closing": row["opening"], "fen": row["fen"]} for row in rows[1:3]]

    assert "holds no journal" in str(verdict(remade(books, empty), noted))
    broken = changed(books, [books.read_bytes().replace(b"1506", b"1507")])
    assert verdict(broken, noted) != 0


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


def test_no_transaction_waits_while_a_slow_reader_takes_an_export(
    books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database ends a transaction that stands idle for 15 seconds: a slow download would be
    cut off among the balances."""
    monkeypatch.setattr(exporting, "BLOCK", 1)
    before = len(connection.savepoint_ids)
    pieces = []
    for piece in exporting.lines(chain.Part(4, JOURNALS)):
        assert len(connection.savepoint_ids) == before
        assert piece.endswith(b"\n")
        pieces.append(piece)
    assert b"".join(pieces) == books.read_bytes()


def test_a_download_is_written_down(books: Path, staff: Person) -> None:
    by = staff.account
    part, lines = chain.download(by=by, at=AT, first=4)
    assert b"".join(lines) == books.read_bytes()
    noted = AuditEntry.objects.get(action="books.export")
    assert (noted.actor, noted.target_id) == (by, "12")
    assert noted.data == {"first": 4, "last": 12, "link": chain.head()[1]}
    assert part == chain.Part(4, 12)
