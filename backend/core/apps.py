"""The kernel as a Django app: outbox events, idempotency keys, audit rows."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "backend.core"
    label = "core"
    verbose_name = "Kernel 内核"
