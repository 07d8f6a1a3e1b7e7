"""The staff's pages of the shops room."""

from shops.admin import goods, orders

__all__ = ["goods", "orders"]
