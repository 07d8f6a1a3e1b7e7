"""Reason codes 原因代码: every word by which this room says why a commission is not what somebody
may have hoped, in one enumeration. docs/api/commissions.md prints it; a test holds both and the
code together, so that a new code is documented where it is born.
"""

from typing import NamedTuple


class Reason(NamedTuple):
    """A code, where it is said, and what it means."""

    code: str
    said_of: str
    meaning: str


LOSER, FINDING, ENDED, HELD = "loser", "finding", "ended", "held"
WRITE_OFF, AWARD, VERDICT = "write-off", "award", "verdict"

_RISKS = (
    ("self_phone", "buyer and payee have the same phone"),
    ("self_payer", "the payee has paid an own order with the same means of payment"),
    ("self_address", "delivered to an address of the payee"),
    ("velocity_hour", "more orders of the payee within an hour than RISK_ORDERS_PER_HOUR"),
    ("velocity_day", "more orders of the payee within 24 hours than RISK_ORDERS_PER_DAY"),
    ("shared_payee", "somebody else is paid out to the same account"),
    ("banned_source", "the link, note, live room, coupon code or promoter is banned"),
)
# By what another account is recognised as the buyer's own (SELF_PURCHASE_COMPARES).
_SHARED = tuple((by, "another account, which would earn") for by in ("phone", "payer", "address"))
# Why somebody beside the winner of a line has no share in it.
_UNFIT = (
    ("buys", "is the buyer and has no share"),
    ("phone", "has the buyer's phone and no share"),
    ("payer", "pays as the buyer does and has no share"),
    ("address", "has the buyer's address and no share"),
    ("owns_shop", "owns the shop and has no share"),
)
_INVITERS = (
    ("frozen", "was frozen and has no share"),
    ("left", "had left and has no share"),
    *_UNFIT,
)
_AGENCIES = (("suspended", "was suspended and has no share"), *_UNFIT)
_BESIDE = (
    ("inviter", "the inviter", _INVITERS),
    ("inviter2", "the inviter's inviter", _INVITERS),
    ("agency", "the promoter's agency", _AGENCIES),
    ("agency2", "the agency above it", _AGENCIES),
)
ALL: tuple[Reason, ...] = (
    Reason("wrong_target", LOSER, "the link or note does not show this product"),
    Reason("window_over", LOSER, "older than its window"),
    Reason("self_purchase", LOSER, "the buyer would earn (SELF_PURCHASE)"),
    *(Reason(f"self_{by}", LOSER, f"{who}, shares the buyer's {by}") for by, who in _SHARED),
    Reason("own_goods", LOSER, "the shop's owner would earn"),
    Reason("promoter_frozen", LOSER, "the promoter was frozen"),
    Reason("promoter_left", LOSER, "the promoter had left"),
    Reason("unknown_source", LOSER, "the content has no author any more"),
    Reason("outranked", LOSER, "good, but a stronger rule won"),
    Reason("earlier_touch", LOSER, "good, but a newer touch won"),
    Reason("self_purchase", FINDING, "a candidate lost because the buyer would earn"),
    *(Reason(f"self_{by}", FINDING, f"{who}, shares the buyer's {by}") for by, who in _SHARED),
    Reason("own_goods", FINDING, "a candidate lost because the shop's owner would earn"),
    *(
        Reason(f"{role}_{code}", FINDING, f"{who} {meaning}")
        for role, who, codes_of in _BESIDE
        for code, meaning in codes_of
    ),
    Reason("refunded", ENDED, "refunded whole before it settled"),
    Reason("dispute", HELD, "a dispute about to whom it is owed is under way"),
    *(Reason(f"risk_{code}", HELD, meaning) for code, meaning in _RISKS),
    *(Reason(f"risk_{code}", ENDED, f"staff decided: {meaning}") for code, meaning in _RISKS),
    Reason("uncollectable", WRITE_OFF, "it cannot be collected"),
    Reason("platform_fault", WRITE_OFF, "the platform's own fault"),
    Reason("goodwill", WRITE_OFF, "goodwill"),
    Reason("goal_lost", AWARD, "refunds took the goal back before the hold was over"),
    Reason("accepted", VERDICT, "new: it earns commission from now on"),
    Reason("received", VERDICT, "known: the receipt was told, the window began"),
    Reason("refunded", VERDICT, "known: more is refunded than before, what is due was reversed"),
    Reason("unchanged", VERDICT, "known, and nothing new was told"),
    Reason("malformed", VERDICT, "a column is missing or cannot be read; nothing was taken"),
    Reason("unknown_sku", VERDICT, "the article is not mapped to a SKU, or has no rate"),
    Reason("unknown_code", VERDICT, "neither the promotion code nor the click is known"),
    Reason("future", VERDICT, "paid or received more than an hour from now"),
    Reason("changed", VERDICT, "the same line with another price or article; the first stands"),
    Reason("refund_shrunk", VERDICT, "less refunded than told before; the larger refund stands"),
)


def codes(said_of: str) -> set[str]:
    """The codes that are said of one thing."""
    return {reason.code for reason in ALL if reason.said_of == said_of}


def table() -> str:
    """The enumeration as docs/api/commissions.md prints it."""
    rows = [f"| `{one.code}` | {one.said_of} | {one.meaning} |" for one in ALL]
    return "\n".join(["| code | of a | meaning |", "|---|---|---|", *rows])
