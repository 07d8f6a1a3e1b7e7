"""Doors of promoting and earning."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest import paging
from backend.rest.permissions import Anyone, AnyoneReads
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from commissions import earnings, explain, links, offers, promoters
from commissions.models import PromotionLink
from commissions.rest import promoting_serializers as s
from commissions.rest.short_links import AnyAccept


class EnrolView(View):
    """Joining as a promoter."""

    @extend_schema(tags=["promoters"], request=s.Enrolment, responses={201: s.PromoterAnswer})
    def post(self, request: Request) -> Response:
        """Join as a promoter: free, for any account."""
        promoter = promoters.join(
            account=caller(request), **self.body(request, s.Enrolment), at=now()
        )
        return Response(s.PromoterAnswer(promoter).data, status=201)


class MyTuikeView(View):
    """The caller as a promoter."""

    @extend_schema(tags=["promoters"], responses={200: s.PromoterAnswer, 404: None})
    def get(self, request: Request) -> Response:
        """The caller as a promoter; 404 for who has not joined."""
        self.query(request)
        return Response(s.PromoterAnswer(promoters.of(caller(request))).data)


class OfferView(View):
    """A product's commission offer."""

    permission_classes = [AnyoneReads]

    @extend_schema(tags=["commission offers"], responses=s.OfferAnswer)
    def get(self, request: Request, product_id: int) -> Response:
        """The offer that stands for a product that the caller may see."""
        self.query(request)
        offer = offers.current(product_id=product_id, viewer_id=request.user.pk)
        return Response(s.OfferAnswer(offer).data)

    @extend_schema(tags=["commission offers"], request=s.OfferFields, responses=s.OfferAnswer)
    def put(self, request: Request, product_id: int) -> Response:
        """Offers a rate from now on; orders already placed keep theirs."""
        offer = offers.set_offer(
            account=caller(request),
            product_id=product_id,
            **self.body(request, s.OfferFields),
            at=now(),
        )
        return Response(s.OfferAnswer(offer).data)

    @extend_schema(tags=["commission offers"], responses={204: None})
    def delete(self, request: Request, product_id: int) -> Response:
        """Ends the offer; orders already placed keep it."""
        offers.end_offer(account=caller(request), product_id=product_id, at=now())
        return Response(status=204)


class LinksView(View):
    """The caller's promotion links."""

    @extend_schema(
        tags=["promotion links"],
        parameters=CURSOR,
        responses=page_of("PromotionLink", s.LinkAnswer),
    )
    def get(self, request: Request) -> Response:
        """The caller's links, the newest first."""
        self.query(request, paged=True)
        mine = PromotionLink.objects.filter(promoter__account=caller(request))
        found, cursor = paging.keyset(request, mine)
        return Response(paging.answer(s.LinkAnswer(found, many=True).data, cursor))

    @extend_schema(
        tags=["promotion links"],
        request=s.LinkFields,
        responses={201: s.LinkAnswer, 200: s.LinkAnswer},
    )
    def post(self, request: Request) -> Response:
        """A link to a target: 201 where it is new, 200 with the same link asked again."""
        fields = self.body(request, s.LinkFields)
        link, made = links.create(
            account=caller(request),
            target_kind=fields["target"]["kind"],
            target_id=fields["target"]["id"],
            channel=fields["channel"],
            at=now(),
        )
        return Response(s.LinkAnswer(link).data, status=201 if made else 200)


class LinkView(View):
    """One promotion link."""

    @extend_schema(tags=["promotion links"], responses={204: None})
    def delete(self, request: Request, code: str) -> Response:
        """The link leads nowhere from now on; what was clicked before still counts."""
        links.disable(account=caller(request), code=code, at=now())
        return Response(status=204)


class LinkPictureView(AnyAccept, View):
    """The QR picture of a link."""

    @extend_schema(tags=["promotion links"], responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, code: str) -> HttpResponse:
        """The short link as a QR picture."""
        self.query(request)
        link = links.own(account=caller(request), code=code)
        return HttpResponse(links.qr_png(link), content_type="image/png")


class EarningsView(View):
    """The caller's money."""

    @extend_schema(tags=["earnings"], responses=s.EarningsAnswer)
    def get(self, request: Request) -> Response:
        """Pending, available, in transit, and settled to date, in fen."""
        self.query(request)
        return Response(earnings.summary(caller(request))._asdict())


class CommissionsView(View):
    """The caller's commissions."""

    @extend_schema(
        tags=["earnings"],
        parameters=[
            *CURSOR,
            OpenApiParameter("status", enum=["estimated", "confirmed", "settled", "invalid"]),
        ],
        responses=page_of("Commission", s.CommissionAnswer),
    )
    def get(self, request: Request) -> Response:
        """The caller's own parts of commission orders, the newest first."""
        status = self.query(request, s.CommissionQuery, paged=True).get("status", "")
        size = paging.page_size(request)
        given = request.query_params.get("cursor")
        before = paging.decode_cursor(given, [int])[0] if given else 2**63 - 1
        found = earnings.commissions_of(
            caller(request), status=status, before=before, size=size + 1
        )
        more = len(found) > size
        following = paging.encode_cursor(found[size - 1]["split_id"]) if more else None
        for row in found:
            row.pop("split_id")
        return Response(paging.answer(found[:size], following))


class ExplainView(View):
    """Where every fen of a commission comes from."""

    @extend_schema(tags=["earnings"], responses=s.Explanation)
    def get(self, request: Request, commission_id: int) -> Response:
        """For its payees, the shop's owner and staff."""
        self.query(request)
        return Response(explain.of_commission(account=caller(request), commission_id=commission_id))


class OrderAttributionView(View):
    """To whom an order's lines are owed."""

    @extend_schema(tags=["earnings"], responses=s.OrderAttribution)
    def get(self, request: Request, number: str) -> Response:
        """For the payees of its lines, the shop's owner and staff."""
        self.query(request)
        return Response(explain.attributions(account=caller(request), number=number))


class CharityView(View):
    """Charity's running total."""

    permission_classes = [Anyone]

    @extend_schema(tags=["charity"], responses=s.CharityAnswer, auth=[])
    def get(self, request: Request) -> Response:
        """As the ledger has it."""
        self.query(request)
        return Response(earnings.charity()._asdict())
