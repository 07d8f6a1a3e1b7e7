"""Tables of the commissions room: promoters, plans, attribution, ledger, payouts."""

from commissions.models.attribution import Attribution, PromotionLink, Touch
from commissions.models.bounty import Bounty, BountyAward
from commissions.models.commission import CommissionOrder, CommissionReversal, CommissionSplit
from commissions.models.conversion import (
    Conversion,
    ConversionGoods,
    ConversionImport,
    ConversionNotice,
    ConversionPiece,
    ConversionSource,
    ConversionVerdict,
)
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
from commissions.models.risk import BannedSource, RiskCase
from commissions.models.settlement import SettlementPosting, SettlementRun
from commissions.models.writeoff import WriteOff

__all__ = [
    "Attribution",
    "Balance",
    "BalanceDelta",
    "BannedSource",
    "Bounty",
    "BountyAward",
    "CommissionOffer",
    "CommissionOrder",
    "CommissionPlan",
    "CommissionReversal",
    "CommissionSplit",
    "Conversion",
    "ConversionGoods",
    "ConversionImport",
    "ConversionNotice",
    "ConversionPiece",
    "ConversionSource",
    "ConversionVerdict",
    "Entry",
    "Journal",
    "LedgerAccount",
    "PayeeAccount",
    "Payout",
    "PayoutAttempt",
    "PayoutBatch",
    "PlanVersion",
    "Promoter",
    "PromotionLink",
    "RiskCase",
    "SandboxTransfer",
    "SettlementPosting",
    "SettlementRun",
    "SponsorEdge",
    "Touch",
    "WriteOff",
]
