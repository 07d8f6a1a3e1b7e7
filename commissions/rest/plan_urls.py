"""Paths of commissions below /v1/: plans."""

from django.urls import path

from commissions.rest import plan_views as views
from commissions.rest import whatif_views as trials

urlpatterns = [
    path("shops/<int:shop_id>/commission-plans", views.ShopPlansView.as_view(), name="shop-plans"),
    path("commission-plans/<int:plan_id>", views.PlanView.as_view(), name="commission-plan"),
    path(
        "commission-plans/<int:plan_id>/versions",
        views.PlanVersionsView.as_view(),
        name="commission-plan-versions",
    ),
    path(
        "commission-plans/<int:plan_id>/fund",
        views.PlanFundView.as_view(),
        name="commission-plan-fund",
    ),
    path(
        "commission-plans/<int:plan_id>/exposure",
        views.PlanExposureView.as_view(),
        name="commission-plan-exposure",
    ),
    path("plan-versions/<int:version_id>", views.PlanVersionView.as_view(), name="plan-version"),
    path(
        "plan-versions/<int:version_id>/lint",
        views.PlanLintView.as_view(),
        name="plan-version-lint",
    ),
    path(
        "plan-versions/<int:version_id>/preview",
        views.PlanPreviewView.as_view(),
        name="plan-version-preview",
    ),
    path(
        "plan-versions/<int:version_id>/publish",
        views.PlanPublishView.as_view(),
        name="plan-version-publish",
    ),
    path("shops/<int:shop_id>/what-ifs", trials.ShopWhatIfsView.as_view(), name="shop-what-ifs"),
    path("what-ifs/<int:what_if_id>", trials.WhatIfView.as_view(), name="what-if"),
    path(
        "what-ifs/<int:what_if_id>/promoters.csv",
        trials.WhatIfTableView.as_view(),
        name="what-if-table",
    ),
    path(
        "plan-versions/<int:version_id>/end", views.PlanEndView.as_view(), name="plan-version-end"
    ),
]
