"""The staff's pages of the commissions room."""

from commissions.admin import promoting, finance

__all__ = ["promoting", "finance"]
