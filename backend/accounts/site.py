"""The admin behind the staff's own sign-in: a password, a second factor, a session of one day."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite

from backend.accounts import proof


class Desk(UnfoldAdminSite):
    """Django's admin for whoever has shown everything that is asked of them."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff whose session lives and, where they need one, has shown a second factor."""
        return proof.is_admitted(request)

    def extra_urls(self) -> list[URLPattern]:
        """The sign-in's further steps, and the page of one's own sign-in."""
        from backend.accounts.admin import own, sign_in  # they need this site to exist

        return [
            path("login/code/", sign_in.code, name="sign_in_code"),
            path("login/set-up/", sign_in.set_up, name="sign_in_set_up"),
            path("my-sign-in/", self.admin_view(own.page), name="my_sign_in"),
            path("my-sign-in/set-up/", self.admin_view(own.set_up), name="my_sign_in_set_up"),
            path("my-sign-in/again/", self.admin_view(own.again), name="my_sign_in_again"),
        ]

    @method_decorator(never_cache)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """The first step: the password."""
        from backend.accounts.admin import sign_in  # it needs this site to exist

        return sign_in.password(request)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One's own password."""
        from backend.accounts.admin import own  # it needs this site to exist

        return own.change_password(request)
