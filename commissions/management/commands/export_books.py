"""manage.py export_books: the books for an auditor, to check without us."""

import gzip
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backend.core.errors import Refusal
from commissions import chain


class Command(BaseCommand):
    """Writes the sealed journals with their links and balances as JSONL."""

    help = "Writes the sealed journals as JSONL, for docs/check_ledger.py to check offline."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declares the file and the part of the chain."""
        parser.add_argument("file", help="FILE.jsonl or FILE.jsonl.gz, or - for standard output")
        parser.add_argument("--first", type=int, help="from this number of the chain on")
        parser.add_argument("--last", type=int, help="up to this number")
        instant = datetime.fromisoformat
        parser.add_argument("--since", type=instant, help="from this instant on, with its zone")
        parser.add_argument("--until", type=instant, help="before this instant, with its zone")

    def handle(self, *args: Any, **options: Any) -> None:
        """Streams the export into the file."""
        asked = {name: options[name] for name in ("first", "last", "since", "until")}
        if any(isinstance(one, datetime) and one.tzinfo is None for one in asked.values()):
            raise CommandError("An instant needs its zone: 2026-11-01T00:00:00+08:00.")
        try:
            part = chain.part(**asked)
        except Refusal as refusal:
            raise CommandError(str(refusal.detail)) from None
        with ExitStack() as stack:
            file = _opened(options["file"], stack)
            for piece in chain.lines(part):
                file.write(piece)
        self.stderr.write(f"journals {part.first} to {part.last} of the chain")


def _opened(path: str, stack: ExitStack) -> BinaryIO:
    if path == "-":
        return sys.stdout.buffer
    # "x": an older export is never overwritten.
    raw = stack.enter_context(Path(path).open("xb"))  # noqa: SIM115 the stack closes it
    if not path.endswith(".gz"):
        return raw
    return cast(BinaryIO, stack.enter_context(gzip.GzipFile("", "wb", fileobj=raw, mtime=0)))
