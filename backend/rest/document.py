"""Serves the OpenAPI document. Apart from schema.py, which the REST framework imports first."""

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, written once a process: it costs 0.3 s, and anybody may ask for it."""

    _written: ClassVar[dict[str, str | bytes]] = {}

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The document, as YAML or JSON by the Accept header."""
        renderer = request.accepted_renderer
        if renderer.media_type not in self._written:
            document = self.generator_class().get_schema(request=None, public=True)
            self._written[renderer.media_type] = renderer.render(document, renderer_context={})
        return HttpResponse(
            self._written[renderer.media_type], content_type=f"{renderer.media_type}; charset=utf-8"
        )
