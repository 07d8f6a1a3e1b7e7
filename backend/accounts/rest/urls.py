"""Paths of accounts, below /v1/."""

from django.urls import path

from backend.accounts.rest.own import (
    ErasureView,
    PasswordResetView,
    PasswordView,
    TokenEndView,
    TokensView,
)
from backend.accounts.rest.views import (
    AccountView,
    AddressesView,
    AddressView,
    MeView,
    SignUpView,
    TokenView,
)

urlpatterns = [
    path("accounts", SignUpView.as_view(), name="accounts"),
    path("accounts/<str:handle>", AccountView.as_view(), name="account"),
    path("auth/token", TokenView.as_view(), name="token"),
    path("me", MeView.as_view(), name="me"),
    path("me/password", PasswordView.as_view(), name="password"),
    path("auth/password-reset", PasswordResetView.as_view(), name="password-reset"),
    path("me/tokens", TokensView.as_view(), name="tokens"),
    path("me/tokens/<int:token_id>/end", TokenEndView.as_view(), name="token-end"),
    path("me/erasure", ErasureView.as_view(), name="erasure"),
    path("me/addresses", AddressesView.as_view(), name="addresses"),
    path("me/addresses/<int:address_id>", AddressView.as_view(), name="address"),
]
