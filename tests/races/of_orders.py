"""Races for orders, stock, money in and money back."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from backend.core import ids
from backend.core.models import Event
from seeds.factories import AccountFactory, AddressFactory, ProductFactory, SkuFactory
from shops import aftersales, checkout, inventory, orders, payments
from shops.aftersales import answering, asking, completing
from shops.checkout import LineRequest
from shops.models import Checkout, Order, OrderLine, Payment, Refund, RefundLine, Sku
from tests.commissions import sales
from tests.commissions.money_out import AT
from tests.races.crowd import Act, Answer, Meeting, words
from tests.races.race import Race, meet_before
from tests.races.unguarded import (
    Unique,
    blind_move,
    looking_move,
    looking_move_one,
    no_row_locks,
)

FEN = 10_000
LATE = AT + timedelta(hours=1)


def told(order_id: int, kind: str) -> int:
    """How often an event of this order was recorded."""
    return Event.objects.filter(subject_id=order_id, kind=kind).count()


class OfOrders(Race):
    """One product in plenty, bought by one account, an order a round."""

    def ground(self, rounds: int) -> None:
        # What is held covers every round's order, so that stock never decides.
        self.sku = SkuFactory.create(on_hand=10_000, committed=5_000, price_fen=FEN)
        self.owner = self.sku.product.shop.account
        self.buyer = AccountFactory.create()
        self.staff = AccountFactory.create(is_staff=True)

    def sell(self, qty: int = 1, *, paid: bool = True) -> OrderLine:
        """The round's order, of one line."""
        self.line = sales.sale(at=AT, sku=self.sku, buyer=self.buyer, qty=qty, paid=paid)
        return self.line


class OneNoticeTwice(OfOrders):
    name = "the same payment notice twice"
    removed = "the checkout's lock, the state in WHERE, three unique indexes"
    guards = (
        Unique("shops_paymentnotice", "provider", "notice_id"),
        Unique("shops_payment", "provider", "transaction_id"),
        Unique("shops_payment", "checkout_id"),
    )

    def prepare(self, number: int) -> Sequence[Act]:
        self.order = self.sell(paid=False).order
        return [self.pay()] * 2

    def pay(self) -> Act:
        """The provider says that the round's checkout is paid."""
        return partial(
            payments.record_payment,
            provider="sandbox",
            notice_id=f"n{self.order.pk}",
            transaction_id=f"t{self.order.pk}",
            checkout_number=self.order.checkout.number,
            amount_fen=FEN,
            payer="",
            paid_at=LATE,
            at=LATE,
        )

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, payments, "_move_to_paid")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        def look_then_pay(found: Checkout) -> bool:
            found.refresh_from_db()
            if found.status != Checkout.Status.PENDING:
                return False
            meet()
            found.status = Checkout.Status.PAID
            found.save()
            return True

        no_row_locks(patch)
        patch.setattr(payments, "_move_to_paid", look_then_pay)
        patch.setattr(payments, "move", blind_move)

    def judge(self, answers: list[Answer]) -> str:
        kept = Payment.objects.filter(checkout=self.order.checkout_id).count()
        paid = told(self.order.pk, "order.paid")
        return "" if (kept, paid) == (1, 1) else f"{kept} payments, paid {paid} times"


class PaymentAgainstExpiry(OneNoticeTwice):
    name = "payment against the expiry of its checkout"
    removed = "locks and SKIP LOCKED, the state in WHERE"
    guards = ()

    def prepare(self, number: int) -> Sequence[Act]:
        self.order = self.sell(paid=False).order
        return [self.pay(), partial(orders.expire_checkouts, at=LATE)]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        super().window(patch, meet)
        meet_before(patch, meet, orders, "move")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        looking = looking_move(meet)

        def move(found: Any, **how: Any) -> int:
            return (blind_move if found.model is Order else looking)(found, **how)

        super().unguard(patch, meet)
        patch.setattr(orders, "move", move)

    def judge(self, answers: list[Answer]) -> str:
        paid, ended = (told(self.order.pk, f"order.{kind}") for kind in ("paid", "cancelled"))
        state = Payment.objects.get(checkout=self.order.checkout_id).status
        right = (paid, ended, state) in ((1, 0, "accepted"), (0, 1, "returning"))
        return "" if right else f"paid {paid} times, cancelled {ended} times, money {state}"


