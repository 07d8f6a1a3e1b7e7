"""Doors of product cards and of the permission to show others' goods."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest.fields import NoFields
from backend.rest.paging import answer, keyset
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from notes import cards
from notes.models import GoodsNoteApplication
from notes.rest import answers as a
from notes.rest import serializers as s


class NoteProductsView(View):
    """Product cards of a note."""

    @extend_schema(tags=["cards"], request=s.NoteCardFields, responses={201: a.CardAttached})
    def post(self, request: Request, note_id: int) -> Response:
        """Shows a product: own goods always, others' goods with permission and an open offer."""
        fields = self.body(request, s.NoteCardFields)
        card = cards.attach(
            account=caller(request), note_id=note_id, product_id=fields["product"], at=now()
        )
        return Response(a.CardAttached(card).data, status=201)


class NoteProductView(View):
    """One product card."""

    @extend_schema(tags=["cards"], responses={204: None})
    def delete(self, request: Request, note_id: int, product_id: int) -> Response:
        """Takes the product out of the note."""
        cards.detach(account=caller(request), note_id=note_id, product_id=product_id, at=now())
        return Response(status=204)


class EmbeddableProductsView(View):
    """What one could show."""

    @extend_schema(
        tags=["cards"],
        parameters=[s.EmbeddableQuery, *CURSOR],
        responses=page_of("EmbeddableProduct", a.EmbeddableProduct),
    )
    def get(self, request: Request) -> Response:
        """Own products, and others' on sale; those that may not be shown say why."""
        query = self.query(request, s.EmbeddableQuery, paged=True)
        rows = cards.embeddable(
            account=caller(request), query=query.get("q", ""), origin=query.get("origin", "")
        )
        found, cursor = keyset(request, rows)
        known = cards.standings(
            author_id=caller(request).pk, product_ids=[row.pk for row in found], at=now()
        )
        results = [
            {
                "product": row.pk,
                "title": row.title,
                "image_url": row.image_url,
                "price_fen": row.price_fen,
                "shop": {"id": row.shop_id, "name": row.shop.name},
                "origin": known[row.pk].origin,
                "eligible": not known[row.pk].reason,
                "reason": known[row.pk].reason or None,
            }
            for row in found
        ]
        return Response(answer(results, cursor))


class GoodsNoteApplicationsView(View):
    """The permission to show others' goods."""

    @extend_schema(
        tags=["cards"],
        parameters=CURSOR,
        responses=page_of("GoodsNoteApplication", a.GoodsNoteApplicationAnswer),
    )
    def get(self, request: Request) -> Response:
        """The caller's applications, the newest first."""
        self.query(request, paged=True)
        mine = GoodsNoteApplication.objects.filter(account=caller(request))
        found, cursor = keyset(request, mine)
        return Response(answer(a.GoodsNoteApplicationAnswer(found, many=True).data, cursor))

    @extend_schema(tags=["cards"], request=NoFields, responses={201: a.GoodsNoteApplicationAnswer})
    def post(self, request: Request) -> Response:
        """Applies; needs 1,000 followers and a verified real name."""
        self.body(request, NoFields)
        application = cards.apply_for_goods_notes(account=caller(request), at=now())
        return Response(a.GoodsNoteApplicationAnswer(application).data, status=201)
