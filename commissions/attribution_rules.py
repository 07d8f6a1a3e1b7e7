"""What may be set about attribution: windows, self-purchases, ranks left out.

A replay asks the same questions under other rules (`commissions.replay`).
"""

from typing import NamedTuple

from django.conf import settings

CONTACTS = {"phone": 1, "payer": 2, "address": 4}


class Rules(NamedTuple):
    """What may be set about attribution: windows in days by kind of source, what becomes of a
    self-purchase, by what it is recognised beside the account, and ranks that are left out."""

    windows: dict[str, int]
    self_purchase: str
    compares: tuple[str, ...]
    without: frozenset[int] = frozenset()


def rules_now() -> Rules:
    """The market's rules, as the settings are now."""
    return Rules(
        settings.TOUCH_WINDOW_DAYS, settings.SELF_PURCHASE, tuple(settings.SELF_PURCHASE_COMPARES)
    )
