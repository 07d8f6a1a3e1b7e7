"""Payouts 提现: money from a person's available balance to their own account.

requested → prepared (maker) → approved (checker; over a limit two: checked, then approved) →
sending → paid | failed, or unknown until the channel's final answer. The money leaves
`available` when it is requested and stays in transit until then; docs/operations/payouts.md tells
staff, docs/api/payouts.md clients.
"""

from commissions.payouts.batches import (
    AnswerFileBroken,
    NothingToBatch,
    Reading,
    batch_file,
    build_batch,
    read_answer,
)
from commissions.payouts.holds import HOLDABLE, hold, release
from commissions.payouts.limits import DailyLimit, MarketLimit
from commissions.payouts.offered import Offered, offered
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
from commissions.payouts.review import (
    OwnPayout,
    ReasonMissing,
    SameChecker,
    SamePerson,
    approve,
    prepare,
    reject,
    resolve,
)
from commissions.payouts.sending import reconcile_payouts, send_payouts

__all__ = [
    "HOLDABLE",
    "AnswerFileBroken",
    "BelowMinimum",
    "DailyLimit",
    "InsufficientBalance",
    "MarketLimit",
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
    "batch_file",
    "build_batch",
    "cancel",
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
]
