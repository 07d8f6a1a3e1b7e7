"""The kernel as a Django app: outbox events, idempotency keys, audit rows."""

from django.apps import AppConfig
from django.core import checks


class CoreConfig(AppConfig):
    name = "backend.core"
    label = "core"
    verbose_name = "Kernel 内核"

    def ready(self) -> None:
        """Tells Django what to check."""
        from backend.core.migrating import whole_history

        checks.register(whole_history, checks.Tags.database)
