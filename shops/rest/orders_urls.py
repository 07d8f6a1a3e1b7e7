"""Paths of shops below /v1/: orders."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
