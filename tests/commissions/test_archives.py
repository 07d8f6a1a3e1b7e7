"""Archives of the books: checked files that are fastened to the chain; what is younger than three
years is refused (E-commerce Law, art. 31); archives and later exports are one chain (X3)."""

import gzip
import hashlib
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from backend.core.models import AuditEntry
from backend.core.sql import run
from commissions import books, chain
from commissions.books import chain_rules
from commissions.chain import ArchiveNotInOrder, NothingToExport, TooYoungToArchive, archiving
from commissions.models import BooksArchive, Entry
from tests.commissions.outsider import verdict
from tests.commissions.test_chain import AT, forge, give

DAY = timedelta(days=1)
NOW = AT + 1_500 * DAY
pytestmark = pytest.mark.django_db


def days(first: int, last: int) -> None:
    """A journal a day, sealed."""
    for day in range(first, last + 1):
        give(day, at=AT + day * DAY)
    chain.seal()


def test_two_archives_and_a_later_export_are_one_chain(tmp_path: Path) -> None:
    days(1, 9)
    first = chain.archive(before=AT + 4 * DAY, folder=tmp_path, by=None, at=NOW)
    assert (first.first, first.last, first.accounts) == (1, 3, 2)
    second = chain.archive(before=AT + 7 * DAY, folder=tmp_path, by=None, at=NOW)
    assert (second.first, second.last) == (4, 6)
    names = ["books-000000000001-000000000003.jsonl.gz", "books-000000000004-000000000006.jsonl.gz"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names
    files = [tmp_path / name for name in names]
    for made, file in zip((first, second), files, strict=True):
        assert made.checksum == hashlib.sha256(file.read_bytes()).hexdigest()
        assert made.size == file.stat().st_size
    later = tmp_path / "later.jsonl"
    call_command("export_books", str(later), first=7, stderr=StringIO())
    assert verdict(*files, later, first.link, second.link, chain.head()[1]) == 0
    # What is archived stays in the ledger as well.
    assert Entry.objects.count() == 18
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == ["books.archive"] * 2
    assert books.check(at=NOW, rules=chain_rules.RULES) == []


def test_what_is_younger_than_three_years_is_refused(tmp_path: Path) -> None:
    days(1, 3)
    with pytest.raises(TooYoungToArchive, match="older than"):
        chain.archive(before=NOW - 3 * 365 * DAY, folder=tmp_path, by=None, at=NOW)
    assert not BooksArchive.objects.exists()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CommandError, match="Too young"):
        call_command("archive_books", before=AT.date(), folder=tmp_path)


def test_what_a_killed_run_has_left_behind_does_not_stop_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL while the checker reads: no `finally` has run."""
    days(1, 3)
    with monkeypatch.context() as patch:
        patch.setattr(archiving, "CHECKER", Path("/nowhere"))
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(FileNotFoundError):
            chain.archive(before=AT + 9 * DAY, folder=tmp_path, by=None, at=NOW)
    name = "books-000000000001-000000000003.jsonl.gz"
    assert {file.name for file in tmp_path.iterdir()} == {f"{name}.part", f"{name}.check.gz"}
    made = chain.archive(before=AT + 9 * DAY, folder=tmp_path, by=None, at=NOW)
    assert made.checksum == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_where_nothing_so_old_is_left_nothing_is_archived(tmp_path: Path) -> None:
    with pytest.raises(NothingToExport):
        chain.archive(before=AT, folder=tmp_path, by=None, at=NOW)
    days(1, 3)
    chain.archive(before=AT + 2 * DAY, folder=tmp_path, by=None, at=NOW)
    with pytest.raises(NothingToExport):
        chain.archive(before=AT + 2 * DAY, folder=tmp_path, by=None, at=NOW)
    assert BooksArchive.objects.count() == 1


def test_a_younger_journal_ends_the_part_even_if_an_older_one_was_sealed_behind_it(
    tmp_path: Path,
) -> None:
    days(1, 2)
    give(9, at=AT + 9 * DAY)
    chain.seal()
    give(3, at=AT + 3 * DAY)
    chain.seal()
    assert chain.archive(before=AT + 5 * DAY, folder=tmp_path, by=None, at=NOW).last == 2


def test_books_that_are_broken_are_not_archived(tmp_path: Path) -> None:
    days(1, 4)
    forge(
        "UPDATE commissions_entry SET amount_fen = amount_fen * 2 WHERE journal_id = %s",
        1 << 56 | 3,
    )
    with pytest.raises(ArchiveNotInOrder, match="number 3 of the chain, is broken"):
        chain.archive(before=AT + 9 * DAY, folder=tmp_path, by=None, at=NOW)
    assert not BooksArchive.objects.exists()
    (left,) = tmp_path.iterdir()
    assert left.name.endswith(".part")
    assert gzip.decompress(left.read_bytes()).startswith(b'{"books":"tuike 1"')


def test_an_archive_opens_with_what_the_one_before_it_closed_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days(1, 4)
    chain.archive(before=AT + 3 * DAY, folder=tmp_path, by=None, at=NOW)
    # Both accounts' entries of a journal that is archived already: the chain of the rest is whole.
    forge(
        "UPDATE commissions_entry SET amount_fen = amount_fen * 2 WHERE journal_id = %s",
        1 << 56 | 1,
    )
    with pytest.raises(ArchiveNotInOrder, match="other balances"):
        chain.archive(before=AT + 9 * DAY, folder=tmp_path, by=None, at=NOW)
    monkeypatch.setattr(archiving, "CHECKER", Path("/nowhere"))
    with pytest.raises(FileNotFoundError):
        chain.archive(before=AT + 9 * DAY, folder=tmp_path, by=None, at=NOW)
    assert BooksArchive.objects.count() == 1


@pytest.mark.parametrize(
    ("first", "last", "link", "why"),
    [(2, 3, None, "leaves a gap"), (1, 3, "ab" * 32, "has no link"), (3, 2, None, "gap|something")],
)
def test_the_database_refuses_an_archive_that_is_not_of_the_chain(
    first: int, last: int, link: str | None, why: str
) -> None:
    days(1, 3)
    made = BooksArchive(
        first=first, last=last, before=AT, link=link or chain.head()[1], checksum="", size=1,
        file_name="x", closing_checksum="", accounts=1, made_at=NOW,
    )  # fmt: skip
    with pytest.raises(IntegrityError, match=why), transaction.atomic():
        made.save()


def test_an_archive_is_never_changed_and_one_cut_off_the_chain_is_found(tmp_path: Path) -> None:
    days(1, 3)
    chain.archive(before=AT + 3 * DAY, folder=tmp_path, by=None, at=NOW)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        run("UPDATE commissions_booksarchive SET checksum = ''")
    # The whole chain written anew, as one who owns the database could: the anchor tells.
    forge(
        "UPDATE commissions_entry SET amount_fen = amount_fen * 2 WHERE journal_id = %s",
        1 << 56 | 1,
    )
    forge("DELETE FROM commissions_sealedjournal")
    run(
        "INSERT INTO commissions_sealwaiting (journal_ids)"
        " SELECT array_agg(id ORDER BY id) FROM commissions_journal"
    )
    chain.seal()
    assert chain.first_broken() is None
    (finding,) = books.check(at=NOW, rules=chain_rules.RULES)
    assert finding.name.startswith("archives follow one another")
