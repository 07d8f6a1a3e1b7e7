"""Doors of goods: categories, products, SKUs, stock."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from backend.accounts.authentication import caller
from backend.core.clock import now
from backend.rest.fields import NoFields
from backend.rest.idempotency import idempotent
from backend.rest.paging import answer, keyset
from backend.rest.permissions import Anyone, AnyoneReads
from backend.rest.schema import CURSOR, KEY, page_of
from backend.rest.views import View
from shops import catalog, inventory
from shops.models import Product
from shops.rest import serializers_goods as s


def _detail(product: Product, request: Request) -> Any:
    return s.ProductDetail(product, context={"viewer_id": request.user.pk}).data


def _page(products: list[Product], cursor: str | None) -> Response:
    context = {"offerings": catalog.offerings(products)}
    return Response(answer(s.ProductSummary(products, many=True, context=context).data, cursor))


class CategoriesView(View):
    """The category tree."""

    permission_classes = [Anyone]

    @extend_schema(tags=["products"], responses=s.CategoryTree)
    def get(self, request: Request) -> Response:
        """The whole tree of active categories in one answer."""
        self.query(request)
        return Response(answer(catalog.category_tree(), None))


class ShopProductsView(View):
    """Products of the own shop."""

    @extend_schema(tags=["products"], request=s.ProductFields, responses={201: s.ProductDetail})
    def post(self, request: Request, shop_id: int) -> Response:
        """A new draft, with SKUs where given; stock is added by adjustments."""
        product = catalog.create_product(
            account=caller(request),
            shop_id=shop_id,
            at=now(),
            **self.body(request, s.ProductFields),
        )
        return Response(_detail(product, request), status=201)


class ProductsView(View):
    """Products on sale."""

    permission_classes = [Anyone]

    @extend_schema(
        tags=["products"],
        parameters=[s.ProductQuery, *CURSOR],
        responses=page_of("Product", s.ProductSummary),
    )
    def get(self, request: Request) -> Response:
        """Products on sale in open shops, newest first."""
        filters = self.query(request, s.ProductQuery, paged=True)
        return _page(*keyset(request, catalog.on_sale(**filters)))


class OwnProductsView(View):
    """Products of the caller's shop."""

    @extend_schema(
        tags=["products"],
        parameters=[s.OwnProductQuery, *CURSOR],
        responses=page_of("OwnProduct", s.ProductSummary),
    )
    def get(self, request: Request) -> Response:
        """The caller's products in any state, drafts and banned ones as well, newest first."""
        filters = self.query(request, s.OwnProductQuery, paged=True)
        return _page(*keyset(request, catalog.of_owner(account=caller(request), **filters)))


class ProductView(View):
    """One product."""

    permission_classes = [AnyoneReads]
    shared_seconds = 0

    @extend_schema(tags=["products"], responses=s.ProductDetail)
    def get(self, request: Request, product_id: int) -> Response:
        """A product on sale with its SKUs; to its owner in any state, with exact stock."""
        self.query(request)
        return Response(catalog.product_page(viewer_id=request.user.pk, product_id=product_id))

    @extend_schema(tags=["products"], request=s.ProductChange, responses=s.ProductDetail)
    def patch(self, request: Request, product_id: int) -> Response:
        """Changes texts, category, return window or shipping fee; placed orders keep theirs."""
        product = catalog.change_product(
            account=caller(request),
            product_id=product_id,
            changes=self.body(request, s.ProductChange),
        )
        return Response(_detail(product, request))


class ProductPublishView(View):
    """Putting on sale."""

    @extend_schema(tags=["products"], request=NoFields, responses={200: s.ProductDetail})
    def post(self, request: Request, product_id: int) -> Response:
        """Puts a product with an active SKU on sale."""
        self.body(request, NoFields)
        product = catalog.publish(account=caller(request), product_id=product_id, at=now())
        return Response(_detail(product, request))


class ProductUnpublishView(View):
    """Taking off the shelf."""

    @extend_schema(tags=["products"], request=NoFields, responses={200: s.ProductDetail})
    def post(self, request: Request, product_id: int) -> Response:
        """Takes a product off the shelf; placed orders go on."""
        self.body(request, NoFields)
        product = catalog.unpublish(account=caller(request), product_id=product_id, at=now())
        return Response(_detail(product, request))


class ProductSkusView(View):
    """SKUs of a product."""

    @extend_schema(tags=["products"], request=s.SkuFields, responses={201: s.SkuAnswer})
    def post(self, request: Request, product_id: int) -> Response:
        """A new SKU, without stock."""
        sku = catalog.add_sku(
            account=caller(request), product_id=product_id, **self.body(request, s.SkuFields)
        )
        return Response(s.SkuAnswer(sku, context={"owner": True}).data, status=201)


class ProductSkuView(View):
    """One SKU of a product."""

    @extend_schema(tags=["products"], request=s.SkuChange, responses=s.SkuAnswer)
    def patch(self, request: Request, product_id: int, sku_id: int) -> Response:
        """Changes price, list price or whether it is sold; placed orders keep their price."""
        sku = catalog.change_sku(
            account=caller(request),
            product_id=product_id,
            sku_id=sku_id,
            changes=self.body(request, s.SkuChange),
        )
        return Response(s.SkuAnswer(sku, context={"owner": True}).data)


class StockAdjustmentsView(View):
    """Corrections of a stock."""

    @extend_schema(
        tags=["products"],
        parameters=[KEY],
        request=s.StockAdjustment,
        responses={201: s.SkuAnswer},
    )
    @idempotent
    def post(self, request: Request, sku_id: int) -> Response:
        """Adds units to a stock or takes units that no order holds."""
        sku = inventory.adjust(
            account=caller(request),
            sku_id=sku_id,
            at=now(),
            **self.body(request, s.StockAdjustment),
        )
        return Response(s.SkuAnswer(sku, context={"owner": True}).data, status=201)
