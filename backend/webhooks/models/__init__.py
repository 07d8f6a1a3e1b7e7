"""Tables of webhooks."""

from backend.webhooks.models.delivery import WebhookAttempt, WebhookDelivery
from backend.webhooks.models.endpoint import WebhookEndpoint

__all__ = ["WebhookAttempt", "WebhookDelivery", "WebhookEndpoint"]
