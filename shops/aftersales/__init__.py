"""After-sales 售后: money back, asked for by buyers, answered by shops, by time or by staff.

requested → refunding → succeeded (refund only) · requested → awaiting_return → returned →
refunding → succeeded (return and refund) · requested → rejected · requested, awaiting_return →
withdrawn · awaiting_return → closed (nothing came back in time). docs/api/orders.md has the table.
"""

from shops.aftersales.answering import (
    answer_overdue,
    approve,
    confirm_return,
    reject,
    send_back,
    withdraw,
)
from shops.aftersales.asking import (
    AmountExceeds,
    AttemptsExceeded,
    NothingLeft,
    UnitsMissing,
    WindowClosed,
    request,
    staff_refund,
)
from shops.aftersales.completing import complete_refunds
from shops.aftersales.reading import allowed_actions, list_of, page_of

__all__ = [
    "AmountExceeds",
    "AttemptsExceeded",
    "NothingLeft",
    "UnitsMissing",
    "WindowClosed",
    "allowed_actions",
    "answer_overdue",
    "approve",
    "complete_refunds",
    "confirm_return",
    "list_of",
    "page_of",
    "reject",
    "request",
    "send_back",
    "staff_refund",
    "withdraw",
]
