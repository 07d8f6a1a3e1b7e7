"""Paths of commissions below /v1/: agencies."""

from django.urls import path

from commissions.rest import agency_views as views

urlpatterns = [
    path("agencies", views.AgenciesView.as_view(), name="agencies"),
    path("me/agency", views.MyAgencyView.as_view(), name="me-agency"),
    path("me/agency/share", views.ShareView.as_view(), name="agency-share"),
    path("me/agency/upper", views.UpperView.as_view(), name="agency-upper"),
    path("me/agency/members", views.MembersView.as_view(), name="agency-members"),
    path("me/agency/members/<int:edge_id>", views.MemberView.as_view(), name="agency-member"),
    path("me/agency/invitations", views.SentView.as_view(), name="agency-sent"),
    path(
        "me/agency/invitations/<int:invitation_id>/withdraw",
        views.WithdrawView.as_view(),
        name="agency-withdraw",
    ),
    path("me/agency-membership", views.MembershipView.as_view(), name="agency-membership"),
    path("me/agency-invitations", views.AskedView.as_view(), name="agency-asked"),
    path(
        "me/agency-invitations/<int:invitation_id>/accept",
        views.AcceptView.as_view(),
        name="agency-accept",
    ),
    path(
        "me/agency-invitations/<int:invitation_id>/decline",
        views.DeclineView.as_view(),
        name="agency-decline",
    ),
]
