"""The machine: steps of trade, of after-sales, of money out, and of time."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from backend import relay
from backend.core import ids
from backend.core.models import Event
from commissions import books, earnings, explain, ledger
from shops import metrics
from tests.histories import check, seen
from tests.histories.ground import GROUND
from tests.histories.paying import Paying
from tests.histories.returning import Returning
from tests.histories.selling import LINES
from tests.histories.steps import PLACE, act, pick, same
from tests.histories.things import DAY, HEARD
from tests.histories.world import EARNERS

SPANS = st.sampled_from([1, 29, 31, 4 * 60, 49 * 60, 7 * 1440, 10 * 1440 + 1, 31 * 1440])
# Something by a link and something by a note; or anything.
BASKETS = st.sampled_from([[(0, 2, None), (3, 3, 0)], [(1, 3, None), (4, 2, 0)]]) | LINES
JOBS = (
    "expire",
    "return_payments",
    "answer_overdue",
    "pay_back",
    "receive_overdue",
    "complete",
    "settle",
)
THE_BANK_PAID_ANOTHER_AMOUNT = "the channel has paid what we say it has"


class Market(Returning, Paying):
    """A market, lived through in steps."""

    @initialize(
        first=st.tuples(st.sampled_from(["bob", "fay"]), BASKETS, st.sampled_from([0, 1, 2, 3])),
        stage=st.sampled_from(["settled"] * 4 + ["ripe", "received", "paid", "placed"]),
        rules=st.sampled_from([(False, 2), (False, 2), (False, 1), (True, 2)]),
    )
    def begin(
        self, first: tuple[str, list[object], object], stage: str, rules: tuple[bool, int]
    ) -> None:
        """Something has happened already, so that a history need not be long to be late; the
        market's rules: whether one's own purchase pays, and how many levels are paid."""
        self.oracle.own_purchase_pays, self.oracle.levels = rules
        GROUND.market(own_purchase_pays=rules[0], levels=rules[1])
        try:
            self.begin_at(first, stage)
        except BaseException:
            self.fell()
            raise

    def begin_at(self, first: tuple[str, list[object], object], stage: str) -> None:
        buyer, wanted, by = first
        placed = self.place(buyer, wanted, self.click_by(by, buyer))
        if placed is None or stage == "placed":
            return
        self.notice(placed, ids.code(12), ids.code(12), placed.total)
        if stage == "paid":
            return
        for order in placed.orders:
            self.arrive(order)
        self.drain()
        if stage != "received":
            self.at += 31 * DAY
        if stage == "settled":
            self.complete()
            self.drain()
            self.settle()

    # ------------------------------------------------------------ time
    @act(minutes=SPANS)
    def wait(self, minutes: int) -> None:
        """Time passes; no job runs."""
        self.at += self.minutes(minutes)

    @act(lambda self: self.edges(), which=PLACE, seconds=st.sampled_from([-43_200, -1, 0, 1]))
    def edge(self, which: int, seconds: int) -> None:
        """The clock stands at an instant that decides something, or before or behind; jobs run."""
        self.at = max(self.at, pick(self.edges(), which) + timedelta(seconds=seconds))
        self.jobs()

    def edges(self) -> list[object]:
        """Instants to come at which something is over."""
        found = {k.expires for k in self.oracle.checkouts if k.status == "pending"}
        found |= {refund.deadline for refund in self.open_refunds()}
        for order in self.oracle.orders:
            if order.status == "received" and order.received:
                found |= {order.received + line.good.window * DAY for line in order.lines}
            if order.status == "shipped" and order.auto_receive:
                found.add(order.auto_receive)
        found |= {line.matures for line in self.oracle.lines if line.status == "confirmed"}
        return sorted(instant for instant in found if instant > self.at)

    def jobs(self) -> None:
        """All jobs that time asks for, delivery aside."""
        for name in JOBS:
            getattr(self, name)()

    @act(name=st.sampled_from(JOBS))
    def job(self, name: str) -> None:
        """One job."""
        getattr(self, name)()

    @act(days=st.sampled_from([8, 16, 31]))
    def ripen(self, days: int) -> None:
        """Time passes, and the day's jobs come round."""
        self.at += days * DAY
        self.sweep()

    # ------------------------------------------------------------ events
    @act(lambda self: self.oracle.outbox, events=st.sampled_from([None, None, 1, 2, 3]))
    def deliver(self, events: int | None) -> None:
        """The relay comes round."""
        self.drain(events)

    @act(
        lambda self: self.oracle.told,
        places=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    )
    def deliver_again(self, places: list[int]) -> None:
        """Handlers get events out of order, some twice, some early, some not at all."""
        recorded = list(Event.objects.filter(kind__startswith="order.").order_by("id"))
        events = [pick(recorded, place) for place in places]
        error = relay._try(events)
        assert error is None, error
        of_id = {order.id: order for order in self.oracle.orders}
        for event in events:
            if event.kind.removeprefix("order.") in HEARD:
                self.oracle.agree(of_id[event.subject_id])
        self.compare()

    @act()
    def fold(self) -> None:
        """Deltas become balances."""
        ledger.fold()

    # ------------------------------------------------------------ the end
    def check_shown(self) -> None:
        """What people are shown is what they hold; an order's trace alone gives its splits."""
        held = check.expected_balances(self.oracle, self.out)
        earned = self.oracle.balances()
        for name in EARNERS:
            person = ("person", self.world.people[name].pk)
            wanted = [held.get((*person, k), 0) for k in ("pending", "available", "in_transit")]
            shown = earnings.summary(self.world.people[name])
            # Nobody writes off a debt or offers a bounty here.
            wanted += [earned[(*person, "available")], 0, 0]
            same(f"what {name} is shown", list(shown), wanted)
        accrued = [line for line in self.oracle.lines if line.owed]
        if accrued:
            order = pick(accrued, len(self.steps)).order
            owner = self.world.accounts[order.store.owner]
            for trace in explain.of_order(account=owner, number=order.number):
                told = [{k: v for k, v in s.items() if k != "payee"} for s in trace["splits"]]
                same("a trace's splits", told, explain.recompute(trace)["splits"])

    def check_books(self) -> None:
        """The product's own audit finds what the bank did wrong, and nothing else."""
        metrics.roll_up(at=self.at)
        wrong = check.wrong_transfers(self.out)
        expected = {THE_BANK_PAID_ANOTHER_AMOUNT: wrong} if wrong else {}
        found = seen.broken_rules(self.at)
        if found != expected:
            findings = books.check(at=self.at)
            raise AssertionError([(f.name, f.count, f.rows) for f in findings])
