"""What `manage.py check` says about the staff's sign-in."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error


def second_factor(app_configs: Any = None, **more: Any) -> list[CheckMessage]:
    """In production nobody who lets money go signs in with a password alone."""
    if settings.PRODUCTION and settings.STAFF_TWO_FACTOR == "off":
        return [
            Error(
                "STAFF_TWO_FACTOR=off in production: a stolen password lets money go.",
                hint="Leave it out (required), or set it to money.",
                id="accounts.E001",
            )
        ]
    return []
