"""Background jobs of the notes room; each calls one verb."""

from celery import shared_task

from backend.core import heartbeats
from backend.core.clock import now
from notes import erasing, orphans, ranking, recount


@shared_task(name="notes.rank_notes")
def rank_notes() -> None:
    """Ranks the notes acted on since the last round."""
    ranked = ranking.rank_notes(at=now())
    heartbeats.beat(job="ranking", at=now(), note=f"{ranked} notes")


@shared_task(name="notes.recount")
def recount_counters() -> None:
    """Recounts every counter from its rows, and removes files that an erasure has left."""
    erasing.remove_files()
    found = recount.recount(at=now())
    heartbeats.beat(job="recount", at=now(), note=str(found))


@shared_task(name="notes.sweep_uploads")
def sweep_uploads() -> None:
    """Deletes uploads of yesterday that nothing shows."""
    gone = orphans.sweep_rows(at=now())
    heartbeats.beat(job="uploads", at=now(), note=f"{gone} unused")


@shared_task(name="notes.sweep_files")
def sweep_files() -> None:
    """Deletes files without a row."""
    gone = orphans.sweep_files(at=now())
    heartbeats.beat(job="files", at=now(), note=f"{gone} without a row")
