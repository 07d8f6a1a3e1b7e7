"""Which renderer answers: nearly always the only one, for a caller who takes JSON or anything."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_ANY = frozenset({"*/*", "application/json", "application/json, */*"})


class Negotiation(DefaultContentNegotiation):
    """DRF's own, after a look whether there is anything to negotiate."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> Any:
        """The renderer and the media type that it answers with.

        :raises NotAcceptable: the caller takes nothing that there is.
        """
        there = list(renderers)
        plain = format_suffix is None and "format=" not in request.META.get("QUERY_STRING", "")
        if plain and len(there) == 1 and request.META.get("HTTP_ACCEPT", "*/*") in _ANY:
            return there[0], there[0].media_type
        return super().select_renderer(request, there, format_suffix)
