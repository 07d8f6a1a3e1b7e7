"""Wiring that every process needs: connects the outbox to the relay's doorbell."""

from django.apps import AppConfig


class WiringConfig(AppConfig):
    name = "backend"
    label = "wiring"
    verbose_name = "Wiring"

    def ready(self) -> None:
        """Runs once per process, when every room is loaded."""
        from backend.core import events  # needs the app registry
        from backend.doorbell import ring

        events.wake_with(ring)
