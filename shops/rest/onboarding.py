"""Doors of shops: apply for one, look at them, introduce the own one."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest.fields import NoFields
from backend.rest.paging import answer, keyset
from backend.rest.permissions import Anyone, AnyoneReads
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from shops import onboarding
from shops.rest import serializers_shops as s


class ShopApplicationsView(View):
    """The caller's applications for a shop."""

    @extend_schema(
        tags=["shops"],
        parameters=CURSOR,
        responses=page_of("ShopApplication", s.ShopApplicationAnswer),
    )
    def get(self, request: Request) -> Response:
        """The caller's applications, newest first."""
        self.query(request, paged=True)
        found, cursor = keyset(request, onboarding.applications_of(account=caller(request)))
        return Response(answer(s.ShopApplicationAnswer(found, many=True).data, cursor))

    @extend_schema(
        tags=["shops"], request=s.ShopApplicationFields, responses={201: s.ShopApplicationAnswer}
    )
    def post(self, request: Request) -> Response:
        """A new application, a draft. No number of followers is asked for."""
        fields = self.body(request, s.ShopApplicationFields)
        application = onboarding.apply(account=caller(request), at=now(), **fields)
        return Response(s.ShopApplicationAnswer(application).data, status=201)


class ShopApplicationView(View):
    """One application of the caller."""

    @extend_schema(tags=["shops"], responses=s.ShopApplicationAnswer)
    def get(self, request: Request, application_id: int) -> Response:
        """Its state, with the reason where it was rejected."""
        self.query(request)
        application = onboarding.own_application(
            account=caller(request), application_id=application_id
        )
        return Response(s.ShopApplicationAnswer(application).data)

    @extend_schema(
        tags=["shops"], request=s.ShopApplicationChange, responses=s.ShopApplicationAnswer
    )
    def patch(self, request: Request, application_id: int) -> Response:
        """Changes a draft or rejected application."""
        application = onboarding.change(
            account=caller(request),
            application_id=application_id,
            changes=self.body(request, s.ShopApplicationChange),
        )
        return Response(s.ShopApplicationAnswer(application).data)


class ShopApplicationSubmitView(View):
    """Handing an application in."""

    @extend_schema(tags=["shops"], request=NoFields, responses={200: s.ShopApplicationAnswer})
    def post(self, request: Request, application_id: int) -> Response:
        """Hands a draft or rejected application in for a decision."""
        self.body(request, NoFields)
        application = onboarding.submit(
            account=caller(request), application_id=application_id, at=now()
        )
        return Response(s.ShopApplicationAnswer(application).data)


class ShopApplicationDocumentsView(View):
    """Documents of an application."""

    @extend_schema(
        tags=["shops"], request=s.QualificationFields, responses={201: s.QualificationAnswer}
    )
    def post(self, request: Request, application_id: int) -> Response:
        """Adds a licence or certificate to a draft or rejected application."""
        document = onboarding.add_document(
            account=caller(request),
            application_id=application_id,
            at=now(),
            **self.body(request, s.QualificationFields),
        )
        return Response(s.QualificationAnswer(document).data, status=201)


class ShopsView(View):
    """Shops."""

    permission_classes = [Anyone]

    @extend_schema(
        tags=["shops"],
        parameters=[s.ShopQuery, *CURSOR],
        responses=page_of("Shop", s.ShopAnswer),
    )
    def get(self, request: Request) -> Response:
        """Open shops, newest first; followers have no say in the order."""
        filters = self.query(request, s.ShopQuery, paged=True)
        found, cursor = keyset(request, onboarding.open_shops(**filters))
        context = {"viewer_id": request.user.pk}
        return Response(answer(s.ShopAnswer(found, many=True, context=context).data, cursor))


class ShopView(View):
    """One shop."""

    permission_classes = [AnyoneReads]

    @extend_schema(tags=["shops"], responses=s.ShopAnswer)
    def get(self, request: Request, shop_id: int) -> Response:
        """An open shop; to its owner in any state, with fee and licence number."""
        self.query(request)
        viewer_id = request.user.pk
        shop = onboarding.seen_shop(viewer_id=viewer_id, shop_id=shop_id)
        return Response(s.ShopAnswer(shop, context={"viewer_id": viewer_id}).data)

    @extend_schema(tags=["shops"], request=s.ShopChange, responses=s.ShopAnswer)
    def patch(self, request: Request, shop_id: int) -> Response:
        """Changes the introduction; everything else of a shop is the platform's to change."""
        shop = onboarding.change_intro(
            account=caller(request), shop_id=shop_id, **self.body(request, s.ShopChange)
        )
        return Response(s.ShopAnswer(shop, context={"viewer_id": request.user.pk}).data)
