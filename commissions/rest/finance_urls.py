"""Paths of commissions below /v1/: finance."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
