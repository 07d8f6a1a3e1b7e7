"""manage.py seed: fills an empty database with a believable market."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.core.clock import now
from backend.core.errors import Refusal
from seeds.scenarios import demo, tuike
from seeds.scenarios.stage import SEED, Stage


class Command(BaseCommand):
    """Plays a scenario, or prints how to sign in to the one that was played."""

    help = "Seed demo data: --scenario demo | tuike, or --print-welcome."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to play and how large."""
        parser.add_argument("--scenario", choices=["demo", "tuike"])
        parser.add_argument("--size", type=float, default=1.0, help="of the demo; 1.0")
        parser.add_argument("--seed", type=int, default=SEED, help=f"of the dice; {SEED}")
        parser.add_argument("--if-empty", action="store_true", help="do nothing to a full one")
        parser.add_argument("--promoters", type=int, default=tuike.PROMOTERS, help="of tuike")
        parser.add_argument("--sales-yuan", type=int, help="of tuike; 5,000,000 with 3,000")

    def handle(self, *args: Any, **options: Any) -> None:
        """Plays or prints."""
        try:
            if options["scenario"] == "demo" and options["if_empty"] and not demo.is_empty():
                demo.must_be_whole()
                return
            self._play(options)
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal

    def _play(self, options: dict[str, Any]) -> None:
        stage = Stage(
            options["scenario"], now(), self._tell, size=options["size"], seed=options["seed"]
        )
        self._tell(f"seeding the scenario {stage.name}:")
        if stage.name == "tuike":
            self._tuike(stage, options)
        else:
            demo.play(stage)

    def _tuike(self, stage: Stage, options: dict[str, Any]) -> None:
        count = options["promoters"]
        sales_yuan = options["sales_yuan"] or tuike.usual_sales_fen(count) // 100
        tuike.play(stage, count=count, sales_fen=sales_yuan * 100)

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
