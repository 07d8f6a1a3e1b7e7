"""The staff's pages of the commissions room."""

from commissions.admin import finance, promoting

__all__ = ["finance", "promoting"]
