"""Tables of the commissions room: promoters, plans, attribution, ledger, payouts."""

from commissions.models.agency import Agency, AgencyEdge, AgencyInvitation, AgencyShare
from commissions.models.attribution import Attribution, PromotionLink, Touch
from commissions.models.bounty import Bounty, BountyAward
from commissions.models.chain import BooksArchive, SealedJournal, SealWaiting
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
from commissions.models.payout_rule import PayoutRule
from commissions.models.plan import (
    CommissionOffer,
    CommissionPlan,
    PlanProduct,
    PlanTarget,
    PlanVersion,
)
from commissions.models.plan_use import PlanCounter, PlanFund, PlanReturn
from commissions.models.promoter import Promoter, SponsorEdge, TierChange
from commissions.models.rails import (
    PayoutNotice,
    Reconciliation,
    ReconciliationLine,
    SandboxScript,
)
from commissions.models.risk import BannedSource, RiskCase
from commissions.models.settlement import (
    Restatement,
    RestatementLine,
    SettlementPeriod,
    SettlementPosting,
    SettlementRule,
    SettlementRun,
)
from commissions.models.statement import (
    Statement,
    StatementDue,
    StatementKey,
    StatementLine,
)
from commissions.models.tax import (
    TaxFiling,
    TaxIdentity,
    TaxRemittance,
    TaxTable,
    TaxWithholding,
)
from commissions.models.team import AgencyCount, ComplianceFinding, PromoterCount
from commissions.models.whatif import WhatIf
from commissions.models.writeoff import WriteOff

__all__ = [
    "Agency",
    "AgencyCount",
    "AgencyEdge",
    "AgencyInvitation",
    "AgencyShare",
    "Attribution",
    "AttributionDispute",
    "AttributionOverride",
    "Balance",
    "BalanceDelta",
    "BannedSource",
    "BooksArchive",
    "Bounty",
    "BountyAward",
    "CommissionOffer",
    "CommissionOrder",
    "CommissionPlan",
    "CommissionReversal",
    "CommissionSplit",
    "ComplianceFinding",
    "Conversion",
    "ConversionGoods",
    "ConversionImport",
    "ConversionNotice",
    "ConversionPiece",
    "ConversionSource",
    "ConversionVerdict",
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
    "PayoutNotice",
    "PayoutRule",
    "PlanCounter",
    "PlanFund",
    "PlanProduct",
    "PlanReturn",
    "PlanTarget",
    "PlanVersion",
    "Promoter",
    "PromoterCount",
    "PromotionLink",
    "Reconciliation",
    "ReconciliationLine",
    "Restatement",
    "RestatementLine",
    "RiskCase",
    "SandboxScript",
    "SandboxTransfer",
    "SealWaiting",
    "SealedJournal",
    "SettlementPeriod",
    "SettlementPosting",
    "SettlementRule",
    "SettlementRun",
    "SponsorEdge",
    "Statement",
    "StatementDue",
    "StatementKey",
    "StatementLine",
    "TaxFiling",
    "TaxIdentity",
    "TaxRemittance",
    "TaxTable",
    "TaxWithholding",
    "TierChange",
    "Touch",
    "WhatIf",
    "WriteOff",
]
