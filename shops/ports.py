"""What shops ask of rooms above without knowing them: rooms register their answers at start-up.

An order line freezes where the sale came from and what the shop had offered for it; shops do not
know that notes, live rooms or promoters exist.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CommissionTerms:
    """A product's commission offer at an instant; `rate_bps` of the net amount paid."""

    offer_id: int
    rate_bps: int


@dataclass(frozen=True, slots=True)
class Click:
    """What a click id stands for: the code of the link that was followed."""

    referral_code: str


@dataclass(frozen=True, slots=True)
class Coupon:
    """What a coupon code stands for at an instant: whose shop's goods it is for, and how many bps
    of their price the shop takes off. `is_over`: it was one, and counts no longer."""

    coupon_id: int
    shop_id: int
    discount_bps: int
    is_over: bool


# (product ids, at) → terms of those that have an active offer
TermsSource = Callable[[Sequence[int], datetime], dict[int, CommissionTerms]]
# (source ids with the product bought, at) → the pairs that really exist
SourceCheck = Callable[[Sequence[tuple[int, int]]], set[tuple[int, int]]]
# click id → what it stands for, or None for an unknown one
ClickReader = Callable[[str], Click | None]
# (coupon code, at) → what it stands for, or None for an unknown one
CouponReader = Callable[[str, datetime], Coupon | None]
# (buyer's account id, code of the link that was followed) → whether it is the buyer's own
OwnLinkCheck = Callable[[int, str], bool]

_terms: list[TermsSource] = []
_checks: dict[str, SourceCheck] = {}
_clicks: list[ClickReader] = []
_coupons: list[CouponReader] = []
_own_links: list[OwnLinkCheck] = []


def offer_terms_with(source: TermsSource) -> None:
    """Registers who knows the commission offers (the commissions room)."""
    _terms[:] = [source]


def check_source_with(kind: str, check: SourceCheck) -> None:
    """Registers who knows whether a source of this kind (note, live) really showed a product."""
    _checks[kind] = check


def read_clicks_with(reader: ClickReader) -> None:
    """Registers who knows what a click id stands for (the commissions room)."""
    _clicks[:] = [reader]


def read_coupons_with(reader: CouponReader) -> None:
    """Registers who knows what a coupon code stands for (the commissions room)."""
    _coupons[:] = [reader]


def tell_own_links_with(check: OwnLinkCheck) -> None:
    """Registers who knows whose a link is (the commissions room)."""
    _own_links[:] = [check]


def terms_of(product_ids: Sequence[int], at: datetime) -> dict[int, CommissionTerms]:
    """The commission terms of these products at `at`; products without an offer are absent."""
    return _terms[0](product_ids, at) if _terms else {}


def real_sources(kind: str, pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those (source id, product id) pairs that exist; empty for a kind nobody answers for."""
    check = _checks.get(kind)
    return check(pairs) if check and pairs else set()


def click_of(click_id: str) -> Click | None:
    """What a click id stands for."""
    return _clicks[0](click_id) if _clicks and click_id else None


def coupon_of(code: str, at: datetime) -> Coupon | None:
    """What a coupon code stands for at `at`."""
    return _coupons[0](code, at) if _coupons and code else None


def is_own_link(buyer_id: int, referral_code: str) -> bool:
    """Whether the link that was followed is the buyer's own."""
    return bool(_own_links and referral_code and _own_links[0](buyer_id, referral_code))
