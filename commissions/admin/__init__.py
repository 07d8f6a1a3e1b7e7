"""The staff's pages of the commissions room."""

from commissions.admin import agencies, finance, plans, promoters, promoting

__all__ = ["agencies", "finance", "plans", "promoters", "promoting"]
