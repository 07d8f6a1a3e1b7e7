"""Tables of the commissions room: promoters, plans, attribution, ledger, payouts."""

from commissions.models.attribution import Attribution, PromotionLink, Touch
from commissions.models.commission import CommissionOrder, CommissionReversal, CommissionSplit
from commissions.models.coupon import CouponCode
from commissions.models.dispute import AttributionDispute, AttributionOverride
from commissions.models.ledger import Balance, BalanceDelta, Entry, Journal, LedgerAccount
from commissions.models.lock import LockChange, LockSetting
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

__all__ = [
    "Attribution",
    "AttributionDispute",
    "AttributionOverride",
    "Balance",
    "BalanceDelta",
    "CommissionOffer",
    "CommissionOrder",
    "CommissionPlan",
    "CommissionReversal",
    "CommissionSplit",
    "CouponCode",
    "Entry",
    "Journal",
    "LedgerAccount",
    "LockChange",
    "LockSetting",
    "PayeeAccount",
    "Payout",
    "PayoutAttempt",
    "PayoutBatch",
    "PlanVersion",
    "Promoter",
    "PromotionLink",
    "SandboxTransfer",
    "SettlementPosting",
    "SettlementRun",
    "SponsorEdge",
    "Touch",
]
