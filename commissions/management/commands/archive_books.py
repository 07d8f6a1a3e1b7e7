"""manage.py archive_books: old, closed parts of the books as checked files."""

from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backend.core.clock import business_zone, now
from backend.core.errors import Refusal
from commissions import chain


class Command(BaseCommand):
    """Writes a checked archive file and fastens it to the chain."""

    help = "Writes what is older than a day, at least three years ago, into a checked file."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declares the day and the folder."""
        parser.add_argument(
            "--before", type=date.fromisoformat, required=True, help="a day of the market's zone"
        )
        parser.add_argument("--folder", type=Path, required=True, help="where the file is put")

    def handle(self, *args: Any, **options: Any) -> None:
        """Archives, and says what was kept."""
        before = datetime.combine(options["before"], time(), tzinfo=business_zone())
        try:
            made = chain.archive(before=before, folder=options["folder"], by=None, at=now())
        except Refusal as refusal:
            raise CommandError(f"{refusal.title}: {refusal.detail}") from None
        self.stdout.write(f"{made.file_name}: {made}, SHA-256 {made.checksum}, link {made.link}")
