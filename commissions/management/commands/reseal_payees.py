"""manage.py reseal_payees: after a key was put in front of FIELD_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand

from backend.accounts import second_factor
from commissions import payees, tax
from shops import onboarding


class Command(BaseCommand):
    """Seals everything that is sealed under the newest of FIELD_KEYS: payee accounts, tax
    identities, identity cards of applicants, the staff's second factors. The older keys may go
    then."""

    help = "Seals payees, identity cards and second factors under the newest of FIELD_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Works through the table batch by batch; may be stopped and begun again."""
        done = 0
        while done := payees.reseal(after_id=done):
            self.stdout.write(f"resealed up to payee account {done}")
        self.stdout.write("Every payee account is sealed under the newest key.")
        done = 0
        while done := tax.reseal(after_id=done):
            self.stdout.write(f"resealed up to tax identity {done}")
        done = 0
        while done := onboarding.reseal(after_id=done):
            self.stdout.write(f"resealed up to document {done}")
        self.stdout.write(f"So are the secrets of {second_factor.reseal()} second factors.")
