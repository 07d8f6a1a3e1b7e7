"""Uploads that nobody shows go after a day, the row and the file; what is shown stays; a note that
takes a file while it is swept keeps it or is refused. ASVS V5.2, V14.2."""

import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from backend.accounts.models import Account
from backend.core.clock import now
from backend.core.errors import NotFound
from notes import erasing, orphans, publishing
from notes.models import MediaFile, Note, NoteMedia
from notes.tasks import sweep_files, sweep_uploads
from seeds.factories import AccountFactory, MediaFileFactory, ProductFactory
from tests.cast import Person

AT = now()
DAY = timedelta(days=1)


def uploaded(owner: Account, *, hours: int = 30, name: str = "") -> MediaFile:
    """An upload of so many hours ago, its file on the disk."""
    name = name or f"202611/{os.urandom(16).hex()}.png"
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(b"picture"))
    return MediaFileFactory.create(owner=owner, file=name, created_at=AT - timedelta(hours=hours))


def left() -> set[int]:
    """The rows that are left."""
    return set(MediaFile.objects.values_list("pk", flat=True))


def exists(file: MediaFile) -> bool:
    """Whether the file lies on the disk."""
    return default_storage.exists(str(file.file))


def age(name: str, hours: float) -> None:
    """As if the disk had kept this file for so long."""
    moment = time.time() - hours * 3600
    os.utime(default_storage.path(name), (moment, moment))


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_nothing_shows_goes_after_a_day(draft: Callable[..., Note]) -> None:
    owner = AccountFactory.create()
    old, young = uploaded(owner), uploaded(owner, hours=23)
    shown, in_draft = uploaded(owner), uploaded(owner)
    ProductFactory.create(image_url=f"/media/{shown.file}")
    person = Person(owner, client=None, token="")  # type: ignore[arg-type]
    note = draft(person, media=[{"file": in_draft.pk}])
    taken_down = uploaded(owner)
    other = draft(person, media=[{"file": taken_down.pk}])
    Note.objects.filter(pk=other.pk).update(status="taken_down")
    before = left()
    assert orphans.sweep_rows(at=AT) == 1
    assert before - left() == {old.pk}
    assert [exists(file) for file in (old, young, shown, in_draft, taken_down)] == [
        False,
        True,
        True,
        True,
        True,
    ]
    NoteMedia.objects.filter(note=note).delete()
    assert orphans.sweep_rows(at=AT + DAY) == 2, "what a note has let go, and the young one"
    assert orphans.sweep_rows(at=AT + DAY) == 0


@pytest.mark.django_db(transaction=True)
def test_a_file_of_two_rows_stays_with_the_second() -> None:
    owner = AccountFactory.create()
    first = uploaded(owner)
    second = uploaded(owner, hours=1, name=str(first.file))
    assert orphans.sweep_rows(at=AT) == 1
    assert left() == {second.pk}
    assert exists(second)


@pytest.mark.django_db(transaction=True)
def test_who_is_erased_takes_no_file_that_somebody_else_shows() -> None:
    gone, other = AccountFactory.create(), AccountFactory.create()
    own = uploaded(gone)
    shared = uploaded(gone)
    kept = uploaded(other, name=str(shared.file))
    Account.objects.filter(pk=gone.pk).update(erased_at=AT)
    assert erasing.remove_files(account_id=gone.pk) == 2
    assert (exists(own), exists(kept)) == (False, True)
    assert left() == {kept.pk}


@pytest.mark.django_db(transaction=True)
def test_many_go_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "BATCH", 3)
    owner = AccountFactory.create()
    files = [uploaded(owner) for _ in range(8)]
    ProductFactory.create(image_url=f"/media/{files[4].file}")
    assert orphans.sweep_rows(at=AT) == 7
    assert left() == {files[4].pk}


