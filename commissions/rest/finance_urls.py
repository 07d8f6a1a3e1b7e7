"""Paths of commissions below /v1/: finance."""

from django.urls import path

from commissions.rest import finance_views as views

urlpatterns = [
    path("me/payee-accounts", views.PayeeAccountsView.as_view(), name="payee-accounts"),
    path(
        "me/payee-accounts/<int:payee_id>", views.PayeeAccountView.as_view(), name="payee-account"
    ),
    path("me/payouts", views.PayoutsView.as_view(), name="payouts"),
    path("me/payouts/<str:number>", views.PayoutView.as_view(), name="payout"),
    path("me/payouts/<str:number>/cancel", views.PayoutCancelView.as_view(), name="payout-cancel"),
]
