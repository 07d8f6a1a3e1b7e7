"""manage.py reseal_webhooks: after a key was put in front of FIELD_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand

from backend.webhooks import endpoints


class Command(BaseCommand):
    """Seals the secrets of webhook endpoints under the newest of FIELD_KEYS."""

    help = "Seals the secrets of webhook endpoints under the newest of FIELD_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Works through the endpoints one by one; may be stopped and begun again."""
        self.stdout.write(f"The secrets of {endpoints.reseal()} webhook endpoints are resealed.")
