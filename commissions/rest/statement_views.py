"""Doors of statements: the caller's own and those of their shops, as JSON and as files."""

from collections.abc import Callable, Iterator
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.rest import paging
from backend.rest.permissions import Anyone
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from commissions import statements
from commissions.models import Statement
from commissions.rest import statement_serializers as s
from commissions.rest.short_links import AnyAccept
from commissions.statements.files import POLICY


class StatementsView(View):
    """The caller's own statements."""

    @extend_schema(
        tags=["statements"],
        parameters=CURSOR,
        responses=page_of("Statement", s.StatementAnswer),
    )
    def get(self, request: Request) -> Response:
        """The caller's statements as a payee, the newest first."""
        self.query(request, paged=True)
        found, cursor = paging.keyset(request, statements.of_person(caller(request)))
        return Response(paging.answer(s.StatementAnswer(found, many=True).data, cursor))


class ShopStatementsView(View):
    """A shop's statements."""

    @extend_schema(
        tags=["statements"],
        parameters=CURSOR,
        responses=page_of("ShopStatement", s.StatementAnswer),
    )
    def get(self, request: Request, shop_id: int) -> Response:
        """The statements of a shop of the caller's, the newest first."""
        self.query(request, paged=True)
        mine = statements.of_shop(account=caller(request), shop_id=shop_id)
        found, cursor = paging.keyset(request, mine)
        return Response(paging.answer(s.StatementAnswer(found, many=True).data, cursor))


class StatementView(View):
    """One statement."""

    @extend_schema(tags=["statements"], responses=s.StatementAnswer)
    def get(self, request: Request, number: str) -> Response:
        """The statement without its lines: the caller's own, or of a shop of theirs."""
        self.query(request)
        found = statements.find(account=caller(request), number=number)
        return Response(s.StatementAnswer(found).data)


class StatementLinesView(View):
    """The lines of a statement."""

    @extend_schema(
        tags=["statements"],
        parameters=CURSOR,
        responses=page_of("StatementLine", s.StatementLineAnswer),
    )
    def get(self, request: Request, number: str) -> Response:
        """The lines, in the order of posting."""
        self.query(request, paged=True)
        found = statements.find(account=caller(request), number=number)
        size, given = paging.page_size(request), request.query_params.get("cursor")
        after = max(0, paging.decode_cursor(given, [int])[0]) if given else 0
        lines = statements.page_of_lines(found, after=after, size=size)
        more = after + size < found.lines_count
        cursor = paging.encode_cursor(after + size) if more else None
        return Response(paging.answer(lines, cursor))


class _File(AnyAccept, View):
    """A statement as a file, written while it is read."""

    kind = ""
    media_type = ""
    written: Callable[[Statement], Iterator[Any]]

    def answer(self, request: Request, number: str) -> StreamingHttpResponse:
        """The file of the caller's own statement, or of a shop of theirs."""
        self.query(request)
        found = statements.find(account=caller(request), number=number)
        name = f'attachment; filename="{found.number}.{self.kind}"'
        return StreamingHttpResponse(
            type(self).written(found),
            content_type=self.media_type,
            headers={"Content-Disposition": name},
        )


class StatementCsvView(_File):
    """A statement as CSV."""

    kind, media_type = "csv", "text/csv; charset=utf-8"
    written = staticmethod(statements.csv_file)

    @extend_schema(tags=["statements"], responses={(200, "text/csv"): s.FILE})
    def get(self, request: Request, number: str) -> StreamingHttpResponse:
        """The statement as CSV: opening balances, lines, closing balances."""
        return self.answer(request, number)


_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class StatementXlsxView(_File):
    """A statement as a workbook."""

    kind, media_type = "xlsx", _XLSX
    written = staticmethod(statements.xlsx_file)

    @extend_schema(tags=["statements"], responses={(200, _XLSX): s.FILE})
    def get(self, request: Request, number: str) -> StreamingHttpResponse:
        """The statement as XLSX: the rows of the CSV, amounts as numbers."""
        return self.answer(request, number)


class StatementJsonlView(_File):
    """A statement as signed lines."""

    kind, media_type = "jsonl", "application/jsonl"
    written = staticmethod(statements.jsonl_file)

    @extend_schema(tags=["statements"], responses={(200, "application/jsonl"): s.FILE})
    def get(self, request: Request, number: str) -> StreamingHttpResponse:
        """The statement as signed JSON lines, which docs/verify_statement.py checks alone."""
        return self.answer(request, number)


class StatementPageView(_File):
    """A statement to print."""

    kind, media_type = "html", "text/html; charset=utf-8"
    written = staticmethod(statements.html_page)

    @extend_schema(tags=["statements"], responses={(200, "text/html"): s.FILE})
    def get(self, request: Request, number: str) -> StreamingHttpResponse:
        """The statement as a page to print; nothing of it runs or is loaded."""
        answer = self.answer(request, number)
        answer["Content-Disposition"] = answer["Content-Disposition"].replace(
            "attachment", "inline"
        )
        answer["Content-Security-Policy"] = POLICY
        return answer


class StatementKeysView(View):
    """The public keys of statements."""

    authentication_classes = []
    permission_classes = [Anyone]
    shared_seconds = 300

    @extend_schema(
        tags=["statements"],
        parameters=CURSOR,
        responses=page_of("StatementKey", s.StatementKeyAnswer),
        auth=[],
    )
    def get(self, request: Request) -> Response:
        """Every key that has signed statements: what docs/verify_statement.py takes."""
        self.query(request, paged=True)
        found, cursor = paging.keyset(request, statements.keys())
        return Response(paging.answer(s.StatementKeyAnswer(found, many=True).data, cursor))
