"""The staff's pages of the commissions room."""

from commissions.admin import finance, plans, promoting

__all__ = ["finance", "plans", "promoting"]
