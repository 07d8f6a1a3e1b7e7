"""Archiving 归档: a closed part of the books as a checked file that is fastened to the chain.

The file is an export like any other, so one checker reads archives and later exports as one chain.
The entries stay in the ledger (decision 20 says why): an archive proves what they were.
"""

import gzip
import hashlib
import os
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from runpy import run_path
from typing import Any

from django.conf import settings
from django.db import transaction

from backend.core import audit
from backend.core.errors import Refusal
from backend.core.sql import run, value
from commissions.chain.exporting import NothingToExport, Part, lines
from commissions.chain.sealing import head
from commissions.models import BooksArchive, SealedJournal

# E-commerce Law of the PRC, art. 31: three years from the day a transaction is completed.
KEPT = timedelta(days=3 * 366)
CHECKER = Path(settings.BASE_DIR) / "docs" / "check_ledger.py"


class TooYoungToArchive(Refusal):
    """Transactions are kept for three years (E-commerce Law, art. 31)."""

    code = "too_young_to_archive"
    status = 422
    title = "Too young to archive"


class ArchiveNotInOrder(Refusal):
    """The checker refuses the file that was written: nothing is archived."""

    code = "archive_not_in_order"
    status = 409
    title = "The archive is not in order"


_FIRST_YOUNG = """
SELECT min(s.n) FROM commissions_sealedjournal s JOIN commissions_journal j ON j.id = s.journal_id
WHERE s.n >= %s::bigint AND j.at >= %s::timestamptz
"""


def archive(*, before: datetime, folder: Path, by: Any, at: datetime) -> BooksArchive:
    """Writes what the chain holds after the last archive, up to its first journal of `before` or
    later, into a file of `folder`; lets the checker read it; and keeps its digest with the chain's
    link and the balances it closes with.

    :raises TooYoungToArchive: `before` is less than three years ago.
    :raises NothingToExport: nothing of that age has been sealed since the last archive.
    :raises ArchiveNotInOrder: the checker found a fault in the file, or it opens with other
        balances than the archive before it closed with; the file is left for a look.
    """
    if before > at - KEPT:
        raise TooYoungToArchive(f"Only what is older than {at - KEPT:%Y-%m-%d} may be archived.")
    last = BooksArchive.objects.order_by("-last").first()
    wanted = _part(after=last.last if last else 0, before=before)
    name = f"books-{wanted.first:012}-{wanted.last:012}.jsonl.gz"
    written = _write(wanted, folder / f"{name}.part")
    link = bytes(SealedJournal.objects.get(n=wanted.last).link).hex()
    _must_be_in_order(written, link, last)
    written.path.rename(folder.joinpath(name))
    with transaction.atomic():
        made = BooksArchive.objects.create(
            first=wanted.first,
            last=wanted.last,
            before=before,
            link=link,
            checksum=written.checksum,
            size=folder.joinpath(name).stat().st_size,
            file_name=name,
            closing_checksum=written.closing.hexdigest(),
            accounts=written.accounts,
            made_by=by,
            made_at=at,
        )
        audit.note(actor=by, action="books.archive", target=made, at=at, sha256=made.checksum)
    return made


def _part(*, after: int, before: datetime) -> Part:
    with transaction.atomic():
        run("SET LOCAL statement_timeout = '15min'")
        young = value(_FIRST_YOUNG, [after + 1, before])
    last = young - 1 if young else head()[0]
    if last <= after:
        raise NothingToExport("Nothing so old has been sealed since the last archive.")
    return Part(after + 1, last)


@dataclass(slots=True)
class _Written:
    """A file that was written, and what it opens and closes with."""

    path: Path
    checksum: str = ""
    opening: Any = field(default_factory=hashlib.sha256)
    closing: Any = field(default_factory=hashlib.sha256)
    accounts: int = 0

    def look(self, piece: bytes) -> None:
        """Takes in the balances among the lines of an export."""
        for name, kept in ((b"opening", self.opening), (b"closing", self.closing)):
            mark = b'{"' + name + b'":'
            if piece.startswith(mark):
                kept.update(piece.replace(mark, b""))
                self.accounts += piece.count(b"\n") if name == b"closing" else 0


def _write(wanted: Part, path: Path) -> _Written:
    """The export as a file that survives a loss of power; an older try of ours is written over."""
    written = _Written(path)
    with path.open("wb") as raw:
        with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
            for piece in lines(wanted):
                written.look(piece)
                file.write(piece)
        raw.flush()
        os.fsync(raw.fileno())
    whole = hashlib.sha256()
    with path.open("rb") as raw:
        while piece := raw.read(2**20):
            whole.update(piece)
    written.checksum = whole.hexdigest()
    return written


def _must_be_in_order(written: _Written, link: str, last: BooksArchive | None) -> None:
    """By the very script that an outsider runs."""
    readable = written.path.with_suffix(".check.gz")
    readable.unlink(missing_ok=True)  # of a run that was killed while it checked
    readable.hardlink_to(written.path)
    try:
        with redirect_stdout(StringIO()):
            wrong = run_path(str(CHECKER))["main"]([str(readable), link])
    finally:
        readable.unlink()
    if wrong:
        raise ArchiveNotInOrder(str(wrong)[-500:])
    if last and last.closing_checksum != written.opening.hexdigest():
        raise ArchiveNotInOrder(f"It opens with other balances than {last.file_name} closes with.")
