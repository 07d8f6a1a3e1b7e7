"""What the doors of refunds read and answer."""

from typing import Any

from rest_framework import serializers

from backend.rest.fields import Fen, Id, Integer, Listed, Pattern, Strict, Text
from shops.checkout import MAX_LINES, MAX_QTY
from shops.models import Refund
from shops.rest.orders_serializers import OrderRefundAnswer, ShopName


class RefundLineFields(Strict):
    """What is asked back of a line; without an amount, what these units cost."""

    order_line = Id()
    qty = Integer(min_value=0, max_value=MAX_QTY)
    amount_fen = Fen(required=False, min_value=1)


class RefundFields(Strict):
    """POST /v1/orders/{number}/refunds; without lines everything that is left."""

    kind = serializers.ChoiceField(Refund.Kind.choices)
    reason = Text(max_length=40)
    note = Text(max_length=300, required=False, allow_blank=True, default="")
    lines = Listed(child=RefundLineFields(), required=False, max_length=MAX_LINES)

    def validate_lines(self, value: list[dict[str, int]]) -> dict[int, tuple[int, int | None]]:
        """Units and fen by line id.

        :raises ValidationError: a line stands twice.
        """
        wanted = {line["order_line"]: (line["qty"], line.get("amount_fen")) for line in value}
        if len(wanted) < len(value):
            raise serializers.ValidationError("Each line may stand once.")
        return wanted


class RefundAnswer(OrderRefundAnswer):
    """A refund."""

    order = serializers.CharField(source="order.number")
    shop = ShopName(source="order.shop")
    buyer = serializers.CharField(source="order.buyer.handle")

    class Meta(OrderRefundAnswer.Meta):
        fields = [
            *OrderRefundAnswer.Meta.fields,
            "order",
            "shop",
            "buyer",
            "note",
            "decided_at",
            "reject_reason",
        ]
        read_only_fields = fields


class RefundPage(RefundAnswer):
    """A refund's own page."""

    allowed_actions = serializers.SerializerMethodField()

    class Meta(RefundAnswer.Meta):
        fields = [*RefundAnswer.Meta.fields, "allowed_actions"]
        read_only_fields = fields

    def get_allowed_actions(self, refund: Refund) -> list[str]:
        """What the caller may do now."""
        actions: list[Any] = self.context["allowed_actions"]
        return actions


class RefundsQuery(Strict):
    """GET /v1/refunds."""

    role = serializers.ChoiceField(["buyer", "shop"], default="buyer")
    status = serializers.ChoiceField(Refund.Status.choices, required=False)


class RejectFields(Strict):
    """POST /v1/refunds/{number}/reject."""

    reason = Text(max_length=300)


class ReturnParcelFields(Strict):
    """POST /v1/refunds/{number}/return-shipment."""

    carrier = Text(max_length=40)
    tracking_number = Pattern(r"\A[A-Za-z0-9-]{4,40}\Z")
