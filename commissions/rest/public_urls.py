"""Paths of commissions outside /v1/: the short links."""

from django.urls import path

from commissions.rest.short_links import RedirectView

urlpatterns = [path("l/<str:code>", RedirectView.as_view(), name="short-link")]
