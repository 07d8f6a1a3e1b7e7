"""Paths of commissions below /v1/: the tree of promoters."""

from django.urls import path

from commissions.rest import team_views as views

urlpatterns = [
    path("me/tuike/inviter", views.InviterView.as_view(), name="me-tuike-inviter"),
    path("me/team", views.TeamView.as_view(), name="me-team"),
    path("me/team/summary", views.TeamSummaryView.as_view(), name="me-team-summary"),
    path(
        "promoters/<int:promoter_id>/uplines", views.UplinesView.as_view(), name="promoter-uplines"
    ),
    path("compliance/findings", views.FindingsView.as_view(), name="compliance-findings"),
]
