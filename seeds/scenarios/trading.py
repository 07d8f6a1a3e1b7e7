"""What happens: the stories played through the product's own verbs, day by day.

Not one commission, ledger, metric or counter row is written here. Every day ends as the worker
would end it: events delivered, overdue things decided, what has matured settled.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from backend import relay
from backend.core import ids
from backend.core.clock import business_day, day_edges
from commissions import settlement, touches
from seeds.scenarios.promoting import Shared
from seeds.scenarios.stage import Stage
from seeds.scenarios.stories import Story
from seeds.texts import reviews
from shops import aftersales, checkout, orders, payments, shipments
from shops.models import Order, OrderLine, Refund

CHUNK = 100
TELL_EVERY = 5.0  # seconds
CARRIERS = ("顺丰速运", "中通快递", "圆通速递", "京东物流", "极兔速递")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Act = Callable[[datetime], None]
Daily = Callable[[datetime], None]


@dataclass(slots=True)
class Theatre:
    """Plays stories; `addresses` by buyer, `prefix` keeps the provider's numbers apart."""

    stage: Stage
    addresses: dict[int, int]
    prefix: str
    rng: random.Random = field(init=False)
    settled: int = 0
    payments: int = 0

    def __post_init__(self) -> None:
        """The generator of delays and parcels."""
        self.rng = self.stage.rng("trading")

    def play(self, stories: Sequence[Story], *, each_day: Daily | None = None) -> None:
        """Everything, in the order of time, up to the stage's present."""
        acts = self._script(stories)
        place, day = 0, business_day(acts[0][0])
        begun = told = time.perf_counter()
        while True:
            _, end = day_edges(day)
            until = min(end, self.stage.at)
            stop = place
            while stop < len(acts) and acts[stop][0] < until:
                stop += 1
            self._day(acts[place:stop])
            self.sweep(until)
            if each_day:
                each_day(until)
            if time.perf_counter() - told > TELL_EVERY:
                told = time.perf_counter()
                tail = f"{stop:,} of {len(acts):,} acts   {told - begun:.0f} s"
                self.stage.tell(f"    … {day}: {tail}")
            if until == self.stage.at:
                return
            place, day = stop, day + DAY

    def _script(self, stories: Sequence[Story]) -> list[tuple[datetime, int, Act]]:
        """Every act with its instant, on whole seconds, up to the present, in order."""
        acts = [act for story in stories for act in self._acts(story)]
        return sorted(
            (at.replace(microsecond=0), place, act)
            for place, (at, act) in enumerate(acts)
            if at < self.stage.at
        )

    def _day(self, acts: Sequence[tuple[datetime, int, Act]]) -> None:
        clicks = [entry for entry in acts if entry[2].__name__ == "click"]
        others = [entry for entry in acts if entry[2].__name__ != "click"]
        for at, _, act in clicks:
            act(at)
        if clicks:
            touches.store_touches()
        for start in range(0, len(others), CHUNK):
            with transaction.atomic():
                for at, _, act in others[start : start + CHUNK]:
                    act(at)

    def sweep(self, at: datetime) -> None:
        """What the worker and the beat do, once a day."""
        orders.expire_checkouts(at=at)
        orders.receive_overdue(at=at)
        aftersales.answer_overdue(at=at)
        aftersales.complete_refunds(at=at)
        orders.complete_orders(at=at)
        relay.drain(at=at)
        run = settlement.settle_due(at=at)
        self.settled += run.orders if run else 0

    # ------------------------------------------------------------ one story's acts
    def _acts(self, story: Story) -> Iterator[tuple[datetime, Act]]:
        rng, at = self.rng, story.placed_at
        if story.earlier:
            yield at - DAY * rng.uniform(0.5, 9), _click(story, story.earlier)
        if story.shared:
            minutes = rng.expovariate(1 / 120) + 0.4
            yield at - timedelta(minutes=minutes), _click(story, story.shared, names=True)
        if story.fate in ("expired", "pending"):
            yield at, lambda at: self._place(story, at)
        elif story.fate == "cancelled":
            yield at, lambda at: self._place(story, at)
            cancelled = at + timedelta(minutes=rng.randrange(2, 25))
            yield cancelled, lambda at: self._cancel(story, at)
        else:
            paid = at + timedelta(seconds=rng.randrange(20, 1_200))
            yield at, lambda at: self._buy(story, at, paid)
            yield from self._after_payment(story, paid)

    def _after_payment(self, story: Story, paid: datetime) -> Iterator[tuple[datetime, Act]]:
        rng = self.rng
        if story.fate == "before_shipping":
            yield paid + HOUR * rng.uniform(0.2, 2), lambda at: self._ask(story, "refund_only", at)
            return
        if story.fate == "to_ship":
            if len(story.lines) > 1:
                yield paid + HOUR * rng.uniform(2, 9), lambda at: self._ship_one_line(story, at)
            return
        shipped = paid + HOUR * rng.uniform(2, 30)
        yield shipped, lambda at: self._ship(story, at)
        received = shipped + DAY * rng.uniform(1.6, 4.6)
        if received > self.stage.at - HOUR:
            received = shipped + (self.stage.at - shipped) * 0.8
        if story.fate in ("under_way", "silent"):
            return  # on its way; or its buyer says nothing, and time receives it
        yield received, lambda at: self._receive(story, at)
        yield from self._after_receipt(story, received)

    def _after_receipt(self, story: Story, received: datetime) -> Iterator[tuple[datetime, Act]]:
        rng = self.rng
        asked = received + DAY * rng.uniform(0.2, 3)
        if story.fate == "refund_open":
            asked = max(received, self.stage.at - HOUR * rng.uniform(2, 20))
        if story.fate == "return_goods":
            yield asked, lambda at: self._ask(story, "return_refund", at)
            yield asked + HOUR * 5, lambda at: self._approve(story, at)
            yield asked + DAY, lambda at: self._send_back(story, at)
            yield asked + DAY * 4, lambda at: self._confirm_return(story, at)
        elif story.fate in ("partial", "refund_rejected", "refund_open"):
            yield asked, lambda at: self._ask_part(story, at)
            if story.fate == "partial":
                yield asked + HOUR * 7, lambda at: self._approve(story, at)
            elif story.fate == "refund_rejected":
                yield asked + HOUR * 9, lambda at: self._reject(story, at)

    # ------------------------------------------------------------ the verbs
    def _buy(self, story: Story, at: datetime, paid: datetime) -> None:
        """Placed and paid in one go: between the two the past would expire the checkout."""
        self._place(story, at)
        self._pay(story, paid)

    def _place(self, story: Story, at: datetime) -> None:
        made = checkout.place(
            buyer=story.buyer,
            lines=[
                checkout.LineRequest(line.sku.pk, line.qty, line.source_kind, line.source_id)
                for line in story.lines
            ],
            address_id=self.addresses[story.buyer.pk],
            expected_total_fen=story.total_fen,
            click_id=story.click_id,
            at=at,
        )
        story.checkout = made.number
        story.number = Order.objects.values_list("number", flat=True).get(checkout=made)

    def _pay(self, story: Story, at: datetime) -> None:
        self.payments += 1
        payments.record_payment(
            provider="sandbox",
            notice_id=f"{self.prefix}-n{self.payments}",
            transaction_id=f"{self.prefix}-t{self.payments}",
            checkout_number=story.checkout,
            amount_fen=story.total_fen,
            payer=f"payer-{story.buyer.handle}",
            paid_at=at,
            at=at,
        )

    def _ship(self, story: Story, at: datetime, lines: dict[int, int] | None = None) -> None:
        shipments.ship(
            account=story.owner,
            number=story.number,
            carrier=self.rng.choice(CARRIERS),
            tracking_number=f"SF{self.rng.randrange(10**12):012d}",
            lines=lines or {},
            at=at,
        )

    def _ship_one_line(self, story: Story, at: datetime) -> None:
        line = OrderLine.objects.filter(order__number=story.number).order_by("id")[0]
        self._ship(story, at, {line.pk: line.qty})

    def _cancel(self, story: Story, at: datetime) -> None:
        orders.cancel(buyer=story.buyer, number=story.number, at=at)

    def _receive(self, story: Story, at: datetime) -> None:
        orders.receive(buyer=story.buyer, number=story.number, at=at)

    def _ask(self, story: Story, kind: str, at: datetime) -> None:
        before = kind == Refund.Kind.REFUND_ONLY
        words = reviews.refund_reason(self.rng, "before_shipping" if before else "return_goods")
        story.refund = aftersales.request(
            buyer=story.buyer, number=story.number, kind=kind, reason=words[:40], lines={},
            note="", at=at,
        ).number  # fmt: skip

    def _ask_part(self, story: Story, at: datetime) -> None:
        """Some money for goods that stay, such as a scratch."""
        line = OrderLine.objects.filter(order__number=story.number).order_by("id")[0]
        part = max(1, line.paid_fen * self.rng.randrange(8, 45) // 100)
        words = reviews.refund_reason(self.rng, "partial")
        story.refund = aftersales.request(
            buyer=story.buyer, number=story.number, kind="refund_only", reason=words[:40],
            lines={line.pk: (0, part)}, note=words, at=at,
        ).number  # fmt: skip

    def _approve(self, story: Story, at: datetime) -> None:
        aftersales.approve(account=story.owner, number=story.refund, at=at)

    def _reject(self, story: Story, at: datetime) -> None:
        words = reviews.refund_rejection(self.rng)
        aftersales.reject(account=story.owner, number=story.refund, reason=words, at=at)

    def _send_back(self, story: Story, at: datetime) -> None:
        aftersales.send_back(
            account=story.buyer,
            number=story.refund,
            carrier=CARRIERS[1],
            tracking_number=f"ZT{self.rng.randrange(10**12):012d}",
            at=at,
        )

    def _confirm_return(self, story: Story, at: datetime) -> None:
        aftersales.confirm_return(account=story.owner, number=story.refund, at=at)


def _click(story: Story, shared: Shared, *, names: bool = False) -> Act:
    """The buyer follows a promoter's link. The click that `names` travels to the checkout."""

    def click(at: datetime) -> None:
        landing = touches.record(
            code=shared.link.code,
            visitor=ids.code(touches.ID_LENGTH),
            account=story.buyer,
            at=at,
        )
        if names:
            story.click_id = landing.click_id or ""

    return click
