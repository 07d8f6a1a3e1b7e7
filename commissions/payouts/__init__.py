"""Payouts 提现: money from a person's available balance to their own account.

requested → prepared (maker) → approved (checker) → sending → paid | failed, or unknown until the
channel's final answer. The money leaves `available` when it is requested and stays in transit
until then; docs/operations/payouts.md tells staff, docs/api/payouts.md clients.
"""

from commissions.payouts.batches import (
    AnswerFileBroken,
    NothingToBatch,
    Reading,
    batch_file,
    build_batch,
    read_answer,
)
from commissions.payouts.notices import ForgedNotice, confirmation, take_notice
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
    PayeeMissing,
    cancel,
    find,
    request,
)
from commissions.payouts.review import (
    OwnPayout,
    ReasonMissing,
    SamePerson,
    approve,
    prepare,
    reject,
    resolve,
)
from commissions.payouts.sending import reconcile_payouts, send_payouts

__all__ = [
    "SIGN",
    "AnswerFileBroken",
    "BelowMinimum",
    "ForgedNotice",
    "InsufficientBalance",
    "NothingToBatch",
    "OwnPayout",
    "PayeeMissing",
    "Reading",
    "ReasonMissing",
    "SamePerson",
    "approve",
    "ask_again",
    "batch_file",
    "build_batch",
    "build_reports",
    "cancel",
    "confirmation",
    "export_csv",
    "find",
    "prepare",
    "read_answer",
    "reconcile_payouts",
    "reject",
    "request",
    "resolve",
    "send_payouts",
    "sign",
    "take_notice",
]
