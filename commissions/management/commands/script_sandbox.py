"""manage.py script_sandbox: what the sandbox channel does with its next calls."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from commissions.providers import sandbox


class Command(BaseCommand):
    """Rehearses a channel's bad day: the next calls to the sandbox, of whatever process, one mode
    each. Never in production."""

    help = "Says what happens to the next calls of the sandbox channel, such as: down slow late."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declares the modes."""
        parser.add_argument("modes", nargs="+", choices=sorted(sandbox.Mode))

    def handle(self, *args: Any, **options: Any) -> None:
        """Writes the script.

        :raises CommandError: in production.
        """
        try:
            sandbox.script(*(sandbox.Mode(mode) for mode in options["modes"]))
        except sandbox.NotInProduction as error:
            raise CommandError("The sandbox follows no script in production.") from error
        self.stdout.write(f"the next {len(options['modes'])} calls: {', '.join(options['modes'])}")
