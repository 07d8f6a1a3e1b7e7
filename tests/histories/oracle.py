"""What must be true of a market, from what was done to it: goods, orders, refunds, commissions.

Plain Python over the documented rules (docs/api/orders.md, docs/api/commissions.md,
docs/money.md). The machine tells the oracle what it has asked the product to do; the oracle says
whether it had to be refused, and what everything must look like afterwards.
"""

from collections import Counter, deque
from collections.abc import Iterable
from datetime import datetime

from tests.histories.arithmetic import Plan, owed
from tests.histories.things import (
    CLICK_WINDOW,
    DAY,
    HEARD,
    RECEIVED_AFTER,
    SHIPPABLE,
    Checkout,
    Click,
    Line,
    Link,
    Order,
    Promoter,
    Refund,
)


class Oracle:
    """The market as it must be."""

    def __init__(self, plans: list[tuple[datetime, Plan]], rates: dict[int, int]) -> None:
        self.plans, self.rates = list(plans), dict(rates)
        self.offered = {product for product, rate in rates.items() if rate}
        # The market's rules: whether one's own purchase pays, and how many levels are paid.
        self.own_purchase_pays, self.levels = False, 2
        self.clicks: list[Click] = []
        self.checkouts: list[Checkout] = []
        self.orders: list[Order] = []
        self.refunds: list[Refund] = []
        # Events not delivered yet, and those that were, as (kind, order).
        self.outbox: deque[tuple[str, Order]] = deque()
        self.told = 0
        self.seen: Counter[str] = Counter()

    @property
    def lines(self) -> Iterable[Line]:
        """Every line."""
        return (line for order in self.orders for line in order.lines)

    def say(self, kind: str, order: Order) -> None:
        """An event of the outbox."""
        self.outbox.append((kind, order))
        self.told += 1

    # ------------------------------------------------------------ orders
    def place(self, checkout: Checkout) -> None:
        """A checkout that the product has taken."""
        self.checkouts.append(checkout)
        for order in checkout.orders:
            self.orders.append(order)
            self.say("placed", order)
            for line in order.lines:
                line.good.committed += line.qty

    def pay(self, checkout: Checkout, notice: str, transaction: str, fen: int) -> str:
        """What a notice must come to: an outcome, or the code of the refusal."""
        if notice in checkout.notices:
            return checkout.notices[notice][2]
        outcome = self._outcome(checkout, transaction, fen)
        checkout.notices[notice] = (transaction, fen, outcome)
        if outcome == "accepted":
            checkout.status = "paid"
            for order in checkout.orders:
                order.status = "paid"
                for line in order.lines:
                    line.paid = line.good.price * line.qty
                self.say("paid", order)
        if outcome in ("accepted", "late", "second"):
            status = "accepted" if outcome == "accepted" else "returning"
            checkout.transactions[transaction] = status
        self.seen[f"payment {outcome}"] += 1
        return outcome

    def _outcome(self, checkout: Checkout, transaction: str, fen: int) -> str:
        if transaction in checkout.transactions:
            return "repeated"
        if fen != checkout.total:
            return "amount_mismatch"
        if checkout.status == "pending":
            return "accepted"
        return "second" if checkout.status == "paid" else "late"

    def end_checkout(self, checkout: Checkout, status: str) -> None:
        """Cancelled by the buyer, or expired."""
        checkout.status = status
        for order in checkout.orders:
            order.status = "cancelled"
            self.say("cancelled", order)
            for line in order.lines:
                line.good.committed -= line.qty

    def expired(self, at: datetime) -> list[Checkout]:
        """The checkouts that were not paid in time."""
        return [k for k in self.checkouts if k.status == "pending" and k.expires <= at]

    def may_ship(self, order: Order, units: dict[Line, int]) -> set[str]:
        """The codes with which a parcel must be refused; none: it must be taken."""
        if order.status not in SHIPPABLE:
            return {"wrong_state"}
        codes = {"qty_exceeds" for line, qty in units.items() if qty > line.waiting}
        parcel = units or {line: line.waiting for line in order.lines if line.waiting}
        return codes | {"refund_open" for line in parcel if line.busy}

    def ship(self, order: Order, units: dict[Line, int], at: datetime) -> None:
        """A parcel has left."""
        for line, qty in (units or {line: line.waiting for line in order.lines}).items():
            line.shipped += qty
            line.good.on_hand -= qty
            line.good.committed -= qty
        if any(line.waiting for line in order.lines):
            order.status = "partially_shipped"
        else:
            self.all_sent(order, at)
        self.say("shipped", order)

    def all_sent(self, order: Order, at: datetime) -> None:
        """Nothing is left to leave."""
        order.status, order.auto_receive = "shipped", at + RECEIVED_AFTER

    def receive(self, order: Order, at: datetime) -> None:
        """The buyer has everything, or time says so."""
        order.status, order.received = "received", at
        order.until = at + max(line.good.window for line in order.lines) * DAY
        self.say("received", order)

    def overdue_receipts(self, at: datetime) -> list[Order]:
        """Shipped ten days ago."""
        return [o for o in self.orders if o.status == "shipped" and _due(o.auto_receive, at)]

    def ripe(self, at: datetime) -> list[Order]:
        """Received orders whose last window is over, without an open refund."""
        return [
            order
            for order in self.orders
            if order.status == "received"
            and order.until is not None
            and order.until < at
            and not any(line.busy for line in order.lines)
        ]

    def complete(self, orders: list[Order]) -> None:
        """Nothing more can be asked of them."""
        for order in orders:
            order.status = "completed"
            self.say("completed", order)

    # ------------------------------------------------------------ commissions
    def deliver(self, count: int | None = None) -> int:
        """The oldest events reach their handlers; how many."""
        taken = [self.outbox.popleft() for _ in range(min(len(self.outbox), count or 10**6))]
        for order in {order for kind, order in taken if kind in HEARD}:
            self.agree(order)
        return len(taken)

    def agree(self, order: Order) -> None:
        """Commissions follow the order as it is now."""
        for line in order.lines:
            if not line.paid:
                continue
            if line.owed is None:
                self._accrue(line)
            if line.back_fen > line.answered:
                self._take_back(line)
            if line.status in ("estimated", "confirmed") and order.received:
                line.status, line.matures = "confirmed", order.until
            if line.status in ("estimated", "confirmed") and line.back_fen == line.paid:
                line.status = "invalid"

    def _accrue(self, line: Line) -> None:
        line.payees = self._winners(line)
        placed = line.order.checkout.placed
        line.plan = next(p for since, p in reversed(self.plans) if since <= placed)
        line.owed = owed(line.paid, line.rate, line.order.store.fee, line.plan, list(line.payees))
        line.back = dict.fromkeys(line.owed.parts, 0)
        line.status = "estimated"
        self.seen["accrued"] += 1
        if line.back_fen:
            self.seen["refunded before it was accrued"] += 1

    def _take_back(self, line: Line) -> None:
        assert line.owed is not None
        line.back, line.answered = line.owed.taken_back(line.back_fen), line.back_fen
        self.seen["clawed back" if line.status == "settled" else "reversed"] += 1

    def decided_anew(self, line: Line, promoter: Promoter | None, creator: int | None) -> set[str]:
        """Two people give the line to somebody else: the codes with which that must be refused,
        or none, and it is done. The same plan, the chain of the order's time, and what refunds
        took back is taken from the new parts."""
        if line.status == "invalid":
            return {"wrong_state"}
        if (creator or (promoter and promoter.account)) in self._parties(line):
            return {"winner_impossible"}
        payees = {"creator": creator} if creator else {}
        payees = self._chain(promoter, line) if promoter else payees
        assert line.owed is not None
        assert line.plan is not None
        made = owed(line.paid, line.rate, line.order.store.fee, line.plan, list(payees))
        now = {role: line.payees.get(role) for role in line.owed.parts}
        if now == {role: payees.get(role) for role in made.parts}:
            return {"nothing_to_override"}
        line.owed, line.payees = made, payees
        line.back = made.taken_back(line.answered)
        self.seen[
            "decided anew after settlement" if line.status == "settled" else "decided anew"
        ] += 1
        return set()

    def _winners(self, line: Line) -> dict[str, int]:
        """Who is paid for a line: the coupon named at checkout, then the click named there, then
        the page, then the buyer's or the clicking visitor's last touch of 30 days."""
        checkout, click = line.order.checkout, line.order.checkout.click
        placed, coupon = checkout.placed, checkout.coupon
        if coupon and coupon.store is line.order.store:
            holder = coupon.promoter.account if coupon.promoter else coupon.creator
            active = coupon.promoter is None or coupon.promoter.status == "active"
            if active and holder not in self._parties(line):
                self.seen["won by a coupon"] += 1
                if coupon.promoter:
                    return self._chain(coupon.promoter, line)
                return {"creator": holder} if holder else {}
        touches = [
            touch
            for touch in sorted(self.clicks, key=lambda one: one.at, reverse=True)
            if touch is not click
            and touch.at > placed - CLICK_WINDOW
            and (touch.account == checkout.buyer or (click and touch.visitor == click.visitor))
        ]
        if click and click.at > placed - CLICK_WINDOW and self._may_earn(click.link, line):
            return self._chain(click.link.promoter, line)
        author = line.page.author if line.page else None
        if author and author not in self._parties(line):
            self.seen["paid to a creator"] += 1
            return {"creator": author}
        for touch in touches:
            if touch.at <= placed and self._may_earn(touch.link, line):
                self.seen["last touch"] += 1
                return self._chain(touch.link.promoter, line)
        return {}

    def _may_earn(self, link: Link, line: Line) -> bool:
        promoter = link.promoter
        if promoter.status != "active":
            self.seen["a frozen promoter lost"] += 1
        if promoter.account == line.order.checkout.buyer:
            self.seen["a self purchase"] += 1
        return (
            line.good.product in link.covers
            and promoter.status == "active"
            and promoter.account not in self._parties(line)
        )

    def _parties(self, line: Line) -> tuple[int, ...]:
        """Who cannot earn by a line: the shop's owner, and the buyer unless the market allows."""
        owner, buyer = line.order.store.owner, line.order.checkout.buyer
        return (owner,) if self.own_purchase_pays else (owner, buyer)

    def _chain(self, promoter: Promoter, line: Line) -> dict[str, int]:
        barred, placed = self._parties(line), line.order.checkout.placed
        found = {"promoter": promoter.account}
        inviter = promoter.inviter_at(placed)
        if inviter is not None and (inviter.status != "active" or inviter.account in barred):
            self.seen["an inviter without a share"] += 1
        elif inviter is not None and self.levels >= 2:
            self.seen["an inviter with a share"] += 1
            found["inviter"] = inviter.account
        for role, owner in zip(("agency", "agency2"), promoter.agencies_at(placed), strict=False):
            if owner in barred:
                self.seen["an agency without a share"] += 1
                break
            self.seen[f"passed on to an {role}"] += 1
            found[role] = owner
        return found

    def settle(self, at: datetime) -> int:
        """What has matured and nothing holds becomes available; how many lines."""
        due = [
            line
            for line in self.lines
            if line.status == "confirmed"
            and _due(line.matures, at)
            and not line.held
            and not line.busy
            and line.answered == line.back_fen
        ]
        for line in due:
            line.status = "settled"
        self.seen["settled"] += len(due)
        return len(due)

    def balances(self) -> Counter[tuple[str, int, str]]:
        """What commissions alone come to, by owner and kind of account."""
        found: Counter[tuple[str, int, str]] = Counter()
        for line in self.lines:
            if line.owed is None:
                continue
            kind = "available" if line.status == "settled" else "pending"
            for role, fen in line.keeps().items():
                if role == "shop":
                    continue
                payee = line.payees.get(role)
                owner = ("person", payee) if payee else (role, 0)
                found[(*owner, kind)] += fen
                found[("shop", line.order.store.id, "payable")] -= fen
        return found


def _due(deadline: datetime | None, at: datetime) -> bool:
    return deadline is not None and deadline <= at
