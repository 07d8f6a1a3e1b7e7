"""Paths of accounts, below /v1/."""

from django.urls import path

from backend.accounts.rest.views import (
    AccountView,
    AddressesView,
    AddressView,
    MeView,
    PasswordView,
    SignUpView,
    TokensView,
    TokenView,
)

urlpatterns = [
    path("accounts", SignUpView.as_view(), name="accounts"),
    path("accounts/<str:handle>", AccountView.as_view(), name="account"),
    path("auth/token", TokenView.as_view(), name="token"),
    path("me", MeView.as_view(), name="me"),
    path("me/password", PasswordView.as_view(), name="password"),
    path("me/tokens", TokensView.as_view(), name="tokens"),
    path("me/addresses", AddressesView.as_view(), name="addresses"),
    path("me/addresses/<int:address_id>", AddressView.as_view(), name="address"),
]
