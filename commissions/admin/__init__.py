"""The staff's pages of the commissions room."""

from commissions.admin import (
    agencies,
    attribution,
    bounties,
    chain,
    conversions,
    finance,
    payout_rules,
    plans,
    promoters,
    promoting,
    reconciliation,
    remittances,
    risk,
    settlements,
    taxes,
    writeoffs,
)

__all__ = [
    "agencies",
    "attribution",
    "bounties",
    "chain",
    "conversions",
    "finance",
    "payout_rules",
    "plans",
    "promoters",
    "promoting",
    "reconciliation",
    "remittances",
    "risk",
    "settlements",
    "taxes",
    "writeoffs",
]
