"""manage.py reseal: after a key was put in front of FIELD_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand

from backend.accounts import second_factor
from backend.webhooks import endpoints
from commissions import conversions, payees, tax
from shops import onboarding


class Command(BaseCommand):
    """Seals every sealed column of the database under the newest of FIELD_KEYS; the older keys may
    go then. A test knows all of them: tests/backend/test_sealed_columns.py."""

    help = "Seals payees, taxpayers, identity cards and all secrets under the newest of FIELD_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Works through each table batch by batch; may be stopped and begun again."""
        for name, reseal in (
            ("payee account", payees.reseal),
            ("tax identity", tax.reseal),
            ("document", onboarding.reseal),
        ):
            done = 0
            while done := reseal(after_id=done):
                self.stdout.write(f"resealed up to {name} {done}")
        for names, count in (
            ("second factors", second_factor.reseal()),
            ("partners", conversions.reseal()),
            ("webhook endpoints", endpoints.reseal()),
        ):
            self.stdout.write(f"resealed the secrets of {count} {names}")
        self.stdout.write("Everything is sealed under the newest key.")
