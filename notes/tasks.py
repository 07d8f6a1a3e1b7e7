"""Background jobs of the notes room; each calls one verb."""

from celery import shared_task

from backend.core import heartbeats
from backend.core.clock import now
from notes import erasing, ranking, recount


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
