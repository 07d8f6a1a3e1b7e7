"""What became of a row, in one word: the same for a file and for a postback. What each means
stands in commissions.reasons."""

from enum import StrEnum


class Verdict(StrEnum):
    """The verdicts, those that changed something first."""

    ACCEPTED = "accepted"
    RECEIVED = "received"
    REFUNDED = "refunded"
    UNCHANGED = "unchanged"
    MALFORMED = "malformed"
    UNKNOWN_SKU = "unknown_sku"
    UNKNOWN_CODE = "unknown_code"
    FUTURE = "future"
    CHANGED = "changed"
    REFUND_SHRUNK = "refund_shrunk"


TAKEN = frozenset({Verdict.ACCEPTED, Verdict.RECEIVED, Verdict.REFUNDED, Verdict.UNCHANGED})
