"""What notes know of a person, and how they forget it: what they wrote, showed and followed.

Likes and collects stay, as numbers of the notes of others; nobody can see whose they are. Counters
of others are right again after the night's recount.
"""

from datetime import datetime
from functools import partial

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q

from backend.accounts.erasure import Room
from backend.accounts.models import Account
from backend.core.logs import get
from backend.core.states import move
from notes.models import (
    Comment,
    Follow,
    GoodsNoteApplication,
    LiveSession,
    MediaFile,
    Note,
    NoteMedia,
)

log = get(__name__)
BATCH = 1_000


def in_the_way(account: Account) -> dict[str, int]:
    """A live session that is on."""
    live = LiveSession.objects.filter(host=account, status=LiveSession.Status.LIVE)
    return {"live_sessions": live.count()}


def forget(account: Account, at: datetime) -> None:
    """Runs inside the transaction of the erasure; the files go when it is committed."""
    mine = Note.objects.filter(author=account)
    NoteMedia.objects.filter(note__in=mine).delete()
    mine.filter(status=Note.Status.DELETED).update(title="", body="", city_code="", terms=[])
    move(
        mine,
        transitions=Note.TRANSITIONS,
        to=Note.Status.DELETED,
        title="",
        body="",
        city_code="",
        terms=[],
        rank_due=False,
    )
    Comment.objects.filter(author=account).update(status=Comment.Status.DELETED, text="")
    Follow.objects.filter(Q(follower=account) | Q(followee=account)).delete()
    GoodsNoteApplication.objects.filter(account=account).update(reason="")
    sessions = LiveSession.objects.filter(host=account)
    move(sessions, transitions=LiveSession.TRANSITIONS, to=LiveSession.Status.CANCELLED)
    sessions.update(title="")
    transaction.on_commit(partial(remove_files, account_id=account.pk))


def remove_files(*, account_id: int | None = None) -> int:
    """Deletes the files of erased accounts, file first, row after it; returns how many. Called
    after the commit and, for what a crash has left, by the night's job."""
    mine = Q(owner__erased_at__isnull=False)
    if account_id is not None:
        mine &= Q(owner=account_id)
    files = MediaFile.objects.filter(mine, pk__gt=0).order_by("pk")
    removed = last = 0
    while batch := list(files.filter(pk__gt=last)[:BATCH]):
        last = batch[-1].pk
        shared = _shown_by_others({str(file.file.name) for file in batch})
        for file in batch:
            try:
                if str(file.file.name) not in shared:
                    default_storage.delete(str(file.file.name))
            except OSError:
                log.exception("file %s of an erased account cannot be deleted", file.pk)
                continue
            file.delete()
            removed += 1
    return removed


def _shown_by_others(names: set[str]) -> set[str]:
    """Those of the files that somebody else's row names too: they stay."""
    others = MediaFile.objects.filter(file__in=names, owner__erased_at__isnull=True)
    return set(others.values_list("file", flat=True))


ROOM = Room(in_the_way, forget)
