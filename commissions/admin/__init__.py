"""The staff's pages of the commissions room."""

from commissions.admin import (
    agencies,
    attribution,
    bounties,
    chain,
    conversions,
    finance,
    plans,
    promoters,
    promoting,
    reconciliation,
    risk,
    settlements,
    writeoffs,
)

__all__ = [
    "agencies",
    "attribution",
    "bounties",
    "chain",
    "conversions",
    "finance",
    "plans",
    "promoters",
    "promoting",
    "reconciliation",
    "risk",
    "settlements",
    "writeoffs",
]
