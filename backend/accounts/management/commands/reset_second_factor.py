"""manage.py reset_second_factor: for staff who have lost their phone and their recovery codes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.accounts import second_factor
from backend.accounts.models import Account
from backend.core.clock import now
from backend.core.errors import Refusal


class Command(BaseCommand):
    """Takes a second factor away; the next sign-in with the password sets up a new one."""

    help = "Takes a member of staff's second factor away and signs them out everywhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose, and why."""
        parser.add_argument("handle")
        parser.add_argument("--reason", required=True, help="for the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        """Resets."""
        account = Account.objects.filter(handle=options["handle"].lower()).first()
        if account is None:
            raise CommandError("No such account.")
        try:
            second_factor.reset(account=account, by=None, reason=options["reason"], at=now())
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stdout.write(f"{account.handle} sets up a new second factor at the next sign-in.")
