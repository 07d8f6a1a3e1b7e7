"""Shops, categories, products and SKUs."""

import factory
from factory.django import DjangoModelFactory

from backend.core.clock import now
from backend.core.texts import skeleton
from seeds.factories.accounts import AccountFactory
from shops.models import Category, Product, Shop, Sku
from shops.models.shop import OwnerType


class CategoryFactory(DjangoModelFactory):
    """A root category."""

    class Meta:
        model = Category
        django_get_or_create = ("code",)

    code = "fashion"
    name = "时尚穿搭"


class ShopFactory(DjangoModelFactory):
    """An open shop of an account with 0 followers."""

    class Meta:
        model = Shop

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"慢慢小铺{n}")
    name_skeleton = factory.LazyAttribute(lambda shop: skeleton(shop.name))
    owner_type = OwnerType.INDIVIDUAL
    fee_bps = 500
    opened_at = factory.LazyFunction(now)


class ProductFactory(DjangoModelFactory):
    """A product on sale; without SKUs."""

    class Meta:
        model = Product

    shop = factory.SubFactory(ShopFactory)
    category = factory.SubFactory(CategoryFactory)
    title = factory.Sequence(lambda n: f"垂感显瘦阔腿裤 {n}")
    status = Product.Status.ON_SALE
    created_at = factory.LazyFunction(now)
    published_at = factory.LazyFunction(now)


class SkuFactory(DjangoModelFactory):
    """A SKU with 100 in stock at 129.00 yuan."""

    class Meta:
        model = Sku

    product = factory.SubFactory(ProductFactory)
    code = factory.Sequence(lambda n: f"sku{n}")
    options = factory.Sequence(lambda n: {"颜色": "雾蓝", "尺码": f"S{n}"})
    price_fen = 12_900
    on_hand = 100
