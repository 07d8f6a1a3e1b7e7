"""The books as a file for whoever does not trust us: JSONL that docs/check_ledger.py checks alone.

A part of the chain, from one number to another: a line that says what it is, the balances it opens
with, every journal with its link, the balances it closes with, and a line with the SHA-256 of all
before it. It is read in blocks by the chain's key, so memory stays constant, and what it reads
never changes, so it needs no snapshot.
"""

import hashlib
import json
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from backend.core import audit
from backend.core.errors import Refusal
from backend.core.sql import run, tuples, value
from commissions.chain.sealing import by_keys, head
from commissions.chain.told import ACCOUNT, ENTRIES, JOURNAL
from commissions.models import Journal, SealedJournal

FORMAT = "tuike 1"
BLOCK = 2_000
_PIECE = 2**16  # bytes of balances at a time


class NothingToExport(Refusal):
    """The chain has no journal of this part of it."""

    code = "nothing_to_export"
    status = 409
    title = "Nothing to export"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the chain: journals `first` to `last`, both included."""

    first: int
    last: int


_PERIOD = """
SELECT min(s.n) AS first, max(s.n) AS last
FROM commissions_sealedjournal s JOIN commissions_journal j ON j.id = s.journal_id
WHERE j.at >= coalesce(%(since)s::timestamptz, '-infinity')
  AND j.at < coalesce(%(until)s::timestamptz, 'infinity')
"""


def part(
    *,
    first: int | None = None,
    last: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Part:
    """The part of the chain that is asked for, all of it by default: by number, or the shortest
    one that holds every journal of [since, until). Journals take their place as they are sealed,
    so that one may hold a few others as well.

    :raises NothingToExport: there is no such journal.
    """
    low, high = first or 1, min(last or head()[0], head()[0])
    if since or until:
        with transaction.atomic():
            run("SET LOCAL statement_timeout = '15min'")
            found = tuples(_PERIOD, {"since": since, "until": until})[0]
        low, high = max(low, found[0] or 1), min(high, found[1] or 0)
    if not 1 <= low <= high:
        raise NothingToExport("The chain has no journal of this part of it; or not yet.")
    return Part(low, high)


_JOURNALS = f"""
SELECT '{{"n":' || s.n || ',"link":"' || encode(s.link, 'hex') || '","journal":' || {JOURNAL}
    || '}}'
FROM commissions_sealedjournal s JOIN commissions_journal j ON j.id = s.journal_id
LEFT JOIN {ENTRIES}
WHERE s.n BETWEEN %s::bigint AND %s::bigint ORDER BY s.n
"""
_BALANCES = f"""
SELECT {ACCOUNT} AS account, b.fen FROM (
    SELECT e.account_id, sum(e.amount_fen)::bigint AS fen
    FROM commissions_sealedjournal s JOIN commissions_entry e ON e.journal_id = s.journal_id
    WHERE s.n <= %s::bigint GROUP BY e.account_id HAVING sum(e.amount_fen) <> 0) b
JOIN commissions_ledgeraccount a ON a.id = b.account_id ORDER BY {ACCOUNT} COLLATE "C"
"""


def lines(wanted: Part) -> Iterator[bytes]:
    """The export, in pieces of whole lines: memory does not grow with it."""
    whole = hashlib.sha256()
    for piece in _body(wanted):
        whole.update(piece)
        yield piece
    link = _link(wanted.last)
    yield _line({"end": wanted.last, "link": link, "sha256": whole.hexdigest()})


def _body(wanted: Part) -> Iterator[bytes]:
    yield _line(
        {
            "books": FORMAT,
            "first": wanted.first,
            "last": wanted.last,
            "previous": _link(wanted.first - 1),
            "kinds": {str(kind.value): kind.name.lower() for kind in Journal.Kind},
            "unit": "fen",
        }
    )
    if wanted.first > 1:
        yield from _balances("opening", wanted.first - 1)
    for start in range(wanted.first, wanted.last + 1, BLOCK):
        with transaction.atomic():
            by_keys()
            found = tuples(_JOURNALS, [start, min(start + BLOCK - 1, wanted.last)])
        yield "".join(f"{line}\n" for (line,) in found).encode()
    yield from _balances("closing", wanted.last)


def _balances(name: str, after: int) -> Iterator[bytes]:
    """What every account held after a place of the chain, where it was not nothing.

    Written to a temporary file first: the database ends a transaction that stands idle while a
    slow reader takes what it was given, and the reader would have a file that is cut off."""
    with tempfile.TemporaryFile() as file:
        with transaction.atomic():
            run("SET LOCAL statement_timeout = '15min'")
            with connection.chunked_cursor() as cursor:
                cursor.execute(_BALANCES, [after])
                while found := cursor.fetchmany(BLOCK):
                    file.writelines(_line({name: account, "fen": fen}) for account, fen in found)
        file.seek(0)
        while whole := file.readlines(_PIECE):
            yield b"".join(whole)


def _line(row: dict[str, object]) -> bytes:
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def _link(n: int) -> str:
    found = value("SELECT encode(link, 'hex') FROM commissions_sealedjournal WHERE n = %s", [n])
    return str(found) if n else "00" * 32


def packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same as gzip, piece by piece."""
    packing = zlib.compressobj(wbits=31)
    for piece in pieces:
        yield packing.compress(piece)
    yield packing.flush()


def download(
    *,
    by: object,
    at: datetime,
    first: int | None = None,
    last: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> tuple[Part, Iterator[bytes]]:
    """An export for somebody, who is written down; the part of the chain, and its lines.

    :raises NothingToExport: there is no such journal.
    """
    wanted = part(first=first, last=last, since=since, until=until)
    with transaction.atomic():
        sealed = SealedJournal.objects.get(n=wanted.last)
        audit.note(
            actor=by,
            action="books.export",
            target=sealed,
            at=at,
            first=wanted.first,
            last=wanted.last,
            link=bytes(sealed.link).hex(),
        )
    return wanted, lines(wanted)
