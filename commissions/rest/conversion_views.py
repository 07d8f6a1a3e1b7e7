"""Doors of conversions: sources, their goods, imports with their verdicts, postbacks."""

from collections.abc import Mapping
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest import paging
from backend.rest.permissions import Anyone
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from commissions import conversions
from commissions.rest import conversion_serializers as s
from commissions.rest.short_links import AnyAccept

_FORM_BYTES = 65_536  # what the form itself may need around the file


class SourcesView(View):
    """The partners of the caller's shops."""

    @extend_schema(
        tags=["conversions"],
        parameters=CURSOR,
        responses=page_of("ConversionSource", s.ConversionSourceAnswer),
    )
    def get(self, request: Request) -> Response:
        """The sources of the caller's shops, the newest first."""
        self.query(request, paged=True)
        found, cursor = paging.keyset(request, conversions.sources_of(caller(request)))
        return Response(paging.answer(s.ConversionSourceAnswer(found, many=True).data, cursor))


class GoodsView(View):
    """A partner's articles."""

    @extend_schema(
        tags=["conversions"],
        request=s.ConversionGoodsFields,
        responses=s.ConversionGoodsAnswer,
    )
    def put(self, request: Request, source_id: int) -> Response:
        """Says which SKU of the shop a partner's article is, and at which rate."""
        fields = self.body(request, s.ConversionGoodsFields)
        goods = conversions.set_goods(
            account=caller(request),
            source_id=source_id,
            external_sku=fields["external_sku"],
            sku_id=fields["sku"],
            rate_bps=fields["rate_bps"],
        )
        return Response(s.ConversionGoodsAnswer(goods).data)


class Upload(MultiPartParser):
    """multipart/form-data, refused by its announced length before a byte of it is read."""

    def parse(
        self, stream: Any, media_type: Any = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The form.

        :raises FileTooLarge: longer than the largest file allowed.
        """
        request = (parser_context or {})["request"]
        told = str(request.META.get("CONTENT_LENGTH") or "0")
        if not told.isdecimal() or int(told) > conversions.MAX_BYTES + _FORM_BYTES:
            raise conversions.FileTooLarge(limit_bytes=conversions.MAX_BYTES)
        return super().parse(stream, media_type, parser_context)


class ImportsView(View):
    """Files of conversions."""

    parser_classes = [Upload]
    throttle_scope = "upload"

    @extend_schema(
        tags=["conversions"],
        parameters=CURSOR,
        responses=page_of("ConversionImport", s.ConversionImportAnswer),
    )
    def get(self, request: Request, source_id: int) -> Response:
        """The imports of a source, the newest first."""
        self.query(request, paged=True)
        mine = conversions.imports_of(account=caller(request), source_id=source_id)
        found, cursor = paging.keyset(request, mine)
        return Response(paging.answer(s.ConversionImportAnswer(found, many=True).data, cursor))

    @extend_schema(
        tags=["conversions"],
        request={"multipart/form-data": s.ConversionUpload},
        responses={201: s.ConversionImportAnswer},
    )
    def post(self, request: Request, source_id: int) -> Response:
        """Stores a file of conversions for the worker to take, 1,000 rows at a time."""
        fields = self.body(request, s.ConversionUpload)
        made = conversions.upload(
            account=caller(request),
            source_id=source_id,
            kind=fields["kind"],
            dry_run=fields["dry_run"] == "true",
            file=fields["file"],
            at=now(),
        )
        return Response(s.ConversionImportAnswer(made).data, status=201)


class ImportView(View):
    """One file of conversions."""

    @extend_schema(tags=["conversions"], responses=s.ConversionImportAnswer)
    def get(self, request: Request, import_id: int) -> Response:
        """How far the file is taken, and how often each verdict was given."""
        self.query(request)
        found = conversions.find(account=caller(request), import_id=import_id)
        return Response(s.ConversionImportAnswer(found).data)


class VerdictsView(AnyAccept, View):
    """What became of each row."""

    @extend_schema(tags=["conversions"], responses={(200, "text/csv"): OpenApiTypes.BINARY})
    def get(self, request: Request, import_id: int) -> StreamingHttpResponse:
        """The verdicts as CSV: row, verdict, order, line; a page at a time, however many."""
        self.query(request)
        found = conversions.find(account=caller(request), import_id=import_id)
        name = f'attachment; filename="verdicts-{found.pk}.csv"'
        return StreamingHttpResponse(
            conversions.verdict_csv(job=found),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": name},
        )


class PostbackView(View):
    """What partners' servers tell."""

    authentication_classes = []
    permission_classes = [Anyone]
    throttle_scope = "provider"
    others_write = True

    @extend_schema(
        tags=["conversions"],
        request=s.ConversionFields,
        responses={200: s.PostbackAnswer, 422: None},
        auth=[],
    )
    def post(self, request: Request, source_id: int) -> Response:
        """One signed conversion (Standard Webhooks); the same notice again changes nothing."""
        verdict = conversions.take_postback(
            source_id=source_id, headers=request.headers, body=request.body, at=now()
        )
        return Response({"verdict": str(verdict)})
