"""Paths of commissions below /v1/: promoting."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
