"""R5: everything about a refund done twice at once, at every step of its way: asked for, answered,
sent back, received, paid back, told and reversed. Each has the effect of one.

The suite does it with a dozen orders, `make soak` with 500.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum

from backend import relay
from backend.core import events
from backend.core.models import Event
from commissions import accruals, settlement
from commissions.models import CommissionOrder, CommissionReversal, Journal
from seeds.factories import AccountFactory, PromoterFactory, PromotionLinkFactory, SkuFactory
from shops import aftersales, payments
from shops.models import Order, OrderLine, Payment, Refund, StockMovement
from shops.providers import sandbox
from tests.commissions import sales
from tests.commissions.money_out import AT
from tests.races.crowd import Answer, Crowd, words
from tests.races.test_ledger import drift

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)
DUE = AT + 8 * DAY
UNIT = 5_000  # two of them a line, one comes back


class Bank:
    """A provider that counts what it is asked for; a number it knows it does not pay again."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.paid: dict[str, int] = {}
        patch.setattr(sandbox.Sandbox, "refund", self._refund)

    def _refund(self, *, transaction_id: str, refund_number: str, amount_fen: int) -> None:
        assert self.paid.setdefault(refund_number, amount_fen) == amount_fen


class Market:
    """Received orders of two units, all found through one promoter's link; half is settled."""

    def __init__(self, count: int) -> None:
        sku = self.sku = SkuFactory.create(price_fen=UNIT, on_hand=0)
        self.owner = sku.product.shop.account
        self.buyer = AccountFactory.create()
        promoter = PromoterFactory.create()
        self.promoter = promoter.account
        link = PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
        lines = [
            sales.sale(at=AT, sku=sku, buyer=self.buyer, qty=2, referral_code=link.code)
            for _ in range(count)
        ]
        self.numbers = [line.order.number for line in lines]
        self.orders = [line.order_id for line in lines]
        Payment.objects.bulk_create(
            Payment(
                checkout=line.order.checkout,
                provider="sandbox",
                transaction_id=f"t{line.pk}",
                amount_fen=2 * UNIT,
                paid_at=AT,
                recorded_at=AT,
            )
            for line in lines
        )
        OrderLine.objects.update(shipped_qty=2)
        Order.objects.update(status="received", received_at=AT, aftersale_until=AT + 7 * DAY)
        accruals.reconcile_orders(self.orders, at=AT)
        settlement.settle_due(at=DUE, chunk=count // 2, limit=1)


def twice(crowd: Crowd, act: Callable[[str], Any], over: Sequence[str]) -> Counter[str]:
    """Both hands do the same, each thing at the same moment; what they heard."""
    heard: Counter[str] = Counter()
    for name in over:
        found: list[Answer] = crowd.at_once(lambda one=name: act(one), lambda one=name: act(one))
        heard += words(found)
    return heard


def _each_step_twice(count: int, patch: pytest.MonkeyPatch) -> None:
    market, bank = Market(count), Bank(patch)
    late = {"at": AT + DAY}
    asked = {"kind": "return_refund", "reason": "x", "note": "", **late}

    def ask(number: str) -> None:
        line = OrderLine.objects.get(order__number=number)
        wanted = {line.pk: (1, None)}
        aftersales.request(buyer=market.buyer, number=number, lines=wanted, **asked)

    with Crowd(2) as crowd:
        heard = twice(crowd, ask, market.numbers)
        assert heard == {"done": count, "refund_open": count}
        refunds = list(Refund.objects.order_by("id").values_list("number", flat=True))

        def approve(number: str) -> None:
            aftersales.approve(account=market.owner, number=number, **late)

        def send_back(number: str) -> None:
            parcel = {"carrier": "顺丰", "tracking_number": number}
            aftersales.send_back(account=market.buyer, number=number, **parcel, **late)

        def confirm(number: str) -> None:
            aftersales.confirm_return(account=market.owner, number=number, **late)

        for step in (approve, send_back, confirm):
            assert twice(crowd, step, refunds) == {"done": count, "wrong_state": count}, step

        def complete() -> int:
            return aftersales.complete_refunds(**late)

        done = 0
        while Refund.objects.filter(status="refunding").exists():
            done += sum(answer.value for answer in crowd.at_once(complete, complete))
        assert done == count

        _tell_again(market.orders)

        def deliver() -> int:
            return relay.drain(at=DUE)

        assert sum(answer.value for answer in crowd.at_once(deliver, deliver)) == 2 * count

        def reconcile() -> int:
            return accruals.reconcile_orders(market.orders, at=DUE)

        assert [answer.value for answer in crowd.at_once(reconcile, reconcile)] == [0, 0]
    _is_exact(count, market, bank)


def _tell_again(orders: list[int]) -> None:
    """The events of the refunds once more, in any order."""
    assert set(Event.objects.values_list("kind", flat=True)) == {"order.refunded"}
    mixed = random.Random(5).sample(orders, len(orders))
    with transaction.atomic():
        for order_id in mixed:
            events.record(kind="order.refunded", subject_id=order_id, at=AT)


def _is_exact(count: int, market: Market, bank: Bank) -> None:
    """One effect per refund: in the shop, at the provider, in stock, in the books."""
    assert Refund.objects.filter(status="succeeded").count() == count
    assert set(OrderLine.objects.values_list("refunded_fen", "refunded_qty")) == {(UNIT, 1)}
    assert bank.paid == dict(Refund.objects.values_list("number", "amount_fen"))
    assert sum(bank.paid.values()) == count * UNIT
    market.sku.refresh_from_db()
    back = StockMovement.objects.filter(kind="return")
    assert (market.sku.on_hand, back.count()) == (count, count)
    assert CommissionReversal.objects.count() == count
    assert Journal.objects.filter(kind=Journal.Kind.REVERSAL).count() == count
    settled = CommissionOrder.objects.filter(status="settled").count()
    assert settled == count // 2
    # 20 % of 100.00, of which the promoter has 80 %; half of it is taken back.
    available, pending = (sales.fen_of(market.promoter, kind) for kind in ("available", "pending"))
    assert (available, pending) == (800 * settled, 800 * (count - settled))
    taken = CommissionReversal.objects.aggregate(fen=Sum("amount_fen"))["fen"]
    assert taken == count * (1_000 + 250)  # half the budget, half the platform's 5 %
    assert drift() == 0


def test_every_step_of_a_refund_twice_at_once_has_the_effect_of_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _each_step_twice(12, monkeypatch)


def _money_nobody_waits_for(count: int, patch: pytest.MonkeyPatch) -> None:
    """A second payment of paid checkouts, each told twice at once: each goes back once."""
    market, bank = Market(count), Bank(patch)

    def pay_again(number: str) -> str:
        order = Order.objects.select_related("checkout").get(number=number)
        return payments.record_payment(
            provider="sandbox",
            notice_id=f"again-{order.pk}",
            transaction_id=f"again-{order.pk}",
            checkout_number=order.checkout.number,
            amount_fen=2 * UNIT,
            payer="",
            paid_at=AT,
            at=AT,
        ).outcome

    with Crowd(2) as crowd:
        assert twice(crowd, pay_again, market.numbers) == {"done": 2 * count}
        back = 0
        while Payment.objects.filter(status="returning").exists():

            def send_back() -> int:
                return payments.return_payments(at=AT)

            back += sum(answer.value for answer in crowd.at_once(send_back, send_back))
    assert back == count
    assert Payment.objects.filter(status="returned").count() == count
    assert Payment.objects.filter(status="accepted").count() == count
    assert (len(bank.paid), sum(bank.paid.values())) == (count, count * 2 * UNIT)


def test_money_that_came_twice_goes_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _money_nobody_waits_for(8, monkeypatch)


@pytest.mark.soak
def test_500_refunds_and_500_duplicates_have_exactly_500_effects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _each_step_twice(500, monkeypatch)


@pytest.mark.soak
def test_500_payments_that_came_twice_go_back_500_times(monkeypatch: pytest.MonkeyPatch) -> None:
    _money_nobody_waits_for(500, monkeypatch)
