"""Tables of the commissions room: promoters, plans, attribution, ledger, payouts."""

from commissions.models.agency import Agency, AgencyEdge, AgencyInvitation, AgencyShare
from commissions.models.attribution import Attribution, PromotionLink, Touch
from commissions.models.commission import CommissionOrder, CommissionReversal, CommissionSplit
from commissions.models.ledger import Balance, BalanceDelta, Entry, Journal, LedgerAccount
from commissions.models.payout import (
    PayeeAccount,
    Payout,
    PayoutAttempt,
    PayoutBatch,
    SandboxTransfer,
)
from commissions.models.plan import CommissionOffer, CommissionPlan, PlanVersion
from commissions.models.promoter import Promoter, SponsorEdge
from commissions.models.settlement import SettlementPosting, SettlementRun
from commissions.models.team import AgencyCount, ComplianceFinding, PromoterCount

__all__ = [
    "Agency",
    "AgencyCount",
    "AgencyEdge",
    "AgencyInvitation",
    "AgencyShare",
    "Attribution",
    "Balance",
    "BalanceDelta",
    "CommissionOffer",
    "CommissionOrder",
    "CommissionPlan",
    "CommissionReversal",
    "CommissionSplit",
    "ComplianceFinding",
    "Entry",
    "Journal",
    "LedgerAccount",
    "PayeeAccount",
    "Payout",
    "PayoutAttempt",
    "PayoutBatch",
    "PlanVersion",
    "Promoter",
    "PromoterCount",
    "PromotionLink",
    "SandboxTransfer",
    "SettlementPosting",
    "SettlementRun",
    "SponsorEdge",
    "Touch",
]
