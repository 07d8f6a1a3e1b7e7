"""The staff's pages of the commissions room."""

from commissions.admin import attribution, finance, promoting

__all__ = ["attribution", "finance", "promoting"]