@pytest.mark.django_db(transaction=True)
def test_a_sweep_that_fails_after_the_commit_leaves_work_for_the_night(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = uploaded(AccountFactory.create(), name=f"{AT:%Y%m}/{'a' * 32}.png")

    def full(name: str) -> None:
        raise OSError("the disk is away")

    with monkeypatch.context() as patch:
        patch.setattr(default_storage, "delete", full)
        assert orphans.sweep_rows(at=AT) == 1
    assert exists(file)
    age(str(file.file), 25)
    assert orphans.sweep_files(at=AT) == 1
    assert not exists(file)


@pytest.mark.django_db
def test_files_without_a_row_go_after_a_day(settings: Any) -> None:
    owner = AccountFactory.create()
    month = f"{AT:%Y%m}"
    last = f"{AT.replace(day=1) - DAY:%Y%m}"
    known = uploaded(owner, name=f"{month}/{'a' * 32}.png")
    product = f"{month}/{'d' * 32}.png"
    ProductFactory.create(image_url=f"/media/{product}")
    names = [f"{month}/{'b' * 32}.png", f"{last}/{'c' * 32}.mp4", product, "seed/picture.jpg"]
    young = f"{month}/{'e' * 32}.png"
    for name in [*names, young]:
        default_storage.save(name, ContentFile(b"x"))
    for name in [*names, str(known.file)]:
        age(name, 25)
    assert orphans.sweep_files(at=AT) == 2
    root = Path(settings.MEDIA_ROOT)
    files = {str(path.relative_to(root)) for path in root.rglob("*.*")}
    assert files == {str(known.file), product, young, "seed/picture.jpg"}


@pytest.mark.django_db(transaction=True)
def test_the_jobs_say_what_they_did() -> None:
    from backend.core.models import Heartbeat

    uploaded(AccountFactory.create())
    sweep_uploads()
    sweep_files()
    notes = dict(Heartbeat.objects.values_list("job", "note"))
    assert notes == {"uploads": "1 unused", "files": "0 without a row"}


# ---------------------------------------------------------------- taken while it is swept
class Elsewhere:
    """Something that runs on a connection of its own."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.answer: Any = None
        self._act = act
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.answer = self._act()
        except Exception as error:
            self.answer = error
        finally:
            connection.close()

    def wait(self) -> Any:
        """What it answered."""
        self._thread.join(timeout=30)
        return self.answer


@pytest.mark.django_db(transaction=True)
def test_a_note_that_comes_first_keeps_its_file(
    draft: Callable[..., Note], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep has chosen the row; before it takes the lock, a note takes the file."""
    owner = AccountFactory.create()
    file = uploaded(owner)
    person = Person(owner, client=None, token="")  # type: ignore[arg-type]
    candidates = MediaFile.objects.select_for_update
    notes: list[Elsewhere] = []

    def late(*args: Any, **kwargs: Any) -> Any:
        if "skip_locked" in kwargs:
            notes.append(Elsewhere(lambda: draft(person, media=[{"file": file.pk}])))
            notes[0].wait()
        return candidates(*args, **kwargs)

    monkeypatch.setattr(MediaFile.objects, "select_for_update", late)
    assert orphans.sweep_rows(at=AT) == 0
    assert NoteMedia.objects.get(file=file.pk)
    assert exists(file)


@pytest.mark.django_db(transaction=True)
def test_a_note_that_comes_second_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep holds the row: the note waits, and finds it gone."""
    owner = AccountFactory.create()
    file = uploaded(owner)
    notes: list[Elsewhere] = []
    real = orphans._shown_by_products

    def while_held(names: list[str]) -> set[str]:
        def write() -> Note:
            return publishing.create(
                author=owner,
                kind="image",
                title="羊毛大衣",
                topics=["学院风"],
                media=[{"file": file.pk}],
                at=AT,
            )

        notes.append(Elsewhere(write))
        time.sleep(0.3)
        assert notes[0].answer is None, "it waits for the sweep"
        return real(names)

    monkeypatch.setattr(orphans, "_shown_by_products", while_held)
    assert orphans.sweep_rows(at=AT) == 1
    assert isinstance(notes[0].wait(), NotFound)
    assert not Note.objects.exists()
    assert not exists(file)
