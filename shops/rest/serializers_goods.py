"""What goes in and out of the doors of categories, products and stock."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from backend.core import weblinks
from backend.core.money import MAX_FEN
from backend.rest.fields import Fen, Flag, Integer, Listed, QueryInteger, Strict, Text
from shops import inventory
from shops.catalog import MAX_SKUS, Offering
from shops.models import Product, Shop, Sku
from shops.rest.texts import Labels, Line

MAX_PRICE_FEN = MAX_FEN // 10_000
STOCK_LEVELS = ["in_stock", "low_stock", "sold_out"]


class PictureAddress(Text):
    """Where a picture is: shown by clients, never fetched by us."""

    def to_internal_value(self, data: Any) -> str:
        """The address.

        :raises ValidationError: neither an uploaded picture of ours nor https:// at a public name.
        """
        value = super().to_internal_value(data)
        problem = weblinks.picture_problem(value) if value else None
        if problem:
            raise serializers.ValidationError(problem, code="no_picture_address")
        return value


def _image() -> PictureAddress:
    return PictureAddress(max_length=300, required=False, allow_blank=True)


class CategoryNode(serializers.Serializer):
    """A category with everything below it."""

    id = serializers.IntegerField()
    code = serializers.CharField()
    name = serializers.CharField()
    position = serializers.IntegerField()

    def get_fields(self) -> dict[str, Any]:
        """The fields, with the children described by this very class."""
        return {**super().get_fields(), "children": CategoryNode(many=True)}


class CategoryTree(serializers.Serializer):
    """GET /v1/categories: the whole tree at once, `next` is always null."""

    results = CategoryNode(many=True)
    next = serializers.CharField(allow_null=True)


class SkuFields(Strict):
    """POST /v1/products/{id}/skus; prices in fen."""

    code = Line(max_length=40)
    options = Labels(most=5)
    price_fen = Fen(min_value=1, max_value=MAX_PRICE_FEN)
    list_price_fen = Fen(required=False, allow_null=True, min_value=1, max_value=MAX_PRICE_FEN)


class SkuChange(Strict):
    """PATCH /v1/products/{id}/skus/{sku}; prices in fen."""

    price_fen = Fen(required=False, min_value=1, max_value=MAX_PRICE_FEN)
    list_price_fen = Fen(required=False, allow_null=True, min_value=1, max_value=MAX_PRICE_FEN)
    is_active = Flag(required=False)


class SkuAnswer(serializers.ModelSerializer):
    """A SKU. The public learns in_stock, low_stock or sold_out; the numbers are the owner's."""

    stock = serializers.SerializerMethodField()
    on_hand = serializers.IntegerField(required=False, help_text="owner only")
    committed = serializers.IntegerField(required=False, help_text="owner only")
    available = serializers.IntegerField(required=False, help_text="owner only")

    class Meta:
        model = Sku
        fields = [
            "id",
            "code",
            "options",
            "price_fen",
            "list_price_fen",
            "is_active",
            "stock",
            "on_hand",
            "committed",
            "available",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(STOCK_LEVELS))
    def get_stock(self, sku: Sku) -> str:
        """What the public may know."""
        return inventory.level(sku.on_hand - sku.committed if sku.is_active else 0)

    def to_representation(self, instance: Sku) -> dict[str, Any]:
        """The SKU with numbers where the context says that its owner looks."""
        answer: dict[str, Any] = super().to_representation(instance)
        if self.context.get("owner"):
            answer["available"] = instance.on_hand - instance.committed
        else:
            del answer["on_hand"], answer["committed"]
        return answer


class ProductShop(serializers.ModelSerializer):
    """The shop in a product's answer."""

    class Meta:
        model = Shop
        fields = ["id", "name"]
        read_only_fields = fields


