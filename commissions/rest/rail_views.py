"""Doors of the payout channels: their notices, and what a payee has to confirm."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest.permissions import Anyone
from backend.rest.views import View
from commissions import payouts


class PayoutNoticeAnswer(serializers.Serializer):
    """What WeChat Pay wants to read; any other answer, and it sends the notice again."""

    code = serializers.CharField()


class PayoutConfirmation(serializers.Serializer):
    """What the payee's app hands to WeChat's own confirmation (requestMerchantTransfer)."""

    mchid = serializers.CharField()
    app_id = serializers.CharField()
    package = serializers.CharField()


class WeChatNoticeView(View):
    """What WeChat Pay tells us of transfers."""

    authentication_classes = []
    permission_classes = [Anyone]
    throttle_scope = "provider"
    others_write = True

    @extend_schema(
        tags=["payouts"], request=OpenApiTypes.BYTE, responses={200: PayoutNoticeAnswer}, auth=[]
    )
    def post(self, request: Request) -> Response:
        """A signed notice (API v3): the payout it names is asked about, nothing else happens."""
        self.query(request)
        payouts.take_notice(provider="wechat", headers=request.headers, body=request.body, at=now())
        return Response({"code": "SUCCESS"})


class AlipayNoticeView(View):
    """What Alipay tells us of transfers."""

    authentication_classes = []
    permission_classes = [Anyone]
    throttle_scope = "provider"
    others_write = True

    @extend_schema(
        tags=["payouts"],
        request=OpenApiTypes.BYTE,
        responses={(200, "text/plain"): OpenApiTypes.STR},
        auth=[],
    )
    def post(self, request: Request) -> HttpResponse:
        """A signed notice (RSA2): the payout it names is asked about, nothing else happens."""
        self.query(request)
        payouts.take_notice(provider="alipay", headers=request.headers, body=request.body, at=now())
        return HttpResponse("success", content_type="text/plain")


class PayoutConfirmationView(View):
    """What a payee has to confirm."""

    @extend_schema(tags=["payouts"], responses=PayoutConfirmation)
    def get(self, request: Request, number: str) -> Response:
        """WeChat lets its payee confirm a transfer within 24 hours: with this, in the app."""
        self.query(request)
        return Response(payouts.confirmation(account=caller(request), number=number))
