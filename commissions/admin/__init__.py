"""The staff's pages of the commissions room."""

from commissions.admin import agencies, finance, promoters, promoting

__all__ = ["agencies", "finance", "promoters", "promoting"]
