"""Paths of shops, below /v1/."""

from shops.rest.goods_urls import urlpatterns as goods
from shops.rest.orders_urls import urlpatterns as orders

urlpatterns = [*goods, *orders]
