"""R2: bugs that others have had, planted one at a time, from outside the product.

Each is a context in which the product is wrong in one way: a function is replaced or a statement
is rewritten while the context lasts, nothing else. The machine must notice every one of them.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from unittest.mock import patch

from django.db.models import Min

from backend.core import money as rounding
from backend.core.sql import rows
from commissions import accruals, attribution, ledger, settlement, split
from commissions.accruals import agreeing, making
from commissions.payouts import money, requests, sending
from commissions.providers import Answer, ChannelTimeout, Result, Sandbox
from shops import inventory, orders, payments, shipments
from shops.aftersales import completing
from shops.models import Checkout, Order, OrderLine
from tests.histories import given_faults
from tests.histories.planting import FAULTS, fault, rewritten

__all__ = ["FAULTS", "given_faults"]


# ---------------------------------------------------------------- claw-back and reversal
@fault
def nothing_is_clawed_back_after_settlement() -> Iterator[None]:
    reverse = agreeing._reverse

    def only_pending(refunded: list[Any], at: Any) -> Any:
        kept = [row for row in refunded if row["status"] != "settled"]
        return reverse(kept, at) if kept else []

    with patch.object(agreeing, "_reverse", only_pending):
        yield


@fault
def a_claw_back_is_taken_from_what_is_pending() -> Iterator[None]:
    reverse = agreeing._reverse

    def all_pending(refunded: list[Any], at: Any) -> Any:
        return reverse([{**row, "status": "confirmed"} for row in refunded], at)

    with patch.object(agreeing, "_reverse", all_pending):
        yield


@fault
def a_reversal_is_rounded_up() -> Iterator[None]:
    def floor(fen: int, bps: int) -> int:
        return fen * bps // 10_000

    with patch.object(split, "share_fen", floor):
        yield


@fault
def the_second_refund_takes_the_first_back_again() -> Iterator[None]:
    reverse = agreeing._reverse

    def forgetful(refunded: list[Any], at: Any) -> Any:
        return reverse([{**row, "reversed": [0] * len(row["ids"])} for row in refunded], at)

    with patch.object(agreeing, "_reverse", forgetful):
        yield


@fault
def a_refund_before_the_accrual_is_forgotten() -> Iterator[None]:
    """Refund before payment, as the events tell it."""

    make, reverse, fresh = accruals.make, agreeing._reverse, set()

    def remember(missing: list[Any], at: Any) -> int:
        fresh.update(line.commission_id for line, _ in missing)
        return make(missing, at)

    def skip(refunded: list[Any], at: Any) -> Any:
        kept = [row for row in refunded if row["id"] not in fresh]
        fresh.clear()
        return reverse(kept, at) if kept else []

    with patch.object(accruals, "make", remember), patch.object(agreeing, "_reverse", skip):
        yield


# ---------------------------------------------------------------- delivery
@fault
def an_event_delivered_twice_accrues_twice() -> Iterator[None]:
    """The accrual is keyed by the delivery, not by its cause."""
    numbers, hear = count(1 << 40), accruals.on_orders

    def again(events: Any) -> None:
        paid = [event.subject_id for event in events if event.kind == "order.paid"]
        legs: dict[int, list[Any]] = {}
        for row in rows(_ACCRUED, [paid]):
            key = ledger.AccountKey(row["owner_kind"], row["owner_id"], row["kind"])
            legs.setdefault(row["journal_id"], []).append((key, row["amount_fen"]))
        twice = [ledger.Posting(1, next(numbers), one) for one in legs.values()]
        hear(events)
        ledger.post(twice, at=events[0].recorded_at)

    with patch.dict("backend.relay.HANDLERS", {"order.paid": (again,)}):
        yield


_ACCRUED = """
SELECT a.owner_kind, a.owner_id, a.kind, e.journal_id, e.amount_fen
FROM commissions_entry e JOIN commissions_ledgeraccount a ON a.id = e.account_id
JOIN commissions_commissionorder c ON e.journal_id = (1::bigint << 56) | c.id
JOIN shops_orderline l ON l.id = c.order_line_id WHERE l.order_id = ANY(%s::bigint[])
"""


@fault
def a_refund_says_nothing() -> Iterator[None]:
    """The event is forgotten, and nothing sweeps what no event names."""
    book = completing.order_book
    say = book.say

    def mostly(kind: str, **values: Any) -> None:
        if kind == "refunded":
            book.note(kind, order_ids=values["order_ids"], actor=None, at=values["at"])
        else:
            say(kind, **values)

    with patch.object(book, "say", mostly):
        yield


# ---------------------------------------------------------------- settlement
_OPEN_REFUND = """
      AND NOT EXISTS (SELECT 1 FROM shops_refundline r
                      WHERE r.order_line_id = l.id AND r.is_open)"""


@fault
def settlement_ignores_the_return_window() -> Iterator[None]:
    with rewritten(settlement, "_MARK", "c.matures_at <= %(by)s", "%(by)s IS NOT NULL"):
        yield


@fault
def the_window_is_a_day_too_short() -> Iterator[None]:
    early = "c.matures_at - interval '1 day' <= %(by)s"
    with rewritten(settlement, "_MARK", "c.matures_at <= %(by)s", early):
        yield


@fault
def the_window_is_the_shortest_of_an_order() -> Iterator[None]:
    with (
        patch.object(orders, "Max", Min),
        rewritten(orders, "_RECEIVE_OVERDUE", "max(return_window_days)", "min(return_window_days)"),
    ):
        yield


@fault
def settlement_ignores_an_open_after_sale() -> Iterator[None]:
    with rewritten(settlement, "_MARK", _OPEN_REFUND, ""):
        yield


@fault
def settlement_ignores_a_hold() -> Iterator[None]:
    with rewritten(settlement, "_MARK", "c.held_reason = ''", "true"):
        yield


# ---------------------------------------------------------------- rounding and shares
@fault
def half_is_rounded_up_not_to_even() -> Iterator[None]:
    def half_up(numerator: int, denominator: int) -> int:
        return (numerator * 2 + denominator) // (denominator * 2)

    with (
        patch.object(split, "divide_half_even", half_up),
        patch.object(rounding, "divide_half_even", half_up),
    ):
        yield


@fault
def the_last_fen_goes_to_the_last_party() -> Iterator[None]:
    def floors(total: int, names: Any, weights: Any) -> Any:
        amounts = [total * weight // 10_000 for weight in weights]
        if amounts:
            amounts[-1] += total - sum(amounts)
        return [split.Part(*part) for part in zip(names, weights, amounts, strict=True)]

    with patch.object(split, "_parts", floors):
        yield


@fault
def on_a_tie_the_shop_comes_first() -> Iterator[None]:
    order = (("shop",), ("promoter",), ("inviter",), ("creator",))
    split._places.cache_clear()
    try:
        with patch.object(split, "BUDGET_GROUPS", order):
            yield
    finally:
        split._places.cache_clear()


def split_of(change: Callable[[Any, OrderLine], Any]) -> Any:
    """A line's money is split as if the line were another."""
    known = making._split

    def other(line: Any, decision: Any) -> Any:
        row = OrderLine.objects.select_related("sku", "order").get(pk=line.line_id)
        return known(change(line, row), decision)

    return patch.object(making, "_split", other)


