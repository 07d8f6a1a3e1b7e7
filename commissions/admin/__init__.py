"""The staff's pages of the commissions room."""

from commissions.admin import attribution, finance, plans, promoting

__all__ = ["attribution", "finance", "plans", "promoting"]
