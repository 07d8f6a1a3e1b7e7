"""What notes ask of the commissions room without knowing it."""

from collections.abc import Callable, Sequence
from datetime import datetime

# (account id, product ids, at) → those with a commission offer open to the account
OfferCheck = Callable[[int, Sequence[int], datetime], set[int]]

_offers: list[OfferCheck] = []


def check_offers_with(check: OfferCheck) -> None:
    """Registers who knows the commission offers."""
    _offers[:] = [check]


def offers_open_to(account_id: int, product_ids: Sequence[int], at: datetime) -> set[int]:
    """Those products with an active commission offer open to the account: others' goods can be
    embedded only then."""
    return _offers[0](account_id, product_ids, at) if _offers and product_ids else set()
