"""Doors of the daily figures."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.rest.fields import Day, QueryInteger, Strict
from backend.rest.views import View
from shops import metrics


class DailyQuery(Strict):
    """GET /v1/metrics/daily. `from` is a word of Python's, so the fields are named here."""

    def get_fields(self) -> dict[str, Any]:
        """from, to, shop."""
        return {
            "from": Day(help_text="first day, Asia/Shanghai"),
            "to": Day(help_text="last day, included"),
            "shop": QueryInteger(
                required=False,
                min_value=1,
                max_value=2**63 - 1,
                help_text="a shop's id; without it the whole market (staff)",
            ),
        }


class DayAnswer(serializers.Serializer):
    """One day. GMV is what was payable at placement; refunds stand apart, never netted (H5b)."""

    day = serializers.DateField()
    orders = serializers.IntegerField()
    gmv_fen = serializers.IntegerField()
    dab = serializers.IntegerField(help_text="distinct buyers who placed an order")
    orders_paid = serializers.IntegerField()
    gmv_paid_fen = serializers.IntegerField()
    dab_paid = serializers.IntegerField()
    refunded_fen = serializers.IntegerField()
    active_shops = serializers.IntegerField()


class DailyAnswer(serializers.Serializer):
    """The figures of a period; dab is the mean of its days, as text with three decimals."""

    shop = serializers.IntegerField(allow_null=True)
    to = serializers.DateField()
    dab = serializers.CharField()
    dab_paid = serializers.CharField()
    days = DayAnswer(many=True)

    def get_fields(self) -> dict[str, Any]:
        """Adds `from`, a word of Python's."""
        return {**super().get_fields(), "from": serializers.DateField()}


class DailyMetricsView(View):
    """DAB and GMV by day."""

    @extend_schema(
        tags=["metrics"], parameters=[DailyQuery], responses={200: DailyAnswer, 404: None}
    )
    def get(self, request: Request) -> Response:
        """The days of a period, for staff or for the shop's owner; one statement."""
        query = self.query(request, DailyQuery)
        found = metrics.report(
            account=caller(request),
            from_day=query["from"],
            to_day=query["to"],
            shop_id=query.get("shop"),
        )
        return Response(found)
