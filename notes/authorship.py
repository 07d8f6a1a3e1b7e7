"""An author's own notes: found and locked for a change, or not found at all."""

from datetime import datetime

from django.db.models import F

from backend.accounts.models import Account
from backend.core.errors import NotFound, Refusal
from notes.models import Note


class NoteTakenDown(Refusal):
    """Staff took the note down: it can be read by its author and deleted, nothing else."""

    code = "note_taken_down"
    status = 409
    title = "The note was taken down"


def own_note(*, account: Account, note_id: int) -> Note:
    """A note of this account in any state but deleted.

    :raises NotFound: no such note of this account.
    """
    note = Note.objects.filter(pk=note_id, author=account).exclude(status="deleted").first()
    if note is None:
        raise NotFound()
    return note


def lock_own(*, account: Account, note_id: int) -> Note:
    """As `own_note`, locked until the transaction ends, and not taken down.

    :raises NotFound: no such note of this account.
    :raises NoteTakenDown: staff took it down.
    """
    note = (
        Note.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk=note_id, author=account)
        .exclude(status=Note.Status.DELETED)
        .first()
    )
    if note is None:
        raise NotFound()
    if note.status == Note.Status.TAKEN_DOWN:
        raise NoteTakenDown(reason=note.takedown_reason)
    return note


def mark_edited(note: Note, *, at: datetime) -> None:
    """A published note that changes keeps its id, its counters and its place, and gets a new
    revision; drafts have no revisions."""
    if note.status == Note.Status.PUBLISHED:
        Note.objects.filter(pk=note.pk).update(revision=F("revision") + 1, edited_at=at)
        note.refresh_from_db(fields=["revision", "edited_at"])
