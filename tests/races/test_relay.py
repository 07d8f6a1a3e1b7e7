"""Several relays at once deliver each event once."""

import threading
from collections.abc import Sequence
from contextlib import suppress

import pytest
from django.db import transaction

from backend import relay
from backend.core import events
from backend.core.clock import now
from backend.core.models import Event
from commissions import accruals
from commissions.models import CommissionOrder
from tests.commissions import sales
from tests.races.crowd import together
from tests.races.test_accruals import AT, sold


@pytest.mark.django_db(transaction=True)
def test_four_relays_deliver_a_thousand_events_once_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    monkeypatch.setitem(
        relay.HANDLERS, "test.kind", (lambda group: seen.extend(e.subject_id for e in group),)
    )
    at = now()
    with transaction.atomic():
        events.record_many(kind="test.kind", subject_ids=list(range(1, 1001)), at=at)
    assert together([lambda: relay.drain(at=at)] * 4) == {"done": 4}
    assert sorted(seen) == list(range(1, 1001))
    assert Event.objects.filter(state="delivered").count() == 1000


@pytest.mark.django_db(transaction=True)
def test_two_relays_with_the_same_orders_in_opposite_events_never_wait_in_a_circle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Row 27: one relay has order 1 received and order 2 refunded, the other order 2 received and
    order 1 refunded. Commissions are locked in one order within a transaction, whatever the kinds
    of its events, so nothing is postponed."""
    lines = sold(2)
    orders = [line.order_id for line in lines]
    accruals.reconcile_orders(orders, at=AT)
    for line in lines:
        sales.receive(line, AT)
        sales.refund(line, 1_000)
    at = now()
    with transaction.atomic():
        for first, second in (orders, reversed(orders)):
            events.record(kind="order.received", subject_id=first, at=at)
            events.record(kind="order.refunded", subject_id=second, at=at)
    monkeypatch.setattr(relay, "BATCH", 2)
    both = threading.Barrier(2)

    def slowly(group: Sequence[Event]) -> None:
        accruals.on_orders(group)
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.5)  # the other relay has its first locks by now

    for kind in ("order.received", "order.refunded"):
        rest = tuple(h for h in relay.HANDLERS[kind] if h is not accruals.on_orders)
        monkeypatch.setitem(relay.HANDLERS, kind, (slowly, *rest))
    assert together([lambda: relay.drain(at=at)] * 2) == {"done": 2}
    assert set(Event.objects.values_list("state", "attempts", "error")) == {("delivered", 0, "")}
    assert set(CommissionOrder.objects.values_list("status", "refunded_fen")) == {
        ("confirmed", 1_000)
    }
