"""Paths of commissions below /v1/: conversions."""

from django.urls import path

from commissions.rest import conversion_views as views

urlpatterns = [
    path("conversion-sources", views.SourcesView.as_view(), name="conversion-sources"),
    path(
        "conversion-sources/<int:source_id>/goods",
        views.GoodsView.as_view(),
        name="conversion-goods",
    ),
    path(
        "conversion-sources/<int:source_id>/imports",
        views.ImportsView.as_view(),
        name="conversion-imports",
    ),
    path(
        "conversion-sources/<int:source_id>/postback",
        views.PostbackView.as_view(),
        name="conversion-postback",
    ),
    path("conversion-imports/<int:import_id>", views.ImportView.as_view()),
    path("conversion-imports/<int:import_id>/verdicts.csv", views.VerdictsView.as_view()),
]
