"""DAB and GMV: facts about orders, rolled up by the worker."""

from collections.abc import Sequence

from backend.core.models import Event


def mark_days(events: Sequence[Event]) -> None:
    """Marks the business days that these order events touch for a recount."""
