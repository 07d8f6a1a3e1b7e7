"""From a paid line to its commission order and its journal."""

from collections.abc import Sequence

from backend.core.models import Event


def on_orders(events: Sequence[Event]) -> None:
    """Brings the commissions of these events' orders into agreement with the orders."""
