"""Paths of commissions outside /v1/: the short links."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
