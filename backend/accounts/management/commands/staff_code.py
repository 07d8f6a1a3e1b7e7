"""manage.py staff_code: what a member of staff's app would show, in development."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.accounts import second_factor
from backend.accounts.models import Account
from backend.core.errors import Refusal


class Command(BaseCommand):
    """Prints the code with which a member of staff signs in at this moment."""

    help = "The six digits that a member of staff's app shows now. Not in production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose."""
        parser.add_argument("handle")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints the code, and for how long it is good."""
        account = Account.objects.filter(handle=options["handle"].lower()).first()
        if account is None:
            raise CommandError("No such account.")
        try:
            code, seconds = second_factor.next_code(account=account, unix=int(time.time()))
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stdout.write(code)
        self.stderr.write(f"good for {seconds} seconds, once")
