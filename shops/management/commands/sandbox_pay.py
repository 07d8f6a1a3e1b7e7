"""Pays a checkout as the sandbox would: the signed callback, really posted over HTTP."""

import urllib.error
import urllib.request
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from backend.core.clock import now
from shops import payments


class Command(BaseCommand):
    help = "Post the sandbox provider's signed callback for a checkout to a running server."

    def add_arguments(self, parser: CommandParser) -> None:
        """The checkout's number, and where the server listens."""
        parser.add_argument("checkout_number")
        parser.add_argument("--base-url", default=settings.PUBLIC_URL)

    def handle(self, *args: Any, **options: Any) -> None:
        """Posts and prints what the server answered."""
        if settings.PRODUCTION:
            raise CommandError("the sandbox pays nothing in production")
        ready = payments.sandbox_callback(
            checkout_number=options["checkout_number"], base_url=options["base_url"], at=now()
        )
        if ready is None:
            raise CommandError("no such checkout")
        if not ready.url.startswith(("http://", "https://")):
            raise CommandError("--base-url must begin with http:// or https://")
        asked = urllib.request.Request(  # noqa: S310 the scheme is checked above
            ready.url, data=ready.body.encode(), headers=ready.headers, method="POST"
        )
        try:
            with urllib.request.urlopen(asked, timeout=15) as answer:  # noqa: S310
                self.stdout.write(f"{answer.status} {answer.read().decode()}")
        except urllib.error.HTTPError as error:
            raise CommandError(f"{error.code} {error.read().decode()}") from error
        except urllib.error.URLError as error:
            raise CommandError(f"{ready.url} did not answer: {error.reason}") from error
