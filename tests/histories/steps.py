"""What every step of a history needs: the world, the clock, the oracle, and asking a verb."""

import functools
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from backend import relay
from backend.core.errors import Refusal
from backend.core.sql import value
from commissions import payouts, settlement
from shops import aftersales, orders, payments
from tests.histories import asking, check, seen
from tests.histories.choosing import ByWeight
from tests.histories.ground import GROUND
from tests.histories.out import Out
from tests.histories.things import DAY
from tests.histories.world import PAYEES, START, ideas

T = TypeVar("T")
PLACE = st.integers(0, 5)
_SETTLED = "SELECT coalesce(sum(orders), 0) FROM commissions_settlementrun"


def act(when: Callable[[Any], Any] | None = None, **drawn: st.SearchStrategy[Any]) -> Any:
    """A rule that is counted, and after which hooks of a commit are run."""

    def make(step: Callable[..., None]) -> Any:
        @functools.wraps(step)
        def run(self: "Steps", **values: Any) -> None:
            try:
                step(self, **values)
                GROUND.committed()
            except BaseException:
                self.fell()
                raise
            self.steps[step.__name__] += 1

        made = rule(**drawn)(run)
        return precondition(when)(made) if when else made

    return make


def pick(found: Sequence[T], place: int) -> T:
    """One of them, the newest first."""
    return found[-1 - place % len(found)]


def same(what: str, found: object, wanted: object) -> None:
    """Asserts that the product has done as much as the oracle."""
    assert found == wanted, f"{what}: {found}, must be {wanted}"


class Found(BaseException):
    """A difference, where the first one is all that is wanted: Hypothesis would replay it."""


