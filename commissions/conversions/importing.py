"""Importing files: stored whole at once, taken by a job 1,000 rows at a time.

Each chunk is one transaction: its lines, its verdicts and how far the file is taken commit
together, so a worker that dies anywhere has taken each row once or not yet. Memory holds a piece of
the file and a chunk of rows, however long the file is.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.core.files.base import File
from django.db import transaction
from django.db.models import QuerySet

from backend.accounts.models import Account
from backend.core.errors import Invalid, NotFound
from backend.core.logs import get
from backend.core.sql import rows, run, texts, value
from backend.core.states import move
from commissions.conversions import reading
from commissions.conversions.sources import SourceClosed, own_source
from commissions.conversions.taking import take
from commissions.conversions.verdicts import Verdict
from commissions.models import ConversionImport, ConversionPiece
from commissions.providers.bank_file import safe

log = get(__name__)
CHUNK = 1_000
PIECE = 2**20
MAX_BYTES = 256 * PIECE
Status = ConversionImport.Status
Kind = ConversionImport.Kind


class FileTooLarge(Invalid):
    """The file is empty, or longer than 256 MiB; `limit_bytes` says how much is taken."""

    code = "import_too_large"
    title = "The file is empty or too large"


def upload(
    *, account: Account, source_id: int, kind: str, dry_run: bool, file: File, at: datetime
) -> ConversionImport:
    """Stores a partner's file for the job to take, `kind` csv or jsonl; a dry run gives the
    verdicts and takes nothing.

    :raises NotFound: not a source of the account's.
    :raises SourceClosed: it takes nothing for now.
    :raises FileTooLarge: nothing in it, or more than 256 MiB.
    """
    source = own_source(account=account, source_id=source_id)
    if not source.is_active:
        raise SourceClosed()
    if not 0 < file.size <= MAX_BYTES:
        raise FileTooLarge(fields={"file": ["1 byte to 256 MiB."]}, limit_bytes=MAX_BYTES)
    digest = hashlib.sha256()
    with transaction.atomic():
        made = ConversionImport.objects.create(
            source=source,
            uploaded_by=account,
            kind=kind,
            dry_run=dry_run,
            size_bytes=file.size,
            created_at=at,
        )
        for number, piece in enumerate(file.chunks(PIECE)):
            digest.update(piece)
            ConversionPiece.objects.create(upload=made, number=number, content=piece)
        made.checksum = digest.hexdigest()
        made.save(update_fields=["checksum"])
    return made


def imports_of(*, account: Account, source_id: int) -> QuerySet[ConversionImport]:
    """The imports of a source.

    :raises NotFound: not a source of the account's.
    """
    source = own_source(account=account, source_id=source_id)
    return ConversionImport.objects.filter(source=source)


def find(*, account: Account, import_id: int) -> ConversionImport:
    """One import of the account's own shop.

    :raises NotFound: it is not.
    """
    mine = ConversionImport.objects.filter(source__shop__account=account)
    one = mine.filter(pk=import_id).first()
    if one is None:
        raise NotFound()
    return one


# One import at a time a worker; what another holds is skipped.
_CLAIM = """
SELECT id FROM commissions_conversionimport WHERE status IN ('waiting', 'running')
ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
"""


def run_imports(*, at: datetime, chunks: int = 100) -> int:
    """Takes what waits, the oldest file first, at most `chunks` chunks of 1,000 rows; returns how
    many rows were taken. Any number of workers may do it at once."""
    done = 0
    for _ in range(chunks):
        taken = _one_chunk(at)
        if taken is None:
            break
        done += taken
    return done


def _one_chunk(at: datetime) -> int | None:
    """One chunk of the oldest file that nobody else has; None where there is none."""
    with transaction.atomic():
        import_id = value(_CLAIM)
        if import_id is None:
            return None
        job = ConversionImport.objects.select_related("source").get(pk=import_id)
        try:
            with transaction.atomic():
                return _take_chunk(job, at)
        except Exception as error:  # one broken file must not stop the files behind it
            log.exception("import %s failed", import_id)
            _finish(job, Status.FAILED, at, error=type(error).__name__)
            return 0


def _take_chunk(job: ConversionImport, at: datetime) -> int:
    found = reading.lines(_pieces(job), job.position)
    if job.kind == Kind.CSV and not job.columns and job.position == 0:
        head = next(found)
        columns = reading.columns_of(head.content)
        if columns is None:
            _finish(job, Status.FAILED, at, error="The first row must name the columns.")
            return 0
        job.columns, job.position = columns, head.position
    chunk = list(
        islice((line for line in found if line.content is None or line.content.strip()), CHUNK)
    )
    told = [_row(job, line.content) for line in chunk]
    verdicts = _taken(job, told, at)
    _keep(job, told, verdicts)
    job.counts = dict(Counter(job.counts) + Counter(map(str, verdicts)))
    job.row_count += len(chunk)
    is_end = len(chunk) < CHUNK
    job.position = job.size_bytes if is_end else chunk[-1].position
    if is_end:
        _finish(job, Status.DONE, at)
    else:
        _save(job, Status.RUNNING)
    return len(chunk)


def _pieces(job: ConversionImport) -> Iterator[bytes]:
    """The file from its position on, a piece at a time."""
    number, skip = divmod(job.position, PIECE)
    while True:
        found = ConversionPiece.objects.filter(upload=job, number=number).values_list(
            "content", flat=True
        )
        piece = found.first()
        if piece is None:
            return
        yield bytes(piece)[skip:]
        number, skip = number + 1, 0


def _row(job: ConversionImport, content: bytes | None) -> reading.Row | None:
    if job.kind == Kind.CSV:
        return reading.csv_row(content, job.columns)
    return reading.json_row(content)


def _taken(job: ConversionImport, told: list[reading.Row | None], at: datetime) -> list[Verdict]:
    """The verdicts of a chunk; a dry run does everything and takes it back."""
    good = [row for row in told if row is not None]
    with transaction.atomic():
        given = iter(take(source=job.source, told=good, at=at))
        if job.dry_run:
            transaction.set_rollback(True)
    return [Verdict.MALFORMED if row is None else next(given) for row in told]


_KEEP = """
INSERT INTO commissions_conversionverdict (upload_id, row, code, external_order, external_line)
SELECT %s::bigint, %s::int + w.place, w.code, w.o, w.l
FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS w(code, o, l, place)
"""


def _keep(job: ConversionImport, told: list[reading.Row | None], verdicts: list[Verdict]) -> None:
    orders = [row.order if row else "" for row in told]
    lines = [row.line if row else "" for row in told]
    run(
        _KEEP, [job.pk, job.row_count, texts(list(map(str, verdicts))), texts(orders), texts(lines)]
    )


def _save(job: ConversionImport, to: Status, **more: Any) -> None:
    moved = move(
        ConversionImport.objects.filter(pk=job.pk),
        transitions=ConversionImport.TRANSITIONS,
        to=to,
        columns=job.columns,
        position=job.position,
        row_count=job.row_count,
        counts=job.counts,
        **more,
    )
    assert moved, "the row is locked"


def _finish(job: ConversionImport, to: Status, at: datetime, error: str = "") -> None:
    _save(job, to, finished_at=at, error=error[:200])
    delete_content(job)


def delete_content(job: ConversionImport) -> None:
    """The file itself is not kept: its rows and verdicts are."""
    run("DELETE FROM commissions_conversionpiece WHERE upload_id = %s", [job.pk])


_VERDICTS = """
SELECT row, code, external_order, external_line FROM commissions_conversionverdict
WHERE upload_id = %s AND row > %s ORDER BY row LIMIT %s
"""
PAGE = 5_000


def verdict_lines(*, job: ConversionImport) -> Iterator[dict[str, Any]]:
    """The verdicts of an import, row by row; a page at a time in memory."""
    last = 0
    while True:
        page = rows(_VERDICTS, [job.pk, last, PAGE])
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1]["row"]


def verdict_csv(*, job: ConversionImport) -> Iterator[str]:
    """The verdicts as lines of a CSV file, what partners typed made safe for spreadsheets."""
    yield "row,verdict,order,line\r\n"
    for found in verdict_lines(job=job):
        typed = [safe(found[name]) for name in ("external_order", "external_line")]
        yield ",".join([str(found["row"]), found["code"], *map(_cell, typed)]) + "\r\n"


def _cell(text: str) -> str:
    """Quoted where a comma or a quotation mark would end it."""
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text