class ProductSummary(serializers.ModelSerializer):
    """A product in a list; needs the context `offerings` (shops.catalog.offerings)."""

    shop = ProductShop(read_only=True)
    category = serializers.CharField(source="category.code", read_only=True)
    price_from_fen = serializers.SerializerMethodField()
    price_to_fen = serializers.SerializerMethodField()
    stock = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = [
            "id",
            "shop",
            "category",
            "title",
            "image_url",
            "status",
            "price_from_fen",
            "price_to_fen",
            "stock",
            "shipping_fee_fen",
            "return_window_days",
            "sales_count",
            "published_at",
        ]
        read_only_fields = fields

    def _offering(self, product: Product) -> Offering:
        offering: Offering = self.context["offerings"][product.pk]
        return offering

    def get_price_from_fen(self, product: Product) -> int | None:
        """The lowest price of its active SKUs."""
        return self._offering(product).price_from_fen

    def get_price_to_fen(self, product: Product) -> int | None:
        """The highest price of its active SKUs."""
        return self._offering(product).price_to_fen

    @extend_schema_field(serializers.ChoiceField(STOCK_LEVELS))
    def get_stock(self, product: Product) -> str:
        """What the public may know of all its SKUs together."""
        return inventory.level(self._offering(product).available)


class ProductDetail(serializers.ModelSerializer):
    """A product with its SKUs: the active ones for the public, all of them for its owner."""

    shop = ProductShop(read_only=True)
    category = serializers.CharField(source="category.code", read_only=True)
    ban_reason = serializers.CharField(required=False, help_text="owner only")
    skus = serializers.SerializerMethodField()

    class Meta:
        model = Product
        fields = [
            "id",
            "shop",
            "category",
            "title",
            "description",
            "image_url",
            "attributes",
            "status",
            "ban_reason",
            "shipping_fee_fen",
            "return_window_days",
            "sales_count",
            "created_at",
            "published_at",
            "skus",
        ]
        read_only_fields = fields

    def _owner(self, product: Product) -> bool:
        return product.shop.account_id == self.context.get("viewer_id")

    @extend_schema_field(SkuAnswer(many=True))
    def get_skus(self, product: Product) -> Any:
        """The SKUs that the viewer may see."""
        owner = self._owner(product)
        skus = [sku for sku in product.skus.all() if owner or sku.is_active]
        return SkuAnswer(skus, many=True, context={"owner": owner}).data

    def to_representation(self, instance: Product) -> dict[str, Any]:
        """The product as the viewer in the context (viewer_id) may see it."""
        answer: dict[str, Any] = super().to_representation(instance)
        if not self._owner(instance):
            del answer["ban_reason"]
        return answer


class ProductFields(Strict):
    """POST /v1/shops/{id}/products; `category` is a category's code."""

    category = Line(max_length=40)
    title = Line(max_length=60)
    description = Text(max_length=5000, required=False, allow_blank=True)
    image_url = _image()
    attributes = Labels(most=20, required=False)
    return_window_days = Integer(min_value=7, max_value=30, required=False)
    shipping_fee_fen = Fen(max_value=10**9, required=False)
    skus = Listed(child=SkuFields(), max_length=MAX_SKUS, required=False)


class ProductChange(Strict):
    """PATCH /v1/products/{id}; price, stock and status have their own addresses."""

    category = Line(max_length=40, required=False)
    title = Line(max_length=60, required=False)
    description = Text(max_length=5000, required=False, allow_blank=True)
    image_url = _image()
    attributes = Labels(most=20, required=False)
    return_window_days = Integer(min_value=7, max_value=30, required=False)
    shipping_fee_fen = Fen(max_value=10**9, required=False)


class ProductQuery(serializers.Serializer):
    """Filters of GET /v1/products."""

    shop = QueryInteger(min_value=1, max_value=2**63 - 1, required=False)
    category = serializers.CharField(
        max_length=40, required=False, help_text="a code; what lies below it is included"
    )


class OwnProductQuery(serializers.Serializer):
    """Filters of GET /v1/me/products."""

    status = serializers.ChoiceField(Product.Status.choices, required=False)


class StockAdjustment(Strict):
    """POST /v1/skus/{id}/stock-adjustments: units to add (above 0) or take (below 0)."""

    delta = Integer(min_value=-inventory.MAX_ON_HAND, max_value=inventory.MAX_ON_HAND)
    reason = Line(max_length=200)
