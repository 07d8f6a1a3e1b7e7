"""Doors of media: uploads, and the files themselves while developing."""

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe
from django.views.static import serve
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest.views import View
from notes import media
from notes.rest import answers as a
from notes.rest import serializers as s

_FORM_BYTES = 65_536  # what the form itself may need around the file


class Upload(MultiPartParser):
    """multipart/form-data, refused by its announced length before a byte of it is read."""

    def parse(
        self, stream: Any, media_type: Any = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The form.

        :raises TooLarge: longer than the largest file allowed.
        """
        request = (parser_context or {})["request"]
        told = str(request.META.get("CONTENT_LENGTH") or "0")
        if not told.isdecimal() or int(told) > media.VIDEO_MAX_BYTES + _FORM_BYTES:
            raise media.TooLarge(limit_bytes=media.VIDEO_MAX_BYTES)
        return super().parse(stream, media_type, parser_context)


class MediaView(View):
    """Pictures and videos."""

    parser_classes = [Upload]
    throttle_scope = "upload"

    @extend_schema(
        tags=["media"],
        request={"multipart/form-data": s.MediaUpload},
        responses={201: a.MediaAnswer, 413: None},
    )
    def post(self, request: Request) -> Response:
        """Uploads a picture (JPEG, PNG, WebP) or a video (MP4 with width and height)."""
        fields = self.body(request, s.MediaUpload)
        file = media.store(owner=caller(request), upload=fields.pop("file"), at=now(), **fields)
        return Response(a.MediaAnswer(file).data, status=201)


# What we write; nothing else is served, whatever lies in the folder.
_SERVED = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "mp4": "video/mp4",
}
_PATH = re.compile(r"(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+\.(jpg|png|webp|mp4)")


@require_safe
def media_file(request: HttpRequest, path: str) -> HttpResponseBase:
    """Serves an uploaded file while developing; a web server does it in production
    (docs/operations/deploy.md). The type follows our own extension, never the content (nosniff),
    and who opens the address itself gets a download: pages show pictures all the same."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise Http404
    response = serve(request, path, document_root=str(settings.MEDIA_ROOT))
    response["Content-Type"] = _SERVED[match[1]]
    response["Content-Disposition"] = "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
