"""manage.py grant_roles: the database's users and their rights."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.core import grants


class Command(BaseCommand):
    """Makes the service's and the readers' database users and gives them exactly their rights."""

    help = (
        "Makes the service's and the readers' database users and gives them exactly their rights. "
        "Run it as the tables' owner after every migrate; APP_DATABASE_PASSWORD, where given, "
        "becomes the service's password."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--app and --read."""
        parser.add_argument("--app", default="tuike_app", help="whom the service signs in as")
        parser.add_argument("--read", default="tuike_read", help="a group for people who read")

    def handle(self, *args: Any, **options: Any) -> None:
        """Says what each of them may do now."""
        password = os.environ.get("APP_DATABASE_PASSWORD", "")
        try:
            said = grants.set_up_roles(app=options["app"], read=options["read"], password=password)
        except ValueError as error:
            raise CommandError(str(error)) from error
        for line in said:
            self.stdout.write(line)
