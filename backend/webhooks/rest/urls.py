"""Paths of webhooks below /v1/."""

from django.urls import path

from backend.webhooks.rest import views

_ONE = "webhooks/<int:endpoint_id>"
_TOLD = f"{_ONE}/deliveries/<int:delivery_id>"

urlpatterns = [
    path("webhooks", views.WebhooksView.as_view(), name="webhooks"),
    path(_ONE, views.WebhookView.as_view(), name="webhook"),
    path(f"{_ONE}/disable", views.DisableView.as_view()),
    path(f"{_ONE}/enable", views.EnableView.as_view()),
    path(f"{_ONE}/rotate", views.RotateView.as_view()),
    path(f"{_ONE}/test", views.TryView.as_view()),
    path(f"{_ONE}/replay", views.ReplayView.as_view()),
    path(f"{_ONE}/deliveries", views.DeliveriesView.as_view(), name="webhook-deliveries"),
    path(_TOLD, views.DeliveryView.as_view(), name="webhook-delivery"),
    path(f"{_TOLD}/replay", views.DeliveryReplayView.as_view()),
]
