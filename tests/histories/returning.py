"""Steps of after-sales: asking, answering, sending back, staff's refunds."""

from typing import Any

from hypothesis import strategies as st

from shops import aftersales
from tests.histories import asking
from tests.histories.changing import Changing
from tests.histories.steps import PLACE, act, pick
from tests.histories.things import DAY, OPEN, Line, Order, Refund

# line, units, fen: a number, what the units cost, all that is left, one more than that
FEN = st.sampled_from([1, 5, 333, 777, 1_001, 2_222, None, None, "all", "more"])
PIECES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), FEN), max_size=2)
KIND = st.sampled_from(["refund_only", "refund_only", "return_refund"])


class Returning(Changing):
    """Money back, in pieces."""

    def paid_orders(self) -> list[Order]:
        """Those that are over stand first, so that they are picked last."""
        paid = [o for o in self.oracle.orders if o.status not in ("pending_payment", "cancelled")]
        return sorted(paid, key=lambda order: order.status not in ("completed", "closed"))

    def wanted(self, order: Order, pieces: list[Any]) -> asking.Wanted:
        found: asking.Wanted = {}
        for place, units, fen in pieces:
            line = order.lines[place % len(order.lines)]
            known = {"all": max(line.left, 1), "more": line.left + 1}
            found[line] = (units, known.get(fen, fen))
        return found

    @act(lambda self: self.paid_orders(), which=PLACE, kind=KIND, pieces=PIECES)
    def ask_back(self, which: int, kind: str, pieces: list[Any]) -> None:
        """A buyer asks for something back, possibly too much or too late."""
        order = pick(self.paid_orders(), which)
        self.request_back(order, kind, self.wanted(order, pieces))

    def request_back(self, order: Order, kind: str, wanted: asking.Wanted) -> Refund | None:
        made = self.ask(
            asking.refusals(order, kind, wanted, self.at),
            aftersales.request,
            buyer=self.world.accounts[order.checkout.buyer],
            number=order.number,
            kind=kind,
            reason="不想要了",
            lines={line.id: piece for line, piece in wanted.items()},
            note="",
            at=self.at,
        )
        if made is None:
            return None
        return asking.ask(self.oracle, made.number, order, kind, wanted, self.at)

    def to_send(self) -> list[Line]:
        """Lines of which several units have still to leave."""
        return [
            line
            for line in self.oracle.lines
            if line.order.status in ("paid", "partially_shipped")
            and line.waiting > 1
            and line.left > 1
            and not line.busy
        ]

    @act(lambda self: self.to_send(), which=PLACE)
    def cross(self, which: int) -> None:
        """A buyer asks for a unit back while the shop is sending it."""
        line = pick(self.to_send(), which)
        if self.request_back(line.order, "refund_only", {line: (1, None)}):
            self.send_parcel(line.order, {line: line.waiting})

    def maturing(self) -> list[Line]:
        """Confirmed lines whose window is open, nothing of them asked back."""
        return [
            line
            for line in self.oracle.lines
            if line.status == "confirmed"
            and line.order.received
            and self.at < line.order.received + line.good.window * DAY
            and line.left > 1
            and not line.busy
        ]

    @act(lambda self: self.maturing(), which=PLACE)
    def ask_at_the_last_moment(self, which: int) -> None:
        """A buyer asks in the window's last instant; the order's end comes before the answer."""
        line = pick(self.maturing(), which)
        assert line.order.received
        assert line.order.until
        self.at = line.order.received + line.good.window * DAY
        self.request_back(line.order, "refund_only", {line: (0, 1)})
        if line.order.until == self.at:
            self.settle()

    def outside(self) -> list[Order]:
        """Orders of which the buyer has something, and may still send it back."""
        return [
            order
            for order in self.oracle.orders
            if order.status in ("partially_shipped", "shipped", "received")
            and any(line.outside for line in order.lines)
        ]

    @act(lambda self: self.outside(), which=PLACE, units=st.integers(1, 3), fen=FEN)
    def return_goods(self, which: int, units: int, fen: Any) -> None:
        """Goods go back and money comes back, the parcel and both answers included."""
        order = pick(self.outside(), which)
        line = next(line for line in order.lines if line.outside)
        refund = self.request_back(order, "return_refund", self.wanted(order, [(0, units, fen)]))
        if refund and line.busy:
            self.agree_to(refund)
            self.pay_back()

    @act(lambda self: self.paid_orders(), which=PLACE, pieces=PIECES, at_once=st.booleans())
    def refund_by_staff(self, which: int, pieces: list[Any], at_once: bool) -> None:
        """Staff give something back, also after everything is settled."""
        order = pick(self.paid_orders(), which)
        if self.give_back(order, self.wanted(order, pieces)) and at_once:
            self.pay_back()

    def give_back(self, order: Order, wanted: asking.Wanted) -> bool:
        kind = "refund_only"
        made = self.ask(
            asking.refusals(order, kind, wanted, self.at, by_staff=True),
            aftersales.staff_refund,
            by=self.world.staff["checker"],
            number=order.number,
            lines={line.id: piece for line, piece in wanted.items()},
            reason="goodwill",
            at=self.at,
        )
        if made:
            asking.ask(self.oracle, made.number, order, kind, wanted, self.at, by_staff=True)
        return bool(made)

    def refundable(self) -> list[Line]:
        """Lines of which something small can still be given back."""
        return [line for line in self.oracle.lines if line.left > 100 and not line.busy]

    @act(
        lambda self: self.refundable(),
        which=PLACE,
        cuts=st.lists(st.integers(1, 40), min_size=2, max_size=2),
        drained=st.booleans(),
    )
    def refund_in_pieces(self, which: int, cuts: list[int], drained: bool) -> None:
        """Hundredths of a line, one after the other, each delivered or all together."""
        line = pick(self.refundable(), which)
        for cut in cuts:
            fen = max(line.left * cut // 100, 1)
            if line.left > fen and self.give_back(line.order, {line: (0, fen)}):
                self.pay_back()
                if drained:
                    self.drain()

    def open_refunds(self) -> list[Refund]:
        return [refund for refund in self.oracle.refunds if refund.status in OPEN]

    @act(
        lambda self: self.oracle.refunds,
        which=PLACE,
        how=st.sampled_from(["approve", "reject", "withdraw", "send_back", "confirm_return"]),
    )
    def answer(self, which: int, how: str) -> None:
        """One of the two does something to a refund that may not be in the state for it."""
        self.move(pick(self.oracle.refunds, which), how)

    @act(lambda self: self.open_refunds(), which=PLACE, paid=st.booleans())
    def agree(self, which: int, paid: bool) -> None:
        """Both sides do all they can; the money may go back at once."""
        self.agree_to(pick(self.open_refunds(), which))
        if paid:
            self.pay_back()

    def agree_to(self, refund: Refund) -> None:
        if refund.status == "requested":
            self.move(refund, "approve")
        if refund.status == "awaiting_return":
            self.move(refund, "send_back")
        if refund.status == "returned":
            self.move(refund, "confirm_return")

    def move(self, refund: Refund, how: str) -> None:
        approved = "awaiting_return" if refund.kind == "return_refund" else "refunding"
        come_from, status, by_shop = {
            "approve": ({"requested"}, approved, True),
            "reject": ({"requested"}, "rejected", True),
            "withdraw": ({"requested", "awaiting_return"}, "withdrawn", False),
            "send_back": ({"awaiting_return"}, "returned", False),
            "confirm_return": ({"returned"}, "refunding", True),
        }[how]
        order = refund.order
        who = order.store.owner if by_shop else order.checkout.buyer
        more = {
            "reject": {"reason": "worn"},
            "send_back": {"carrier": "顺丰", "tracking_number": "SF1"},
        }
        done = self.ask(
            set() if refund.status in come_from else {"wrong_state"},
            getattr(aftersales, how),
            account=self.world.accounts[who],
            number=refund.number,
            at=self.at,
            **more.get(how, {}),
        )
        if done:
            asking.decide(refund, status, self.at)
            self.oracle.seen[f"refund {status}"] += 1
