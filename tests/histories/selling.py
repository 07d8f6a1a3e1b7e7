"""Steps of buying and selling: clicks, checkouts, payments, parcels, receipts."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from backend.core import ids
from commissions import touches
from shops import checkout, orders, payments, shipments
from shops.checkout import LineRequest
from shops.models import OrderLine
from tests.histories.steps import PLACE, Steps, act, pick
from tests.histories.things import Checkout, Click, Coupon, Good, Line, Order, Page
from tests.histories.world import BUYERS

# SKU, units, page (the first means none, the last a search)
LINE = st.tuples(
    st.integers(0, 5),
    st.integers(1, 3),
    st.sampled_from([None, None, None, "search", 0, 1, 2]),
)
LINES = st.lists(LINE, min_size=1, max_size=3, unique_by=lambda line: line[0])
# The link of a click made for this purchase; the newest click of anybody; none.
BY = st.sampled_from([None, "old", 0, 1, 2, 3, 4, 5, 6])
# Ivy's own purchases by Pat's links are an inviter's.
BUYER = st.sampled_from([*BUYERS, "ivy"])


class Selling(Steps):
    """From a click to a received parcel."""

    # ------------------------------------------------------------ clicks
    @act(link=st.integers(0, 6), who=st.sampled_from([None, *BUYERS]), visitor=st.integers(0, 1))
    def click(self, link: int, who: str | None, visitor: int) -> None:
        """Somebody follows a link and buys nothing yet."""
        self.follow(link, who, visitor)

    def follow(self, link: int, who: str | None, visitor: int = 0) -> Click:
        # Two touches of one instant have no order.
        self.at += timedelta(seconds=1)
        account = self.world.people[who] if who else None
        landing = touches.record(
            code=self.world.codes[link],
            visitor=self.world.visitors[visitor],
            account=account,
            at=self.at,
        )
        made = Click(
            str(landing.click_id),
            self.ideas.links[link],
            self.world.visitors[visitor],
            account.pk if account else None,
            self.at,
        )
        self.oracle.clicks.append(made)
        return made

    # ------------------------------------------------------------ checkouts
    @act(
        lambda self: self.wide,
        buyer=BUYER,
        wanted=LINES,
        by=BY,
        code=st.integers(0, 1),
    )
    def buy_with_a_code(self, buyer: str, wanted: list[Any], by: Any, code: int) -> None:
        """A purchase with a coupon code, paid at once."""
        placed = self.place(buyer, wanted, self.click_by(by, buyer), code=code)
        if placed:
            self.notice(placed, ids.code(12), ids.code(12), placed.total)

    @act(buyer=BUYER, wanted=LINES, by=BY, paid=st.sampled_from([True, True, True, False]))
    def buy(self, buyer: str, wanted: list[Any], by: Any, paid: bool) -> None:
        """A purchase, paid at once more often than not."""
        placed = self.place(buyer, wanted, self.click_by(by, buyer))
        if placed and paid:
            self.notice(placed, ids.code(12), ids.code(12), placed.total)

    @act(
        buyer=BUYER,
        sku=st.integers(0, 5),
        units=st.integers(1, 3),
        by=st.integers(0, 6),
        drained=st.booleans(),
    )
    def buy_and_receive(self, buyer: str, sku: int, units: int, by: int, drained: bool) -> None:
        """A purchase that arrives; its events may be delivered."""
        placed = self.place(buyer, [(sku, units, None)], self.click_by(by, buyer))
        if placed:
            self.notice(placed, ids.code(12), ids.code(12), placed.total)
            self.arrive(placed.orders[0])
            if drained:
                self.drain()

    @act(buyer=BUYER, wanted=LINES, off=st.sampled_from([-1, 1]))
    def misprice(self, buyer: str, wanted: list[Any], off: int) -> None:
        """A buyer has seen another price."""
        assert self.place(buyer, wanted, None, off=off) is None

    def click_by(self, by: Any, buyer: str) -> Click | None:
        if by == "old":
            return self.oracle.clicks[-1] if self.oracle.clicks else None
        return None if by is None else self.follow(by, buyer)

    def place(
        self,
        buyer: str,
        wanted: list[Any],
        click: Click | None,
        *,
        off: int = 0,
        code: int | None = None,
    ) -> Checkout | None:
        account = self.world.people[buyer]
        coupon = None if code is None else self.ideas.coupons[code]
        asked: list[tuple[Good, int, Page | None]] = []
        requests = []
        for sku, units, page in wanted:
            known = self.ideas.pages[page] if isinstance(page, int) else None
            good = self.ideas.goods[sku]
            asked.append((good, units, known))
            kind, number = (known.kind, known.id) if known else (page or "", None)
            requests.append(LineRequest(good.id, units, kind, number))
        goods = sum(good.price * units for good, units, _ in asked)
        dearest: dict[int, int] = {}
        for good, _, _ in asked:
            dearest[good.store.id] = max(dearest.get(good.store.id, 0), good.shipping)
        made = self.ask(
            self.may_not_buy(account.pk, asked, coupon) | ({"price_changed"} if off else set()),
            checkout.place,
            buyer=account,
            lines=requests,
            address_id=self.world.addresses[buyer],
            expected_total_fen=goods + sum(dearest.values()) + off,
            at=self.at,
            click_id=click.id if click else "",
            coupon_code=coupon.code if coupon else "",
        )
        if made is None:
            return None
        found = self.placed(made, account.pk, click, asked, dearest)
        found.coupon = coupon
        return found

    def may_not_buy(
        self, buyer: int, asked: list[tuple[Good, int, Page | None]], coupon: Coupon | None
    ) -> set[str]:
        codes = set()
        if coupon and all(good.store is not coupon.store for good, _, _ in asked):
            codes.add("coupon_elsewhere")
        for good, units, page in asked:
            if good.store.owner == buyer:
                codes.add("own_product")
            if page and good.product not in page.covers:
                codes.add("source_unknown")
            if good.on_hand - good.committed < units:
                codes.add("insufficient_stock")
        return codes

    def placed(
        self,
        made: Any,
        buyer: int,
        click: Click | None,
        asked: list[tuple[Good, int, Page | None]],
        shipping: dict[int, int],
    ) -> Checkout:
        """Tells the oracle; the rows give their ids and numbers, nothing else."""
        found = Checkout(made.number, buyer, self.at, click)
        rows = OrderLine.objects.filter(order__checkout=made).order_by("id")
        of_sku = {good.id: (good, units, page) for good, units, page in asked}
        by_order: dict[int, Order] = {}
        for line, sku, order, number in rows.values_list(
            "id", "sku_id", "order_id", "order__number"
        ):
            good, units, page = of_sku.pop(sku)
            if order not in by_order:
                by_order[order] = Order(order, number, found, good.store, shipping[good.store.id])
            rate = self.oracle.rates[good.product]
            by_order[order].lines.append(Line(line, by_order[order], good, units, rate, page))
        assert not of_sku, "a line is missing"
        found.orders = list(by_order.values())
        self.oracle.place(found)
        self.oracle.seen["several orders in a checkout"] += len(found.orders) > 1
        return found

    # ------------------------------------------------------------ payments
    @act(
        lambda self: self.oracle.checkouts,
        which=PLACE,
        how=st.sampled_from(["right", "again", "renamed", "second", "wrong", "stranger"]),
        off=st.sampled_from([-100, -1, 1]),
    )
    def pay(self, which: int, how: str, off: int) -> None:
        """The provider says something: once more, late, of another amount, of nobody's."""
        known_first = sorted(self.oracle.checkouts, key=lambda one: one.status != "paid")
        placed = pick(known_first, which)
        known = list(placed.notices.items())
        notice, transaction, fen = ids.code(12), ids.code(12), placed.total
        if how == "again" and known:
            notice, (transaction, fen, _) = known[which % len(known)]
            self.oracle.seen["the same notice again"] += 1
        elif how == "renamed" and placed.transactions:
            transaction = next(iter(placed.transactions))
        elif how == "wrong":
            fen += off
        if how == "stranger":
            self.ask({"not_found"}, payments.record_payment, **self.said("C0", "n", "t", fen))
            return
        self.notice(placed, notice, transaction, fen)

    def over(self) -> list[Checkout]:
        return [k for k in self.oracle.checkouts if k.status in ("expired", "cancelled")]

    @act(lambda self: self.over(), which=PLACE)
    def pay_late(self, which: int) -> None:
        """Money comes for a checkout that is over."""
        placed = pick(self.over(), which)
        self.notice(placed, ids.code(12), ids.code(12), placed.total)

    def notice(self, placed: Checkout, notice: str, transaction: str, fen: int) -> None:
        wanted = self.oracle.pay(placed, notice, transaction, fen)
        refusals = {wanted} if wanted == "amount_mismatch" else set()
        answer = self.ask(
            refusals,
            payments.record_payment,
            **self.said(placed.number, notice, transaction, fen),
        )
        assert refusals or (answer and answer.outcome == wanted), answer

    def said(self, number: str, notice: str, transaction: str, fen: int) -> dict[str, Any]:
        return {
            "provider": "sandbox",
            "notice_id": notice,
            "transaction_id": transaction,
            "checkout_number": number,
            "amount_fen": fen,
            "payer": "",
            "paid_at": self.at,
            "at": self.at,
        }

    def unpaid(self) -> list[Order]:
        return [order for order in self.oracle.orders if order.status == "pending_payment"]

    @act(lambda self: self.unpaid(), which=PLACE)
    def cancel(self, which: int) -> None:
        """A buyer takes an order back, and with it the whole checkout; it may be paid."""
        order = pick([*self.oracle.orders[-1:], *self.unpaid()], which)
        refusals = set() if order.status == "pending_payment" else {"wrong_state"}
        buyer = self.world.accounts[order.checkout.buyer]
        if self.ask(refusals, orders.cancel, buyer=buyer, number=order.number, at=self.at):
            self.oracle.end_checkout(order.checkout, "cancelled")
            self.oracle.seen["checkout cancelled"] += 1

    # ------------------------------------------------------------ parcels
    @act(
        lambda self: self.oracle.orders,
        which=PLACE,
        units=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), max_size=2),
    )
    def ship(self, which: int, units: list[tuple[int, int]]) -> None:
        """A parcel leaves: some units of some lines, or everything left."""
        order = pick(self.to_leave() or self.oracle.orders, which)
        parcel = {order.lines[line % len(order.lines)]: qty for line, qty in units}
        self.send_parcel(order, parcel)

    def to_leave(self) -> list[Order]:
        """Orders with units to send, those with an open refund last, so that they come first."""
        found = [o for o in self.oracle.orders if o.status in ("paid", "partially_shipped")]
        return sorted(found, key=lambda order: any(line.busy for line in order.lines))

    def send_parcel(self, order: Order, parcel: dict[Line, int]) -> None:
        done = self.ask(
            self.oracle.may_ship(order, parcel),
            shipments.ship,
            account=self.world.accounts[order.store.owner],
            number=order.number,
            carrier="顺丰",
            tracking_number=ids.code(10),
            lines={line.id: qty for line, qty in parcel.items()},
            at=self.at,
        )
        if done:
            self.oracle.ship(order, parcel, self.at)
            self.oracle.seen["shipped in part"] += order.status == "partially_shipped"

    @act(lambda self: self.on_the_way(), which=PLACE)
    def receive(self, which: int) -> None:
        """A buyer says that everything has come, possibly of a part or of nothing."""
        self.take_in(pick(self.on_the_way(), which))

    def take_in(self, order: Order) -> None:
        refusals = set() if order.status == "shipped" else {"wrong_state"}
        buyer = self.world.accounts[order.checkout.buyer]
        if self.ask(refusals, orders.receive, buyer=buyer, number=order.number, at=self.at):
            self.oracle.receive(order, self.at)

    @act(lambda self: self.on_the_way(), which=PLACE)
    def arrives(self, which: int) -> None:
        """Everything left of an order is sent and received."""
        self.arrive(pick(self.on_the_way(), which))

    def on_the_way(self) -> list[Order]:
        return [
            order
            for order in self.oracle.orders
            if order.status in ("paid", "partially_shipped", "shipped")
            and not any(line.busy for line in order.lines)
        ]

    def arrive(self, order: Order) -> None:
        if order.status != "shipped":
            self.send_parcel(order, {})
        self.take_in(order)
