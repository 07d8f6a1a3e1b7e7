"""All jobs of money at once: refunds, relay, settlement, folding and payouts beside each other,
from the verbs of the doors to the audit of the books (rows 1, 2, 8, 11, 27; I1–I10)."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.contrib.auth.models import Permission

from backend import relay
from backend.core import ids
from backend.core.errors import Refusal
from backend.core.models import Event
from commissions import books, ledger, payees, payouts, settlement
from commissions.models import CommissionOrder, Payout, Promoter
from seeds import factories as f
from shops import aftersales, checkout, metrics, orders, payments, shipments
from shops.models import Order, Refund
from tests.races.crowd import deadlocks, together

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
DAY = timedelta(days=1)
DUE = AT + 8 * DAY  # one day after the windows of what was received at once
COUNT = 24
PRICE = 9_973  # prime, so that every piece and every share is rounded


def _market() -> tuple[Promoter, list[Order]]:
    """Received orders of one shop, found through one promoter's link."""
    f.PlanVersionFactory.create(starts_at=AT - DAY)
    sku = f.SkuFactory.create(price_fen=PRICE, on_hand=1_000)
    f.CommissionOfferFactory.create(product=sku.product, starts_at=AT - DAY)
    sponsor = f.PromoterFactory.create(joined_at=AT - DAY)
    promoter = f.PromoterFactory.create(sponsor=sponsor, joined_at=AT - DAY)
    link = f.PromotionLinkFactory.create(promoter=promoter, target_id=sku.product_id)
    touch = f.TouchFactory.create(link=link, at=AT - timedelta(hours=1))
    made = []
    for _ in range(COUNT):
        buyer = f.AccountFactory.create()
        placed = checkout.place(
            buyer=buyer,
            lines=[checkout.LineRequest(sku.pk, 3)],
            address_id=f.AddressFactory.create(account=buyer).pk,
            expected_total_fen=3 * PRICE,
            click_id=touch.click_id,
            at=AT,
        )
        payments.record_payment(
            provider="sandbox",
            notice_id=ids.code(22),
            transaction_id=ids.code(22),
            checkout_number=placed.number,
            amount_fen=placed.total_fen,
            payer="",
            paid_at=AT,
            at=AT,
        )
        order = placed.orders.get()
        shipments.ship(
            account=order.shop.account,
            number=order.number,
            carrier="顺丰",
            tracking_number=ids.code(10),
            lines={},
            at=AT,
        )
        made.append(orders.receive(buyer=buyer, number=order.number, at=AT))
    return promoter, made


def _for_seconds(seconds: float, act: Callable[[random.Random], object], seed: int) -> None:
    """Does `act` again and again; what the rules refuse is part of the game."""
    dice, end = random.Random(seed), time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            act(dice)
        except Refusal:
            continue


def test_whatever_runs_beside_whatever_the_books_are_clean() -> None:
    promoter, sold = _market()
    payees.add(
        account=promoter.account, provider="sandbox", holder_name="李", number="62220001", at=AT
    )
    staff = f.AccountFactory.create(is_staff=True, is_superuser=True)
    checker = f.AccountFactory.create(is_staff=True)
    checker.user_permissions.set(Permission.objects.filter(codename="approve_payout"))

    def refund(dice: random.Random) -> None:
        order = dice.choice(sold)
        line = order.lines.get()
        left = line.paid_fen - line.refunded_fen
        fen = left if left < 500 or dice.random() < 0.2 else dice.randint(1, left - 1)
        aftersales.staff_refund(
            by=staff, number=order.number, lines={line.pk: (0, fen)}, reason="x", at=DUE
        )

    def ask(dice: random.Random) -> None:
        payout = payouts.request(
            account=promoter.account, amount_fen=dice.randint(100, 3_000), at=DUE
        )
        if dice.random() < 0.4:
            payouts.cancel(account=promoter.account, number=payout.number, at=DUE)
            return
        payouts.prepare(number=payout.number, by=staff, at=DUE)
        payouts.approve(number=payout.number, by=checker, at=DUE)

    jobs: list[Callable[[random.Random], object]] = [
        refund,
        refund,
        lambda dice: aftersales.complete_refunds(at=DUE),
        lambda dice: aftersales.complete_refunds(at=DUE),
        lambda dice: relay.drain(at=DUE, limit=7),
        lambda dice: relay.drain(at=DUE, limit=7),
        lambda dice: settlement.settle_due(at=DUE, chunk=3, limit=2),
        lambda dice: settlement.settle_due(at=DUE, chunk=3, limit=2),
        lambda dice: orders.complete_orders(at=DUE),
        lambda dice: metrics.roll_up(at=DUE),
        lambda dice: ledger.fold(batch=9),
        ask,
        lambda dice: payouts.send_payouts(at=DUE, limit=3),
    ]
    before = deadlocks()
    done = together([partial(_for_seconds, 1.5, job, seed) for seed, job in enumerate(jobs)])
    assert done == {"done": len(jobs)}
    assert deadlocks() == before
    aftersales.complete_refunds(at=DUE)
    # An order whose refund was open to the end could not be completed by anybody before.
    orders.complete_orders(at=DUE)
    relay.drain(at=DUE + timedelta(hours=1))
    settlement.settle_due(at=DUE)
    payouts.send_payouts(at=DUE)
    metrics.roll_up(at=DUE)
    assert set(Event.objects.values_list("state", "attempts")) == {("delivered", 0)}
    assert books.check(at=DUE + timedelta(minutes=1)) == []
    # Only after all that is it worth knowing that something happened.
    assert Refund.objects.filter(status="succeeded").count() > 10
    assert Payout.objects.filter(status="paid").exists()
    assert CommissionOrder.objects.filter(status="settled").exists()
