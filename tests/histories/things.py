"""The oracle's things: shops, goods, promoters, clicks, checkouts, orders, refunds."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.histories.arithmetic import Owed, Plan

DAY = timedelta(days=1)
CLICK_WINDOW = 30 * DAY
PAY_WITHIN = timedelta(minutes=30)
RECEIVED_AFTER = 10 * DAY
ANSWER_WITHIN = timedelta(hours=48)
SEND_BACK_WITHIN, CONFIRM_WITHIN = 7 * DAY, 10 * DAY
ATTEMPTS = 5
# The events that a commission listens to.
HEARD = {"paid", "received", "completed", "refunded"}
OPEN = ("requested", "awaiting_return", "returned", "refunding")
SHIPPABLE = ("paid", "partially_shipped")


@dataclass(eq=False)
class Store:
    """A shop: its owner's account and its fee."""

    id: int
    owner: int
    fee: int


@dataclass(eq=False)
class Good:
    """A SKU."""

    id: int
    store: Store
    product: int
    price: int
    shipping: int
    window: int
    on_hand: int
    committed: int = 0


@dataclass(eq=False)
class Promoter:
    """Somebody who shares links."""

    account: int
    inviter: "Promoter | None" = None
    status: str = "active"
    # The inviters before the present one, each with the instant at which it ended.
    before: list[tuple[datetime, "Promoter | None"]] = field(default_factory=list)

    # The owners of the own agency and of the one above it, from when; nobody where empty.
    belongs: list[tuple[datetime, tuple[int, ...]]] = field(default_factory=list)

    def agencies_at(self, at: datetime) -> tuple[int, ...]:
        """Whose member the promoter was at an instant."""
        begun = [owners for since, owners in self.belongs if since <= at]
        return begun[-1] if begun else ()

    def adopt(self, inviter: "Promoter | None", at: datetime) -> None:
        """Comes under another inviter, or under none."""
        self.before.append((at, self.inviter))
        self.inviter = inviter

    def inviter_at(self, at: datetime) -> "Promoter | None":
        """Whose the promoter was at an instant: the first that had not ended by then."""
        return next((one for ended, one in self.before if ended > at), self.inviter)


@dataclass(eq=False)
class Link:
    """A promotion link and the products it leads to."""

    promoter: Promoter
    covers: frozenset[int]


@dataclass(eq=False)
class Page:
    """A note or a live room: who made it and what it shows."""

    kind: str
    id: int
    author: int
    covers: frozenset[int]


@dataclass(eq=False)
class Coupon:
    """A shop's code, given to a promoter or to somebody who shows things; nothing off."""

    code: str
    store: Store
    promoter: Promoter | None
    creator: int | None


@dataclass(eq=False)
class Click:
    """Somebody came by a link."""

    id: str
    link: Link
    visitor: str
    account: int | None
    at: datetime


@dataclass(eq=False)
class Line:
    """A line of an order."""

    id: int
    order: "Order"
    good: Good
    qty: int
    rate: int
    page: Page | None
    paid: int = 0
    shipped: int = 0
    cancelled: int = 0
    back_qty: int = 0
    back_fen: int = 0
    asked: int = 0
    busy: bool = False
    # The commission: None until its order's events were delivered.
    owed: Owed | None = None
    plan: Plan | None = None
    payees: dict[str, int] = field(default_factory=dict)
    back: dict[str, int] = field(default_factory=dict)
    answered: int = 0
    status: str = ""
    matures: datetime | None = None
    held: bool = False

    @property
    def waiting(self) -> int:
        """Units that have still to leave."""
        return self.qty - self.shipped - self.cancelled

    @property
    def outside(self) -> int:
        """Units that the buyer has."""
        return self.qty - self.back_qty - self.waiting

    @property
    def left(self) -> int:
        """Fen that may still be refunded."""
        return self.paid - self.back_fen

    def keeps(self) -> dict[str, int]:
        """What each role keeps of it."""
        assert self.owed is not None
        return {role: fen - self.back[role] for role, fen in self.owed.parts.items()}


@dataclass(eq=False)
class Order:
    """One shop's goods of a checkout."""

    id: int
    number: str
    checkout: "Checkout"
    store: Store
    shipping: int
    lines: list[Line] = field(default_factory=list)
    status: str = "pending_payment"
    received: datetime | None = None
    until: datetime | None = None
    auto_receive: datetime | None = None
    back_shipping: int = 0

    @property
    def total(self) -> int:
        """Goods and shipping."""
        return sum(line.good.price * line.qty for line in self.lines) + self.shipping


@dataclass(eq=False)
class Checkout:
    """What a buyer pays in one go."""

    number: str
    buyer: int
    placed: datetime
    click: Click | None
    coupon: Coupon | None = None
    orders: list[Order] = field(default_factory=list)
    status: str = "pending"
    # Notices by id: (transaction, fen, outcome); the transaction that paid.
    notices: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    transactions: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Of all its orders."""
        return sum(order.total for order in self.orders)

    @property
    def expires(self) -> datetime:
        """Until when it can be paid."""
        return self.placed + PAY_WITHIN


@dataclass(eq=False)
class Refund:
    """Money asked back: units, fen and where the units go, by line."""

    number: str
    order: Order
    kind: str
    pieces: dict[Line, tuple[int, int, str]]
    shipping: int
    status: str
    deadline: datetime

    @property
    def fen(self) -> int:
        """Goods and shipping."""
        return sum(fen for _, fen, _ in self.pieces.values()) + self.shipping
