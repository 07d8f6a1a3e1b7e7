"""The staff's pages of the commissions room."""

from commissions.admin import agencies, attribution, finance, plans, promoters, promoting

__all__ = ["agencies", "attribution", "finance", "plans", "promoters", "promoting"]
