"""What the doors of checkouts, payments, orders and parcels read and answer."""

from typing import Any

from rest_framework import serializers

from backend.rest.fields import Fen, Id, Integer, Listed, Pattern, Strict, Text
from shops import addresses
from shops.checkout import MAX_LINES, MAX_QTY, LineRequest
from shops.models import Checkout, Order, OrderLine, Refund, RefundLine, Shipment, ShipmentLine


class SourceFields(Strict):
    """Where the buyer found the product; `id` for note and live."""

    kind = serializers.ChoiceField(["note", "live", "shop", "search"])
    id = Id(required=False)


class CheckoutLineFields(Strict):
    """A line of a checkout to be. Prices and titles are ours to say."""

    sku = Id()
    qty = Integer(min_value=1, max_value=MAX_QTY)
    source = SourceFields(required=False)  # type: ignore[assignment]


class QuoteRequest(Strict):
    """POST /v1/checkouts/quote."""

    lines = Listed(child=CheckoutLineFields(), min_length=1, max_length=MAX_LINES)
    click = Text(max_length=40, required=False, allow_blank=True)
    coupon_code = Text(max_length=16, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of the verb."""
        attrs["lines"] = [_line_request(line) for line in attrs["lines"]]
        attrs["click_id"] = attrs.pop("click", "")
        return attrs


def _line_request(line: dict[str, Any]) -> LineRequest:
    source = line.get("source") or {}
    return LineRequest(line["sku"], line["qty"], source.get("kind", ""), source.get("id"))


class CheckoutRequest(QuoteRequest):
    """POST /v1/checkouts."""

    address = Id(help_text="id of one of the buyer's addresses")
    expected_total_fen = Fen()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of the verb."""
        attrs = super().validate(attrs)
        attrs["address_id"] = attrs.pop("address")
        return attrs


class QuoteLine(serializers.Serializer):
    """A priced line."""

    sku = serializers.IntegerField(source="sku.pk")
    product = serializers.IntegerField(source="sku.product_id")
    title = serializers.CharField(source="sku.product.title")
    options = serializers.DictField(source="sku.options")
    unit_price_fen = serializers.IntegerField(source="sku.price_fen")
    qty = serializers.IntegerField()
    discount_fen = serializers.IntegerField()
    payable_fen = serializers.IntegerField()
    source_kind = serializers.CharField()


class ShopName(serializers.Serializer):
    """A shop in passing."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class QuoteOrder(serializers.Serializer):
    """What one shop's order would come to."""

    shop = ShopName()
    goods_fen = serializers.IntegerField()
    shipping_fen = serializers.IntegerField()
    discount_fen = serializers.IntegerField()
    payable_fen = serializers.IntegerField()
    lines = QuoteLine(many=True)


class QuoteAnswer(serializers.Serializer):
    """The price of a basket now; nothing is held."""

    total_fen = serializers.IntegerField()
    orders = QuoteOrder(many=True, source="baskets")


class OrderLineAnswer(serializers.ModelSerializer):
    """A line as its buyer sees it."""

    sku = serializers.IntegerField(source="sku_id")
    product = serializers.IntegerField(source="product_id")

    class Meta:
        model = OrderLine
        fields = [
            "id",
            "sku",
            "product",
            "title",
            "options",
            "unit_price_fen",
            "qty",
            "discount_fen",
            "payable_fen",
            "paid_fen",
            "shipped_qty",
            "refunded_qty",
            "refunded_fen",
            "return_window_days",
            "source_kind",
            "source_id",
        ]
        read_only_fields = fields


class SoldLineAnswer(OrderLineAnswer):
    """A line as its shop sees it: with the rates frozen on it (B8)."""

    class Meta(OrderLineAnswer.Meta):
        fields = [*OrderLineAnswer.Meta.fields, "fee_bps", "commission_bps", "referral_code"]
        read_only_fields = fields


_ORDER_FIELDS = [
    "number",
    "checkout",
    "status",
    "shop",
    "buyer",
    "goods_fen",
    "shipping_fen",
    "discount_fen",
    "payable_fen",
    "paid_fen",
    "refunded_fen",
    "placed_at",
    "paid_at",
    "ship_by",
    "shipped_at",
    "auto_receive_at",
    "received_at",
    "aftersale_until",
    "completed_at",
    "closed_at",
    "lines",
]


class OrderAnswer(serializers.ModelSerializer):
    """An order in a list."""

    checkout = serializers.CharField(source="checkout.number")
    shop = ShopName()
    buyer = serializers.CharField(source="buyer.handle")
    lines = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = _ORDER_FIELDS
        read_only_fields = fields

    def get_lines(self, order: Order) -> list[dict[str, Any]]:
        """The rates are the shop's business alone."""
        sells = self.context.get("account_id") != order.buyer_id
        kind = SoldLineAnswer if sells else OrderLineAnswer
        return list(kind(order.lines.all(), many=True).data)


class ParcelLineAnswer(serializers.ModelSerializer):
    """Units of a line in a parcel."""

    order_line = serializers.IntegerField(source="order_line_id")

    class Meta:
        model = ShipmentLine
        fields = ["order_line", "qty"]
        read_only_fields = fields


class ShipmentAnswer(serializers.ModelSerializer):
    """A parcel."""

    lines = ParcelLineAnswer(many=True)

    class Meta:
        model = Shipment
        fields = ["id", "carrier", "tracking_number", "at", "lines"]
        read_only_fields = fields


class RefundLineAnswer(serializers.ModelSerializer):
    """What of an order line a refund gives back."""

    order_line = serializers.IntegerField(source="order_line_id")

    class Meta:
        model = RefundLine
        fields = ["order_line", "qty", "amount_fen", "restock"]
        read_only_fields = fields


class OrderRefundAnswer(serializers.ModelSerializer):
    """A refund on its order's page."""

    lines = RefundLineAnswer(many=True)

    class Meta:
        model = Refund
        fields = [
            "number",
            "kind",
            "status",
            "reason",
            "amount_fen",
            "shipping_fen",
            "requested_at",
            "deadline_at",
            "succeeded_at",
            "lines",
        ]
        read_only_fields = fields


class OrderPage(OrderAnswer):
    """An order's own page."""

    address = serializers.SerializerMethodField(
        help_text="in clear for the buyer, and for the shop from payment to completion"
    )
    shipments = ShipmentAnswer(many=True)
    refunds = OrderRefundAnswer(many=True)
    allowed_actions = serializers.SerializerMethodField()

    class Meta(OrderAnswer.Meta):
        fields = [*_ORDER_FIELDS, "address", "shipments", "refunds", "allowed_actions"]
        read_only_fields = fields

    def get_address(self, order: Order) -> dict[str, str]:
        """As this party sees it."""
        return addresses.shown(order, to=self.context["account_id"])

    def get_allowed_actions(self, order: Order) -> list[str]:
        """What the caller may do now."""
        return list(self.context["allowed_actions"])


class CheckoutAnswer(serializers.ModelSerializer):
    """A checkout and its orders."""

    orders = OrderAnswer(many=True)

    class Meta:
        model = Checkout
        fields = [
            "number",
            "status",
            "total_fen",
            "address",
            "created_at",
            "expires_at",
            "orders",
        ]
        read_only_fields = fields


class PayRequest(Strict):
    """POST /v1/checkouts/{number}/pay."""

    provider = serializers.ChoiceField(["sandbox"], default="sandbox")


class ReadyCallback(serializers.Serializer):
    """Outside production: the callback that says "paid", to be posted byte for byte within
    five minutes."""

    url = serializers.CharField()
    headers = serializers.DictField(child=serializers.CharField())
    body = serializers.CharField()


class PayAnswer(serializers.Serializer):
    """What the buyer's client needs in order to pay."""

    provider = serializers.CharField()
    checkout = serializers.CharField()
    amount_fen = serializers.IntegerField()
    sandbox_callback = ReadyCallback(required=False)


class CallbackBody(serializers.Serializer):
    """A notice of the sandbox, for the schema alone: the raw body is what is signed."""

    type = serializers.CharField()
    data = serializers.DictField()  # type: ignore[assignment]


class CallbackAnswer(serializers.Serializer):
    """What became of a notice."""

    outcome = serializers.ChoiceField(["accepted", "repeated", "late", "second"])


class OrdersQuery(Strict):
    """GET /v1/orders."""

    role = serializers.ChoiceField(["buyer", "shop"], default="buyer")
    status = serializers.ChoiceField(Order.Status.choices, required=False)


class ParcelLineFields(Strict):
    """Units of a line to send."""

    order_line = Id()
    qty = Integer(min_value=1, max_value=MAX_QTY)


class ShipmentFields(Strict):
    """POST /v1/orders/{number}/shipments; without lines everything left is sent."""

    carrier = Text(max_length=40)
    tracking_number = Pattern(r"\A[A-Za-z0-9-]{4,40}\Z")
    lines = Listed(child=ParcelLineFields(), required=False, max_length=MAX_LINES)

    def validate_lines(self, value: list[dict[str, int]]) -> dict[int, int]:
        """Units by line id.

        :raises ValidationError: a line stands twice.
        """
        units = {line["order_line"]: line["qty"] for line in value}
        if len(units) < len(value):
            raise serializers.ValidationError("Each line may stand once.")
        return units
