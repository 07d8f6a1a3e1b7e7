"""Paths of commissions below /v1/: finance."""

from django.urls import path

from commissions.rest import finance_views as views
from commissions.rest import tax_views

urlpatterns = [
    path("me/payout-rules", tax_views.PayoutRulesView.as_view(), name="payout-rules"),
    path("me/tax-identity", tax_views.TaxIdentityView.as_view(), name="tax-identity"),
    path("me/tax-certificates", tax_views.TaxCertificatesView.as_view(), name="tax-certificates"),
    path("me/tax-certificates/<int:year>", tax_views.TaxCertificateView.as_view()),
    path("me/tax-certificates/<int:year>/page", tax_views.TaxCertificatePageView.as_view()),
    path("me/payee-accounts", views.PayeeAccountsView.as_view(), name="payee-accounts"),
    path(
        "me/payee-accounts/<int:payee_id>", views.PayeeAccountView.as_view(), name="payee-account"
    ),
    path("me/payouts", views.PayoutsView.as_view(), name="payouts"),
    path("me/payouts/<str:number>", views.PayoutView.as_view(), name="payout"),
    path("me/payouts/<str:number>/cancel", views.PayoutCancelView.as_view(), name="payout-cancel"),
]
