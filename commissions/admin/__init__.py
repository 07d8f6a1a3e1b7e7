"""The staff's pages of the commissions room."""

from commissions.admin import (
    agencies,
    attribution,
    bounties,
    conversions,
    finance,
    plans,
    promoters,
    promoting,
    reconciliation,
    risk,
    writeoffs,
)

__all__ = [
    "agencies",
    "attribution",
    "bounties",
    "conversions",
    "finance",
    "plans",
    "promoters",
    "promoting",
    "reconciliation",
    "risk",
    "writeoffs",
]
