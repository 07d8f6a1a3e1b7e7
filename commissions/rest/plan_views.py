"""Doors of commission plans: a shop's own."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest import paging
from backend.rest.fields import NoFields
from backend.rest.schema import CURSOR, page_of
from backend.rest.views import View
from commissions import plans
from commissions.rest import plan_serializers as s

TAGS = ["commission plans"]


class ShopPlansView(View):
    """The plans of a shop."""

    @extend_schema(tags=TAGS, parameters=CURSOR, responses=page_of("CommissionPlan", s.PlanAnswer))
    def get(self, request: Request, shop_id: int) -> Response:
        """The plans of the caller's shop, the newest first."""
        self.query(request, paged=True)
        mine = plans.of_shop(owner=caller(request), shop_id=shop_id)
        found, cursor = paging.keyset(request, mine)
        return Response(paging.answer(s.PlanAnswer(found, many=True).data, cursor))

    @extend_schema(tags=TAGS, request=s.NewPlan, responses={201: s.PlanVersionAnswer})
    def post(self, request: Request, shop_id: int) -> Response:
        """Drafts a new plan; nothing changes until it is published."""
        fields = self.body(request, s.NewPlan)
        version = plans.create(
            owner=caller(request),
            shop_id=shop_id,
            name=fields.pop("name"),
            kind=fields.pop("kind"),
            fields=fields,
            at=now(),
        )
        return Response(s.PlanVersionAnswer(version).data, status=201)


class PlanView(View):
    """One plan."""

    @extend_schema(tags=TAGS, responses=s.PlanAnswer)
    def get(self, request: Request, plan_id: int) -> Response:
        """The plan with its newest versions."""
        self.query(request)
        return Response(s.PlanAnswer(plans.plan_of(owner=caller(request), plan_id=plan_id)).data)


class PlanVersionsView(View):
    """The versions of a plan."""

    @extend_schema(tags=TAGS, request=s.NewPlanVersion, responses={201: s.PlanVersionAnswer})
    def post(self, request: Request, plan_id: int) -> Response:
        """Drafts the next version; published, it ends the one before it."""
        version = plans.next_version(
            owner=caller(request),
            plan_id=plan_id,
            fields=self.body(request, s.NewPlanVersion),
            at=now(),
        )
        return Response(s.PlanVersionAnswer(version).data, status=201)


class PlanVersionView(View):
    """One version."""

    @extend_schema(tags=TAGS, responses=s.PlanVersionAnswer)
    def get(self, request: Request, version_id: int) -> Response:
        """The version with what it names."""
        self.query(request)
        version = plans.version_of(owner=caller(request), version_id=version_id)
        return Response(s.PlanVersionAnswer(version).data)

    @extend_schema(tags=TAGS, request=s.PlanNumbers, responses=s.PlanVersionAnswer)
    def patch(self, request: Request, version_id: int) -> Response:
        """Changes a draft; a published version never changes."""
        version = plans.change(
            owner=caller(request),
            version_id=version_id,
            fields=self.body(request, s.PlanNumbers),
            at=now(),
        )
        return Response(s.PlanVersionAnswer(version).data)


class PlanLintView(View):
    """The linter."""

    @extend_schema(tags=TAGS, responses=s.PlanLintAnswer)
    def get(self, request: Request, version_id: int) -> Response:
        """Everything that forbids publishing the version now, with the clause it breaks."""
        self.query(request)
        found = plans.problems(owner=caller(request), version_id=version_id, at=now())
        return Response(s.PlanLintAnswer({"problems": found}).data)


class PlanPreviewView(View):
    """Who is affected."""

    @extend_schema(tags=TAGS, responses=s.PlanPreviewAnswer)
    def get(self, request: Request, version_id: int) -> Response:
        """How many products and promoters the version covers, and their rates before and after."""
        self.query(request)
        version = plans.version_of(owner=caller(request), version_id=version_id)
        return Response(plans.preview(version=version))


class PlanPublishView(View):
    """Publishing."""

    @extend_schema(tags=TAGS, request=s.PlanPublication, responses=s.PlanVersionAnswer)
    def post(self, request: Request, version_id: int) -> Response:
        """Publishes the draft for ever; a rule that it breaks refuses with its code."""
        version = plans.publish(
            owner=caller(request),
            by=caller(request),
            version_id=version_id,
            **self.body(request, s.PlanPublication),
            at=now(),
        )
        return Response(s.PlanVersionAnswer(version).data)


class PlanEndView(View):
    """Ending."""

    @extend_schema(tags=TAGS, request=NoFields, responses=s.PlanVersionAnswer)
    def post(self, request: Request, version_id: int) -> Response:
        """Ends the published version now; lines already placed keep it."""
        self.body(request, NoFields)
        version = plans.end(
            owner=caller(request), by=caller(request), version_id=version_id, at=now()
        )
        return Response(s.PlanVersionAnswer(version).data)


class PlanFundView(View):
    """A plan's budget."""

    @extend_schema(tags=TAGS, request=s.PlanFundFields, responses=s.PlanFundAnswer)
    def put(self, request: Request, plan_id: int) -> Response:
        """Sets the budget, which the plan's lines never exceed."""
        fund = plans.set_fund(
            owner=caller(request),
            by=caller(request),
            plan_id=plan_id,
            **self.body(request, s.PlanFundFields),
            at=now(),
        )
        return Response(s.PlanFundAnswer(fund).data)


class PlanExposureView(View):
    """What a plan stands for."""

    @extend_schema(
        tags=TAGS,
        parameters=[
            OpenApiParameter(
                "refund_bps",
                {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 500},
            )
        ],
        responses=s.ExposureAnswer,
    )
    def get(self, request: Request, plan_id: int) -> Response:
        """Estimated, confirmed and settled against the budget; and if a part were refunded."""
        asked = self.query(request, s.ExposureQuery)
        plan = plans.plan_of(owner=caller(request), plan_id=plan_id)
        return Response(plans.exposure(plan=plan, **asked))
