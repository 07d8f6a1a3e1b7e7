"""Doors of what-ifs: a shop's own."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest import paging
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from commissions import whatif
from commissions.rest import whatif_serializers as s
from commissions.rest.short_links import AnyAccept

TAGS = ["commission plans"]


class ShopWhatIfsView(View):
    """The what-ifs of a shop."""

    @extend_schema(tags=TAGS, parameters=CURSOR, responses=page_of("WhatIf", s.WhatIfAnswer))
    def get(self, request: Request, shop_id: int) -> Response:
        """The what-ifs of the caller's shop, the newest first."""
        self.query(request, paged=True)
        mine = whatif.of_shop(owner=caller(request), shop_id=shop_id)
        found, cursor = paging.keyset(request, mine)
        return Response(paging.answer(s.WhatIfAnswer(found, many=True).data, cursor))

    @extend_schema(tags=TAGS, request=s.NewWhatIf, responses={201: s.WhatIfAnswer})
    def post(self, request: Request, shop_id: int) -> Response:
        """Queues a what-if over past orders; a worker runs it."""
        made = whatif.ask(
            owner=caller(request),
            by=caller(request),
            shop_id=shop_id,
            **self.body(request, s.NewWhatIf),
            at=now(),
        )
        return Response(s.WhatIfAnswer(made).data, status=201)


class WhatIfView(View):
    """One what-if."""

    @extend_schema(tags=TAGS, responses=s.WhatIfWhole)
    def get(self, request: Request, what_if_id: int) -> Response:
        """How far it is; its result once it is done."""
        self.query(request)
        return Response(s.WhatIfWhole(whatif.of(owner=caller(request), what_if_id=what_if_id)).data)


class WhatIfTableView(AnyAccept, View):
    """A what-if's promoters as a table."""

    @extend_schema(tags=TAGS, responses={(200, "text/csv"): OpenApiTypes.STR})
    def get(self, request: Request, what_if_id: int) -> HttpResponse:
        """The promoters of a finished what-if as CSV."""
        self.query(request)
        found = whatif.table(owner=caller(request), what_if_id=what_if_id)
        return HttpResponse(found, content_type="text/csv; charset=utf-8")
