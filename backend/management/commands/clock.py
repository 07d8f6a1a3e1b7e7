"""manage.py clock: moves the demo's clock on, so that after-sale windows pass."""

import re
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.core import clock

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


class Command(BaseCommand):
    """Shows or advances the clock that web, worker and beat of this var folder share."""

    help = "Show the demo's clock, or advance it: --advance 8d (d, h, m, s). Not in production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--advance."""
        parser.add_argument("--advance", metavar="8d")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints the resulting time."""
        if options["advance"]:
            match = re.fullmatch(r"(\d{1,5})([dhms])", options["advance"])
            if not match:
                raise CommandError("--advance takes a number and a unit, such as 8d or 36h")
            try:
                clock.advance(timedelta(**{_UNITS[match[2]]: int(match[1])}))
            except RuntimeError as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"{clock.now():%Y-%m-%d %H:%M:%S} UTC (advanced by {clock.offset()})")
