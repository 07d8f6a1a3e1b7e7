"""What notes ask of the commissions room, and tell it, without knowing it."""

from collections.abc import Callable, Sequence
from datetime import datetime

# (account id, product ids, at) → those with a commission offer open to the account
OfferCheck = Callable[[int, Sequence[int], datetime], set[int]]

# (kind of content, its id, visitor's id, account's id or 0, at)
Opened = Callable[[str, int, str, int, datetime], None]

_offers: list[OfferCheck] = []
_readers: list[Opened] = []


def check_offers_with(check: OfferCheck) -> None:
    """Registers who knows the commission offers."""
    _offers[:] = [check]


def offers_open_to(account_id: int, product_ids: Sequence[int], at: datetime) -> set[int]:
    """Those products with an active commission offer open to the account: others' goods can be
    embedded only then."""
    return _offers[0](account_id, product_ids, at) if _offers and product_ids else set()


def tell_opened_to(listener: Opened) -> None:
    """Registers who wants to know which content with goods was opened by whom."""
    _readers[:] = [listener]


def opened(kind: str, content_id: int, *, visitor: str, account_id: int, at: datetime) -> None:
    """Somebody has opened a note or live room (`kind`) that shows goods."""
    if _readers:
        _readers[0](kind, content_id, visitor, account_id, at)
