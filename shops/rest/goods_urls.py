"""Paths of shops below /v1/: goods."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
