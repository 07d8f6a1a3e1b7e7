"""Payouts 提现: money from a person's available balance to their own account.

requested → prepared (maker) → approved (checker; over a limit two: checked, then approved) →
sending → paid | failed, or unknown until the channel's final answer. The money leaves
`available` when it is requested and stays in transit until then; docs/operations/payouts.md tells
staff, docs/api/payouts.md clients.
"""

from commissions.payouts.batches import (
    AnswerFileBroken,
    BatchAnswered,
    NothingToBatch,
    Reading,
    batch_file,
    build_batch,
    read_answer,
)
from commissions.payouts.holds import HOLDABLE, hold, release
from commissions.payouts.limits import DailyLimit, MarketLimit
from commissions.payouts.notices import ForgedNotice, confirmation, take_notice
from commissions.payouts.offered import Offered, offered
from commissions.payouts.reconciliation import (
    SIGN,
    ask_again,
    build_reports,
    export_csv,
    sign,
)
from commissions.payouts.requests import (
    BelowMinimum,
    InsufficientBalance,
    NothingArrives,
    PayeeMissing,
    PayeeNameDiffers,
    PayoutHeld,
    WindowClosed,
    cancel,
    find,
    quote,
    request,
)
from commissions.payouts.resolving import MayStillPay, resolve
from commissions.payouts.review import (
    OwnPayout,
    ReasonMissing,
    SameChecker,
    SamePerson,
    approve,
    prepare,
    reject,
)
from commissions.payouts.sending import reconcile_payouts, send_payouts

__all__ = [
    "HOLDABLE",
    "SIGN",
    "AnswerFileBroken",
    "BatchAnswered",
    "BelowMinimum",
    "DailyLimit",
    "ForgedNotice",
    "InsufficientBalance",
    "MarketLimit",
    "MayStillPay",
    "NothingArrives",
    "NothingToBatch",
    "Offered",
    "OwnPayout",
    "PayeeMissing",
    "PayeeNameDiffers",
    "PayoutHeld",
    "Reading",
    "ReasonMissing",
    "SameChecker",
    "SamePerson",
    "WindowClosed",
    "approve",
    "ask_again",
    "batch_file",
    "build_batch",
    "build_reports",
    "cancel",
    "confirmation",
    "export_csv",
    "find",
    "hold",
    "offered",
    "prepare",
    "quote",
    "read_answer",
    "reconcile_payouts",
    "reject",
    "release",
    "request",
    "resolve",
    "send_payouts",
    "sign",
    "take_notice",
]
