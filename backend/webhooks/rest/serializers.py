"""What the doors of webhooks read and answer."""

from rest_framework import serializers

from backend.rest.fields import Instant, Listed, Pattern, Plain, Strict, Text
from backend.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint

_KIND = r"^[a-z]{1,20}\.[a-z]{1,20}$"


class WebhookFields(Strict):
    """POST /v1/webhooks: a new endpoint; which kinds a scope is told stands in the handbook."""

    scope = serializers.ChoiceField(choices=WebhookEndpoint.Scope.choices)
    url = Plain(max_length=500)
    kinds = Listed(child=Pattern(_KIND, max_length=30), min_length=1, max_length=20)
    description = Text(max_length=100, required=False, allow_blank=True, default="")


class WebhookChanges(Strict):
    """PATCH /v1/webhooks/…: what is named changes."""

    url = Plain(max_length=500, required=False)
    kinds = Listed(child=Pattern(_KIND, max_length=30), min_length=1, max_length=20, required=False)
    description = Text(max_length=100, required=False, allow_blank=True)


class WebhookAnswer(serializers.ModelSerializer):
    """An endpoint and how it does: `streak` failed calls since the last success."""

    kinds = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = WebhookEndpoint
        fields = [
            "id",
            "scope",
            "shop",
            "url",
            "kinds",
            "description",
            "status",
            "off_reason",
            "off_at",
            "since",
            "streak",
            "failing_since",
            "paused_until",
            "last_success_at",
            "last_failure_at",
            "previous_until",
            "created_at",
        ]
        read_only_fields = fields


class WebhookSecretAnswer(WebhookAnswer):
    """An endpoint with its newest secret, which is shown this once."""

    secret = serializers.CharField(read_only=True)

    class Meta(WebhookAnswer.Meta):
        fields = [*WebhookAnswer.Meta.fields, "secret"]
        read_only_fields = fields


class WebhookDeliveryQuery(Strict):
    """GET …/deliveries: of one state, or all."""

    state = serializers.ChoiceField(choices=WebhookDelivery.State.choices, required=False)


class WebhookDeliveryAnswer(serializers.ModelSerializer):
    """An event that is or was told: `event_id` is its webhook-id."""

    class Meta:
        model = WebhookDelivery
        fields = [
            "id",
            "event_id",
            "kind",
            "state",
            "tries",
            "occurred_at",
            "created_at",
            "due_at",
            "delivered_at",
        ]
        read_only_fields = fields


class WebhookAttemptAnswer(serializers.ModelSerializer):
    """One call and what was answered."""

    class Meta:
        model = WebhookAttempt
        fields = ["at", "status_code", "latency_ms", "error", "answer"]
        read_only_fields = fields


class WebhookDeliveryDetail(WebhookDeliveryAnswer):
    """An event with what is told and its last 50 tries, the newest first."""

    data = serializers.DictField(read_only=True)  # type: ignore[assignment]
    attempts = WebhookAttemptAnswer(many=True, read_only=True)

    class Meta(WebhookDeliveryAnswer.Meta):
        fields = [*WebhookDeliveryAnswer.Meta.fields, "data", "attempts"]
        read_only_fields = fields


class WebhookReplayFields(Strict):
    """POST …/replay: everything recorded since then that has ended."""

    since = Instant()


class WebhookReplayAnswer(serializers.Serializer):
    """How many are told again."""

    deliveries = serializers.IntegerField()
