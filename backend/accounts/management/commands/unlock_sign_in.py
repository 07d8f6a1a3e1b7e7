"""manage.py unlock_sign_in: forgets the failed sign-ins of a name."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.accounts import lockout
from backend.core.clock import now
from backend.core.errors import Refusal


class Command(BaseCommand):
    """Unlocks a name; the lock ends by itself after a quarter of an hour."""

    help = "Forgets the failed sign-ins of a name, so that it is tried again at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose, and why."""
        parser.add_argument("handle")
        parser.add_argument("--reason", required=True, help="for the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        """Unlocks."""
        try:
            count = lockout.lift_name(handle=options["handle"], reason=options["reason"], at=now())
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stdout.write(f"{options['handle']}: {count} rows of failures forgotten.")
