"""Uploads that nobody shows 孤儿文件: after a day the row goes, then its file.

Shown is what stands in a note of any state, or in a product's picture. Rows first and files after
the commit: what a crash leaves between the two is a file without a row, and the night's sweep finds
those, as it finds what a crash in the middle of an upload leaves.
"""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Concat

from backend.core.logs import get
from notes.models import MediaFile, NoteMedia
from shops.models import Product

log = get(__name__)
AGE: Final = timedelta(days=1)
BATCH: Final = 500
MOST: Final = 20_000  # rows, or files, a round


_NOTES = NoteMedia.objects.filter(file=OuterRef("pk"))
_PRODUCTS = Product.objects.filter(
    image_url=Concat(Value(settings.MEDIA_URL), OuterRef("file"), output_field=CharField())
)


def sweep_rows(*, at: datetime) -> int:
    """Deletes the uploads older than a day that nothing shows, with their files; how many. Two at
    once share the work."""
    done, last = 0, 0
    while done < MOST:
        with transaction.atomic():
            looked_at, gone = _sweep_batch(last, at - AGE)
        if not looked_at:
            break
        done, last = done + gone, looked_at
    return done


def _sweep_batch(after: int, before: datetime) -> tuple[int, int]:
    """Looks at the next rows; the last id looked at (0 at the end) and how many are deleted."""
    old = MediaFile.objects.filter(pk__gt=after, created_at__lt=before)
    unused = old.filter(~Exists(_NOTES), ~Exists(_PRODUCTS))
    ids = list(unused.order_by("pk").values_list("pk", flat=True)[:BATCH])
    if not ids:
        return 0, 0
    # FOR UPDATE, not NO KEY: a note that takes the file meanwhile waits, and finds it gone.
    locked = MediaFile.objects.select_for_update(of=("self",), skip_locked=True)
    rows = {row.pk: row for row in locked.filter(pk__in=ids).order_by("pk")}
    # Asked once more, under the lock: whoever was first has committed by now.
    taken = set(NoteMedia.objects.filter(file__in=rows).values_list("file_id", flat=True))
    shown = _shown_by_products([str(row.file) for row in rows.values()])
    orphans = [pk for pk, row in rows.items() if pk not in taken and str(row.file) not in shown]
    names = {str(rows[pk].file) for pk in orphans}
    MediaFile.objects.filter(pk__in=orphans).delete()
    transaction.on_commit(partial(_remove, names))
    return ids[-1], len(orphans)


def _shown_by_products(names: list[str]) -> set[str]:
    """Those of the files that are a product's picture."""
    addresses = {f"{settings.MEDIA_URL}{name}": name for name in names}
    found = Product.objects.filter(image_url__in=addresses).values_list("image_url", flat=True)
    return {addresses[url] for url in found}


def _remove(names: set[str]) -> None:
    """Deletes the files that no row needs any more (several rows may show one)."""
    kept = set(MediaFile.objects.filter(file__in=names).values_list("file", flat=True))
    for name in names - kept:
        try:
            default_storage.delete(name)
        except OSError:
            log.exception("file %s cannot be deleted; the night's sweep tries again", name)


def sweep_files(*, at: datetime) -> int:
    """Deletes files of this month and the last that are a day old and have no row; how many. Their
    age is the disk's, by the real clock, whatever the demo's shows."""
    done, files = 0, _old_files(at)
    while names := list(islice(files, BATCH)):
        known = set(MediaFile.objects.filter(file__in=names).values_list("file", flat=True))
        for name in set(names) - known - _shown_by_products(names):
            default_storage.delete(name)
            done += 1
        if done >= MOST:
            break
    return done


def _old_files(at: datetime) -> Iterator[str]:
    months = {f"{at:%Y%m}", f"{at.replace(day=1) - timedelta(days=1):%Y%m}"}
    before = time.time() - AGE.total_seconds()
    for month in sorted(months):
        if not default_storage.exists(month):
            continue
        for name in default_storage.listdir(month)[1]:
            path = f"{month}/{name}"
            if default_storage.get_modified_time(path).timestamp() < before:
                yield path
