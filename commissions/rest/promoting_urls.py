"""Paths of commissions below /v1/: promoting."""

from django.urls import path

from commissions.rest import promoting_views as views

urlpatterns = [
    path("tuike/enrol", views.EnrolView.as_view(), name="tuike-enrol"),
    path("me/tuike", views.MyTuikeView.as_view(), name="me-tuike"),
    path(
        "products/<int:product_id>/commission-offer",
        views.OfferView.as_view(),
        name="commission-offer",
    ),
    path("promotion-links", views.LinksView.as_view(), name="promotion-links"),
    path("promotion-links/<str:code>", views.LinkView.as_view(), name="promotion-link"),
    path(
        "promotion-links/<str:code>/qr.png",
        views.LinkPictureView.as_view(),
        name="promotion-link-qr",
    ),
    path("me/earnings", views.EarningsView.as_view(), name="me-earnings"),
    path("me/commissions", views.CommissionsView.as_view(), name="me-commissions"),
    path(
        "commissions/<int:commission_id>/explain",
        views.ExplainView.as_view(),
        name="commission-explain",
    ),
    path(
        "orders/<str:number>/attribution",
        views.OrderAttributionView.as_view(),
        name="order-attribution",
    ),
    path("charity/summary", views.CharityView.as_view(), name="charity-summary"),
]