class Steps(RuleBasedStateMachine):
    """The ground of the machine: no rules yet."""

    # Over all histories of this process.
    tally: ClassVar[Counter[str]] = Counter()
    reached: ClassVar[Counter[str]] = Counter()
    first_is_enough: ClassVar[bool] = False
    # Whether lines are decided anew and coupon codes are named, too.
    wide: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self._rules_strategy = ByWeight(self)
        self.failed = False
        self.steps: Counter[str] = Counter()
        self.world = GROUND.begin()
        self.ideas = ideas(self.world)
        self.oracle, self.out = self.ideas.oracle, Out()
        self.at = START
        # How the channel will treat a payout, by number.
        self.modes: dict[str, str] = {}
        # Where people are paid now.
        self.payees: dict[str, str | None] = dict(PAYEES)
        self.tally["histories"] += 1

    def fell(self) -> None:
        """The product and the oracle differ."""
        self.failed = True
        if Steps.first_is_enough:
            raise Found from sys.exception()

    def ask(self, refusals: set[str], verb: Callable[..., T], **values: Any) -> T | None:
        """Calls a verb, which must refuse with one of these codes, or take it where there are
        none; what it answered, None where it refused."""
        refused, answer = None, None
        try:
            answer = verb(**values)
        except Refusal as refusal:
            refused = refusal
        if refused is None:
            assert not refusals, f"{verb.__name__} had to refuse with {refusals}, and did it"
            return answer
        assert refused.code in refusals, (
            f"{verb.__name__} refused with {refused.code}: {refused.detail}; "
            f"it may refuse with {refusals or 'nothing'}"
        )
        self.oracle.seen[f"refused {refused.code}"] += 1
        return None

    def compare(self) -> None:
        """The whole database against the oracle."""
        found = seen.look()
        wrong = check.differences(found, self.oracle, self.out)
        wrong += check.stock_differences(found, self.ideas.goods)
        assert not wrong, "\n".join(wrong)
        self.note_states()

    def note_states(self) -> None:
        """Counts what is interesting about now."""
        held = check.expected_balances(self.oracle, self.out)
        if any(fen < 0 for (owner, _, _), fen in held.items() if owner == "person"):
            self.oracle.seen["balance below zero"] += 1

    # ------------------------------------------------------------ jobs
    def drain(self, events: int | None = None) -> None:
        """The relay delivers everything, or one batch of so many events."""
        wanted = self.oracle.deliver(events)
        if events is None:
            same("events delivered", relay.drain(at=self.at), wanted)
        else:
            whole, relay.BATCH = relay.BATCH, events
            try:
                same("events (claimed, delivered)", relay._one_batch(self.at), (wanted, wanted))
            finally:
                relay.BATCH = whole
        self.compare()

    def expire(self) -> None:
        """Checkouts that were not paid in time."""
        due = self.oracle.expired(self.at)
        same("checkouts expired", orders.expire_checkouts(at=self.at), len(due))
        for checkout in due:
            self.oracle.end_checkout(checkout, "expired")

    def return_payments(self) -> None:
        """Money that nobody waits for goes back."""
        done = 0
        for checkout in self.oracle.checkouts:
            for transaction, status in checkout.transactions.items():
                if status == "returning":
                    checkout.transactions[transaction], done = "returned", done + 1
        same("payments sent back", payments.return_payments(at=self.at), done)

    def answer_overdue(self) -> None:
        """Refunds that nobody answered."""
        due = asking.overdue(self.oracle, self.at)
        same("refunds decided by time", aftersales.answer_overdue(at=self.at), len(due))
        for refund, status in due.items():
            asking.decide(refund, status, self.at)

    def pay_back(self) -> None:
        """Refunds that were agreed to."""
        wanted = asking.pay_back(self.oracle, self.at)
        same("refunds paid back", aftersales.complete_refunds(at=self.at), wanted)

    def receive_overdue(self) -> None:
        """Parcels that came ten days ago."""
        due = self.oracle.overdue_receipts(self.at)
        same("orders received by time", orders.receive_overdue(at=self.at), len(due))
        for order in due:
            self.oracle.receive(order, self.at)

    def complete(self) -> None:
        """Orders of which nothing more can be asked."""
        ripe = self.oracle.ripe(self.at)
        same("orders completed", orders.complete_orders(at=self.at), len(ripe))
        self.oracle.complete(ripe)

    def settle(self) -> None:
        """Commissions that have matured."""
        due = self.oracle.settle(self.at)
        before = value(_SETTLED)
        settlement.settle_due(at=self.at)
        same("commissions settled", value(_SETTLED) - before, due)

    def send(self) -> None:
        """Approved payouts are handed to the channel, which treats them as told."""
        due = self.out.of("approved", by_bank_file=False)
        same("payouts sent", payouts.send_payouts(at=self.at), len(due))
        for payout in due:
            self.out.send(payout, self.modes[payout.number], self.at)

    def reconcile(self) -> None:
        """The channel is asked about what is not known; it may be too early to ask."""
        ended = payouts.reconcile_payouts(at=self.at)
        open_ = self.out.of("sending", "unknown", by_bank_file=False)
        states = seen.look()["payouts"]
        for payout in open_:
            status = states[payout.number][0]
            assert payout.may_become(status, self.at), f"{payout} is {status}"
            if status in ("paid", "failed"):
                self.out.end(payout, status)
                ended -= 1
            else:
                payout.status = status
        same("payouts ended by asking, beyond those that show it", ended, 0)

    # ------------------------------------------------------------ the end
    def sweep(self) -> None:
        """Every job that has something to do now, in the order of a day."""
        oracle = self.oracle
        if oracle.expired(self.at):
            self.expire()
        if any("returning" in k.transactions.values() for k in oracle.checkouts):
            self.return_payments()
        if asking.overdue(oracle, self.at):
            self.answer_overdue()
        if any(refund.status == "refunding" for refund in oracle.refunds):
            self.pay_back()
        if oracle.overdue_receipts(self.at):
            self.receive_overdue()
        if oracle.ripe(self.at):
            self.complete()
        if oracle.outbox:
            self.drain()
        self.settle()
        if self.out.of("approved", by_bank_file=False):
            self.send()
        if self.out.of("sending", "unknown", by_bank_file=False):
            self.reconcile()

    def busy(self) -> bool:
        """Whether time alone will still change something."""
        oracle = self.oracle
        return bool(
            any(k.status == "pending" for k in oracle.checkouts)
            or any(r.status in ("requested", "awaiting_return", "returned") for r in oracle.refunds)
            or any(o.status in ("shipped", "received") for o in oracle.orders)
            or any(
                payout.mode != "wrong_amount"
                for payout in self.out.of("approved", "sending", "unknown", by_bank_file=False)
            )
        )

    def finish(self) -> None:
        """Everything is drained, settled and reconciled; then everything is compared."""
        for _ in range(6):
            self.at += 16 * DAY
            self.sweep()
            if not self.busy():
                break
        assert not self.busy(), "the history does not come to rest"
        self.pay_the_rest()
        GROUND.committed()
        self.compare()
        self.check_shown()
        self.check_books()

    def pay_the_rest(self) -> None:
        """Payouts that only people can end; each mixin adds its own."""

    def check_shown(self) -> None:
        """What people are shown agrees."""

    def check_books(self) -> None:
        """The product's own audit agrees."""

    def teardown(self) -> None:
        """The end of the history: nothing of it stays."""
        try:
            if not self.failed:
                self.finish()
        except BaseException:
            self.fell()
            raise
        finally:
            for name, times in self.steps.items():
                self.tally[name] += times
            for name, times in {**self.oracle.seen, **self.out.seen}.items():
                self.reached[name] += 1 if times else 0
            GROUND.end()
            self.at = START