class LastUnit(Race):
    name = "four buyers of the last unit"
    removed = "the free stock in the UPDATE's WHERE"
    hands = 4

    def ground(self, rounds: int) -> None:
        self.product = ProductFactory.create(shipping_fee_fen=0)
        self.addresses = AddressFactory.create_batch(self.hands)

    def prepare(self, number: int) -> Sequence[Act]:
        self.sku = SkuFactory.create(product=self.product, on_hand=1, price_fen=FEN)
        return [
            partial(
                checkout.place,
                buyer=address.account,
                lines=[LineRequest(self.sku.pk, 1)],
                address_id=address.pk,
                expected_total_fen=FEN,
                at=AT,
            )
            for address in self.addresses
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, inventory, "reserve")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        def reserve(*, lines: Sequence[inventory.StockLine], at: Any) -> None:
            for line in lines:
                sku = Sku.objects.get(pk=line.sku_id)
                if sku.on_hand - sku.committed < line.qty:
                    raise inventory.InsufficientStock()
                meet()
                sku.committed += line.qty
                sku.save()

        patch.setattr(inventory, "reserve", reserve)

    def judge(self, answers: list[Answer]) -> str:
        sold, heard = OrderLine.objects.filter(sku=self.sku).count(), words(answers)
        right = sold == 1 and heard == {"done": 1, "insufficient_stock": 3}
        return "" if right else f"one unit was sold {sold} times"


class TwoRefundsOfOneLine(OfOrders):
    name = "buyer and staff ask the whole sum back at once"
    removed = "the order's lock, one open refund per line (unique)"
    guards = (Unique("shops_refundline", "order_line_id"),)

    def prepare(self, number: int) -> Sequence[Act]:
        order = self.sell().order
        asked = {"number": order.number, "reason": "x", "lines": {}, "at": AT}
        return [
            partial(aftersales.request, buyer=self.buyer, kind="refund_only", note="", **asked),
            partial(aftersales.staff_refund, by=self.staff, **asked),
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, asking, "_write")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)

    def judge(self, answers: list[Answer]) -> str:
        refunds = Refund.objects.filter(order=self.line.order_id, status__in=Refund.OPEN)
        back = sum(refunds.values_list("amount_fen", flat=True))
        return "" if back == FEN else f"{back} of {FEN} fen are on their way back"


class ApprovalAgainstSecondThoughts(OfOrders):
    name = "a refund approved and withdrawn at once"
    removed = "the order's lock and the state in the UPDATE's WHERE"

    def prepare(self, number: int) -> Sequence[Act]:
        row = sales.open_refund(self.sell(), AT)
        self.refund = row.refund
        return [
            partial(aftersales.approve, account=self.owner, number=self.refund.number, at=AT),
            partial(aftersales.withdraw, account=self.buyer, number=self.refund.number, at=AT),
        ]

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, answering, "move_one")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)
        patch.setattr(answering, "move_one", looking_move_one(meet))

    def judge(self, answers: list[Answer]) -> str:
        said = self.line.order.history.filter(kind__startswith="refund_")
        kinds = sorted(said.values_list("kind", flat=True))
        return "" if len(kinds) == 1 else " and ".join(kinds)


class OneRefundCompletedTwice(OfOrders):
    name = "one refund booked by two workers"
    removed = "the order's lock and the state in the UPDATE's WHERE"

    def prepare(self, number: int) -> Sequence[Act]:
        line = self.sell(qty=2)
        OrderLine.objects.filter(pk=line.pk).update(shipped_qty=2)
        Order.objects.filter(pk=line.order_id).update(status="shipped")
        Payment.objects.create(
            checkout=line.order.checkout,
            provider="sandbox",
            transaction_id=ids.code(22),
            amount_fen=2 * FEN,
            paid_at=AT,
            recorded_at=AT,
        )
        row = sales.open_refund(line, AT)
        Refund.objects.filter(pk=row.refund_id).update(status="refunding", amount_fen=FEN)
        RefundLine.objects.filter(pk=row.pk).update(qty=1, amount_fen=FEN, restock="return")
        self.sku.refresh_from_db()
        self.before = self.sku.on_hand
        return [partial(aftersales.complete_refunds, at=AT)] * 2

    def window(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        meet_before(patch, meet, completing, "move")

    def unguard(self, patch: pytest.MonkeyPatch, meet: Meeting) -> None:
        no_row_locks(patch)
        patch.setattr(completing, "move", looking_move(meet))

    def judge(self, answers: list[Answer]) -> str:
        self.line.refresh_from_db()
        self.sku.refresh_from_db()
        found = (
            self.line.refunded_fen // FEN,
            self.sku.on_hand - self.before,
            told(self.line.order_id, "order.refunded"),
        )
        return "" if found == (1, 1, 1) else "booked {}, put back {}, told {} times".format(*found)


RACES = (
    OneNoticeTwice,
    PaymentAgainstExpiry,
    LastUnit,
    TwoRefundsOfOneLine,
    ApprovalAgainstSecondThoughts,
    OneRefundCompletedTwice,
)
