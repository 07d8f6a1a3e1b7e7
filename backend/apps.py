"""Wiring that every process needs: the outbox to the relay's doorbell, the admin to our sign-in."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class DeskConfig(AdminConfig):
    """Django's admin, behind the staff's own sign-in."""

    default = False
    default_site = "backend.accounts.site.Desk"


class WiringConfig(AppConfig):
    name = "backend"
    label = "wiring"
    verbose_name = "Wiring"

    def ready(self) -> None:
        """Runs once per process, when every room is loaded."""
        from backend.core import events  # needs the app registry
        from backend.doorbell import ring

        events.wake_with(ring)
