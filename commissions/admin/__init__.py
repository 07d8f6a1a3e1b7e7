"""The staff's pages of the commissions room."""

from commissions.admin import bounties, conversions, finance, promoting, risk, writeoffs

__all__ = ["bounties", "conversions", "finance", "promoting", "risk", "writeoffs"]
