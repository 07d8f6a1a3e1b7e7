"""manage.py replay_attribution: who would have won under other rules?"""

import json
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from commissions import replay


class Command(BaseCommand):
    """Runs attribution once more over a period and prints the differences as JSON lines, then
    the totals; a page at a time, whatever the period, and nothing is written."""

    help = "Runs attribution once more over a period; prints the differences as JSON lines."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declares the period, the shop and the rules."""
        parser.add_argument("--from", required=True, dest="first", type=date.fromisoformat)
        parser.add_argument("--to", required=True, dest="last", type=date.fromisoformat)
        parser.add_argument("--shop", type=int)
        for kind in ("referral", "note", "live"):
            parser.add_argument(f"--{kind}-days", type=int)
        parser.add_argument("--self-purchase", default="", choices=["none", "commission"])
        parser.add_argument("--without", nargs="*", choices=sorted(replay.RANKS))

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints a line per difference, and one of totals."""
        names = ("referral_days", "note_days", "live_days", "self_purchase", "without")
        rules = replay.rules_of(**{name: options[name] for name in names})
        scope = replay.Scope(options["first"], options["last"], shop_id=options["shop"])
        totals = {"lines": 0, "changed": 0, "moved_fen": 0}
        for page in replay.pages(scope=scope, rules=rules):
            for one in page.differences:
                self.stdout.write(json.dumps(one, ensure_ascii=False))
            totals["lines"] += page.lines
            totals["changed"] += len(page.differences)
            totals["moved_fen"] += page.moved_fen
        self.stdout.write(json.dumps(totals))