@fault
def the_fee_is_computed_on_the_list_price() -> Iterator[None]:
    def listed(line: Any, row: OrderLine) -> Any:
        price = row.sku.list_price_fen or row.unit_price_fen
        return line._replace(fee_bps=line.fee_bps * price // row.unit_price_fen)

    with split_of(listed):
        yield


@fault
def the_commission_is_computed_with_shipping() -> Iterator[None]:
    with split_of(lambda line, row: line._replace(paid_fen=line.paid_fen + row.order.shipping_fen)):
        yield


# ---------------------------------------------------------------- who is paid
@fault
def an_inviter_earns_by_their_own_purchase() -> Iterator[None]:
    no_inviter = attribution._no_inviter

    def lenient(*given: Any) -> Any:
        reason = no_inviter(*given)
        return None if reason == "inviter_buys" else reason

    with patch.object(attribution, "_no_inviter", lenient):
        yield


@fault
def a_frozen_promoter_is_paid() -> Iterator[None]:
    with patch.object(attribution, "_NOT_ACTIVE", {}):
        yield


# ---------------------------------------------------------------- payments and stock
@fault
def a_late_payment_is_accepted() -> Iterator[None]:
    late = {**Checkout.TRANSITIONS, "expired": {"paid"}, "cancelled": {"paid"}}
    risen = {**Order.TRANSITIONS, "cancelled": {"paid"}}
    with (
        patch.object(Checkout, "TRANSITIONS", late),
        patch.object(Order, "TRANSITIONS", risen),
    ):
        yield


@fault
def any_amount_pays_a_checkout() -> Iterator[None]:
    book = payments._book

    def generous(payment: Any, number: str, at: Any) -> str:
        found = Checkout.objects.filter(number=number).first()
        payment.amount_fen = found.total_fen if found else payment.amount_fen
        return book(payment, number, at)

    with patch.object(payments, "_book", generous):
        yield


@fault
def returned_goods_are_not_put_back() -> Iterator[None]:
    with patch.object(inventory, "put_back", lambda **_: None):
        yield


@fault
def cancelled_units_stay_promised() -> Iterator[None]:
    with patch.object(inventory, "release", lambda **_: None):
        yield


@fault
def a_refund_can_be_shipped_away() -> Iterator[None]:
    with patch.object(shipments, "_check_refunds", lambda parcel: None):
        yield


# ---------------------------------------------------------------- money out
def verdict(failed: Callable[[Answer], bool]) -> Any:
    """What the channel's answers mean, some of them FAILED that are not."""
    known = sending._verdict

    def hasty(payout: Any, answer: Answer) -> Any:
        outcome = sending.Outcome.FAILED, "hasty"
        return outcome if failed(answer) else known(payout, answer)

    return patch.object(sending, "_verdict", hasty)


@fault
def a_timeout_is_taken_for_a_failure() -> Iterator[None]:
    with verdict(lambda answer: answer.code == "TIMEOUT"):
        yield


@fault
def not_found_is_taken_for_a_failure() -> Iterator[None]:
    with verdict(lambda answer: answer.result is Result.NOT_FOUND):
        yield


@fault
def after_a_timeout_it_is_sent_under_a_new_number() -> Iterator[None]:
    send = Sandbox.send

    def again(self: Sandbox, transfer: Any, *, at: Any) -> Answer:
        try:
            return send(self, transfer, at=at)
        except ChannelTimeout:
            new = type(transfer)(f"{transfer.number}R", transfer.amount_fen, "李小鱼", "62220001")
            return send(self, new, at=at)

    with patch.object(Sandbox, "send", again):
        yield


@fault
def another_amount_than_ours_is_called_paid() -> Iterator[None]:
    known = sending._verdict

    def easy(payout: Any, answer: Answer) -> Any:
        if answer.result is Result.PAID:
            return sending.Outcome.PAID, ""
        return known(payout, answer)

    with patch.object(sending, "_verdict", easy):
        yield


@fault
def a_payout_is_not_held_when_requested() -> Iterator[None]:
    with patch.object(requests.money, "hold", lambda payout, at: None):
        yield


@fault
def a_rejected_payout_keeps_its_money() -> Iterator[None]:
    with patch.object(money, "give_back", lambda payout, at: None):
        yield


@fault
def money_on_its_way_may_be_asked_for_again() -> Iterator[None]:
    lock = ledger.lock

    def richer(key: Any) -> int:
        return lock(key) + max(ledger.balance(key._replace(kind="in_transit")), 0)

    with patch.object(ledger, "lock", richer):
        yield
