"""What goes in and out of the doors of applications and shops."""

from typing import Any

from rest_framework import serializers

from backend.rest.fields import Day, Strict, Text
from shops.models import QualificationDocument, Shop, ShopApplication
from shops.models.shop import OwnerType
from shops.rest.texts import Line


class ShopApplicationFields(Strict):
    """POST /v1/shops/applications."""

    shop_name = Line(max_length=40)
    owner_type = serializers.ChoiceField(OwnerType.choices)
    intro = Text(max_length=300, required=False, allow_blank=True)
    licence_number = Line(max_length=30, required=False, allow_blank=True)


class ShopApplicationChange(Strict):
    """PATCH /v1/shops/applications/{id}."""

    shop_name = Line(max_length=40, required=False)
    owner_type = serializers.ChoiceField(OwnerType.choices, required=False)
    intro = Text(max_length=300, required=False, allow_blank=True)
    licence_number = Line(max_length=30, required=False, allow_blank=True)


class QualificationFields(Strict):
    """POST /v1/shops/applications/{id}/documents; `valid_until` is the last valid day."""

    kind = serializers.ChoiceField(QualificationDocument.Kind.choices)
    number = Line(max_length=40)
    valid_until = Day(required=False, allow_null=True)


class QualificationAnswer(serializers.ModelSerializer):
    """A document of an application."""

    class Meta:
        model = QualificationDocument
        fields = ["id", "kind", "number", "valid_until", "status"]
        read_only_fields = fields


class ShopApplicationAnswer(serializers.ModelSerializer):
    """An application as its account sees it; `shop_id` once it is approved."""

    documents = QualificationAnswer(many=True, read_only=True)
    shop_id = serializers.SerializerMethodField()

    class Meta:
        model = ShopApplication
        fields = [
            "id",
            "shop_name",
            "intro",
            "owner_type",
            "licence_number",
            "status",
            "reject_reason",
            "created_at",
            "submitted_at",
            "decided_at",
            "documents",
            "shop_id",
        ]
        read_only_fields = fields

    def get_shop_id(self, application: ShopApplication) -> int | None:
        """The shop that came of it."""
        if application.status != ShopApplication.Status.APPROVED:
            return None
        shop: Shop | None = getattr(application.account, "shop", None)
        return shop.pk if shop else None


class ShopAnswer(serializers.ModelSerializer):
    """A shop; fee, licence number and the reason of a suspension are told to its owner alone."""

    owner = serializers.CharField(source="account.handle", read_only=True)
    # Not read_only: the schema calls every read-only field present, and these may be absent.
    fee_bps = serializers.IntegerField(required=False)
    licence_number = serializers.CharField(required=False)
    suspended_reason = serializers.CharField(required=False)

    class Meta:
        model = Shop
        fields = [
            "id",
            "name",
            "intro",
            "owner",
            "owner_type",
            "kind",
            "status",
            "opened_at",
            "fee_bps",
            "licence_number",
            "suspended_reason",
        ]
        read_only_fields = fields

    def to_representation(self, instance: Shop) -> dict[str, Any]:
        """The shop as the viewer in the context (viewer_id) may see it."""
        answer: dict[str, Any] = super().to_representation(instance)
        if instance.account_id != self.context.get("viewer_id"):
            for name in ("fee_bps", "licence_number", "suspended_reason"):
                del answer[name]
        return answer


class ShopChange(Strict):
    """PATCH /v1/shops/{id}."""

    intro = Text(max_length=300, allow_blank=True)


class ShopQuery(serializers.Serializer):
    """Filters of GET /v1/shops."""

    kind = serializers.ChoiceField(Shop.Kind.choices, required=False)
    owner = serializers.CharField(max_length=30, required=False, help_text="an account's handle")
