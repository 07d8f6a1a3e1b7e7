"""Paths of commissions below /v1/: leaderboards and bounties."""

from django.urls import path

from commissions.rest import contest_views as views

urlpatterns = [
    path("leaderboard", views.LeaderboardView.as_view(), name="leaderboard"),
    path("bounties", views.BountiesView.as_view(), name="bounties"),
    path("shops/<int:shop_id>/bounties", views.ShopBountiesView.as_view(), name="shop-bounties"),
]
