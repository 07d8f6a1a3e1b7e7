"""Paths of commissions below /v1/: attribution."""

from django.urls import path

from commissions.rest import attribution_views as views

urlpatterns = [
    path(
        "shops/<int:shop_id>/lock-settings", views.LockSettingsView.as_view(), name="lock-settings"
    ),
    path("me/customer-locks", views.MyCustomersView.as_view(), name="my-customer-locks"),
    path("shops/<int:shop_id>/coupon-codes", views.ShopCouponsView.as_view(), name="coupon-codes"),
    path(
        "shops/<int:shop_id>/coupon-codes/<str:code>",
        views.ShopCouponView.as_view(),
        name="coupon-code",
    ),
    path("me/coupon-codes", views.MyCouponsView.as_view(), name="my-coupon-codes"),
    path(
        "shops/<int:shop_id>/attribution-replay",
        views.ShopReplayView.as_view(),
        name="shop-attribution-replay",
    ),
    path(
        "orders/<str:number>/attribution-replay",
        views.OrderReplayView.as_view(),
        name="order-attribution-replay",
    ),
    path("attribution-disputes", views.DisputesView.as_view(), name="attribution-disputes"),
    path(
        "attribution-disputes/<int:dispute_id>",
        views.DisputeView.as_view(),
        name="attribution-dispute",
    ),
    path(
        "attribution-disputes/<int:dispute_id>/withdraw",
        views.DisputeWithdrawView.as_view(),
        name="attribution-dispute-withdraw",
    ),
]
