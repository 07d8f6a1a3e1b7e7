"""Webhooks as a Django app."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "backend.webhooks"
    label = "webhooks"
    verbose_name = "Webhooks 回调推送"

    def ready(self) -> None:
        """Tells the house what erasing a person means here."""
        from backend.accounts import erasure  # the registry is loaded only now
        from backend.webhooks import endpoints

        erasure.tell_rooms(endpoints.ROOM)
