"""Tables of the shops room: merchants, goods, stock, orders, money in, after-sales, metrics."""

from shops.models.aftersale import Refund, RefundLine
from shops.models.catalog import Category, Product
from shops.models.metric import DailyMetric, MetricMark
from shops.models.order import Checkout, Order, OrderEvent, OrderLine
from shops.models.payment import Payment, PaymentNotice
from shops.models.shipment import Shipment, ShipmentLine
from shops.models.shop import QualificationDocument, Shop, ShopApplication
from shops.models.stock import Sku, StockMovement

__all__ = [
    "Category",
    "Checkout",
    "DailyMetric",
    "MetricMark",
    "Order",
    "OrderEvent",
    "OrderLine",
    "Payment",
    "PaymentNotice",
    "Product",
    "QualificationDocument",
    "Refund",
    "RefundLine",
    "Shipment",
    "ShipmentLine",
    "Shop",
    "ShopApplication",
    "Sku",
    "StockMovement",
]
