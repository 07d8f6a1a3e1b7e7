"""manage.py seed: fills an empty database with a believable market."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from backend.core.clock import now
from backend.core.errors import Refusal
from seeds.scenarios import demo, tuike, welcome
from seeds.scenarios.stage import SEED, Stage


class Command(BaseCommand):
    """Plays a scenario, or prints how to sign in to the demo."""

    help = "Seed demo data: --scenario demo | tuike, or --print-welcome. Not in production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to play and how large, or what to print."""
        task = parser.add_mutually_exclusive_group(required=True)
        task.add_argument("--scenario", choices=["demo", "tuike"])
        task.add_argument(
            "--print-welcome", action="store_true", help="addresses and fresh tokens of the demo"
        )
        parser.add_argument("--base-url", default=settings.PUBLIC_URL, help="of the welcome")
        parser.add_argument("--size", type=float, default=1.0, help="of the demo: 1.0")
        parser.add_argument("--seed", type=int, default=SEED, help=f"of the dice: {SEED}")
        parser.add_argument("--if-empty", action="store_true", help="demo: leave a full one alone")
        parser.add_argument("--promoters", type=int, default=tuike.PROMOTERS, help="tuike: 3000")
        parser.add_argument("--sales-yuan", type=int, help="tuike: 5,000,000 with 3,000 promoters")

    def handle(self, *args: Any, **options: Any) -> None:
        """Plays or prints."""
        try:
            if options["print_welcome"]:
                for line in welcome.lines(base_url=options["base_url"], at=now()):
                    self._tell(line)
            elif options["scenario"] == "demo" and options["if_empty"] and not demo.is_empty():
                demo.must_be_whole()
            else:
                self._play(options)
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal

    def _play(self, options: dict[str, Any]) -> None:
        stage = Stage(
            options["scenario"], now(), self._tell, size=options["size"], seed=options["seed"]
        )
        self._tell(f"seeding the scenario {stage.name}")
        if stage.name == "demo":
            demo.play(stage)
            return
        count = options["promoters"]
        sales_yuan = options["sales_yuan"] or tuike.usual_sales_fen(count) // 100
        tuike.play(stage, count=count, sales_fen=sales_yuan * 100)

    def _tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
