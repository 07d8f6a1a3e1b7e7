"""manage.py check_books: are the books in order?"""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backend.core.clock import now
from commissions import books, chain


class Command(BaseCommand):
    """Evaluates every invariant of the books; exits 1 naming the rows that break one."""

    help = "Evaluates every invariant of the books; exits 1 naming the rows that break one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declares --exact and --chain."""
        parser.add_argument(
            "--exact", action="store_true", help="compare row by row, without weighted sums"
        )
        parser.add_argument(
            "--chain", action="store_true", help="recompute every link of the chain as well"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints a line per rule, then the findings."""
        findings = books.check(at=now(), progress=self._line, exact=options["exact"])
        for finding in findings:
            self.stdout.write(f"\n{finding.code}: {finding.name}: {finding.count} rows")
            for row in finding.rows:
                self.stdout.write("  " + ", ".join(f"{name}={row[name]}" for name in row))
        broken = chain.first_broken(progress=self._line) if options["chain"] else None
        if broken:
            self.stdout.write(
                f"\nThe chain breaks at number {broken['n']}, journal {broken['journal']}"
                + (", which is gone." if broken["gone"] else ".")
            )
        if findings or broken:
            sys.exit(1)
        self.stdout.write("The books are clean.")

    def _line(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
