"""Paths of commissions below /v1/: the payout channels."""

from django.urls import path

from commissions.rest import rail_views as views

urlpatterns = [
    path("payouts/wechat/notices", views.WeChatNoticeView.as_view(), name="wechat-notices"),
    path("payouts/alipay/notices", views.AlipayNoticeView.as_view(), name="alipay-notices"),
    path(
        "me/payouts/<str:number>/confirmation",
        views.PayoutConfirmationView.as_view(),
        name="payout-confirmation",
    ),
]
