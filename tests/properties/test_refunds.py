"""Refunds in any pieces: what goes back adds up to what was paid and never exceeds it, and the
stock knows where every unit is (H1, K3's money side)."""

from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.core.clock import now
from backend.core.errors import Refusal
from seeds.factories import AccountFactory
from shops import aftersales, order_book, shipments
from shops.models import Order, OrderLine, Refund, RefundLine
from tests.shops.sales import bought, shipped, shop_of, sku_in

pytestmark = pytest.mark.django_db
HISTORIES = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LINES = st.lists(st.tuples(st.integers(1, 99_999), st.integers(1, 5)), min_size=1, max_size=3)
# What somebody tries next: (act, which line, units, fen or None for their price).
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ship", "ask", "ask", "return", "staff", "yes", "no", "pay"]),
        st.integers(0, 2),
        st.integers(0, 5),
        st.none() | st.integers(1, 120_000),
    ),
    max_size=14,
)


def sold(lines: list[tuple[int, int]], shipping_fen: int) -> Order:
    shop = shop_of(AccountFactory.create())
    skus = [
        (sku_in(shop, price_fen, shipping_fee_fen=shipping_fen), qty) for price_fen, qty in lines
    ]
    return bought(AccountFactory.create(), *skus)


def attempt(order: Order, act: str, line: OrderLine, units: int, fen: int | None) -> None:
    """One step; the verbs may refuse it."""
    at, owner = now(), order.shop.account
    wanted = {line.pk: (units, fen)}
    more: dict[str, Any] = {"number": order.number, "lines": wanted, "at": at}
    requested = Refund.objects.filter(order=order, status="requested").first()
    awaited = Refund.objects.filter(order=order, status="awaiting_return").first()
    if act == "ship":
        with suppress(Refusal):
            shipped(order, **({f"line_{line.pk}": units} if units else {}))
    elif act in ("ask", "return"):
        kind = "refund_only" if act == "ask" else "return_refund"
        aftersales.request(buyer=order.buyer, kind=kind, reason="x", note="", **more)
    elif act == "staff":
        staff = AccountFactory.create(is_staff=True)
        aftersales.staff_refund(by=staff, reason="x", **more)
    elif act == "yes" and requested:
        aftersales.approve(account=owner, number=requested.number, at=at)
    elif act == "yes" and awaited:
        sent = {"carrier": "x", "tracking_number": "SF01"}
        aftersales.send_back(account=order.buyer, number=awaited.number, at=at, **sent)
        aftersales.confirm_return(account=owner, number=awaited.number, at=at)
    elif act == "no" and requested:
        aftersales.reject(account=owner, number=requested.number, reason="x", at=at)
    elif act == "pay":
        aftersales.complete_refunds(at=at)


def check(order: Order) -> None:
    """Everything that must hold at any moment."""
    order.refresh_from_db()
    lines = list(order_book.lines_with_rest(order.pk))
    for line in lines:
        back = RefundLine.objects.filter(order_line=line, refund__status="succeeded")
        assert sum(piece.amount_fen for piece in back) == line.refunded_fen <= line.paid_fen
        assert sum(piece.qty for piece in back) == line.refunded_qty <= line.qty
        returned = sum(piece.qty for piece in back if piece.restock == "return")
        waiting = order_book.to_ship(line)
        assert (line.sku.on_hand, line.sku.committed) == (
            100 - line.shipped_qty + returned,
            waiting,
        )
        assert line.refunded_fen < line.paid_fen or waiting == 0, "unpaid goods would be sent"
    goods = sum(line.refunded_fen for line in lines)
    assert order.refunded_fen == goods + order.refunded_shipping_fen <= order.paid_fen
    assert (order.status == "closed") == all(line.refunded_fen == line.paid_fen for line in lines)
    waits = any(order_book.to_ship(line) for line in lines)
    assert order.status != "shipped" or not waits
    assert order.refunded_shipping_fen == 0 or not any(line.shipped_qty for line in lines)


@HISTORIES
@given(lines=LINES, shipping_fen=st.integers(0, 2_000), steps=STEPS)
def test_any_history_of_parcels_and_refunds_adds_up(
    lines: list[tuple[int, int]], shipping_fen: int, steps: list[Any]
) -> None:
    with transaction.atomic():
        order = sold(lines, shipping_fen)
        for act, which, units, fen in steps:
            line = order.lines.order_by("id")[which % len(lines)]
            with suppress(Refusal):
                attempt(order, act, line, units, fen)
            check(order)
        aftersales.complete_refunds(at=now())
        check(order)
        transaction.set_rollback(True)


@HISTORIES
@given(
    price_fen=st.integers(1, 99_999),
    qty=st.integers(1, 6),
    cut=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    odd_fen=st.integers(0, 500),
)
def test_any_cut_of_a_line_into_units_adds_up_to_what_was_paid(
    price_fen: int, qty: int, cut: list[int], odd_fen: int
) -> None:
    """Pieces by units, after a compensation that makes the units' prices uneven."""
    with transaction.atomic():
        order = sold([(price_fen, qty)], 0)
        shipped(order)
        line = order.lines.get()
        staff = AccountFactory.create(is_staff=True)

        def back(units: int, fen: int | None) -> None:
            aftersales.staff_refund(
                by=staff,
                number=order.number,
                lines={line.pk: (units, fen)},
                reason="x",
                at=now(),
            )
            aftersales.complete_refunds(at=now())
            check(order)

        if 0 < odd_fen < price_fen:
            back(0, odd_fen)
        left = qty
        for wanted in [*cut, qty]:
            units = min(wanted, left)
            if units:
                back(units, None)
            left -= units
        line.refresh_from_db()
        assert (line.refunded_fen, line.refunded_qty) == (line.paid_fen, qty)
        assert (order.status, order.refunded_fen) == ("closed", order.paid_fen)
        transaction.set_rollback(True)


def test_the_check_sees_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The property's own test: a refund that books no units is caught."""
    from shops.aftersales import completing

    broken = completing._BOOK_LINES.replace("l.refunded_qty + r.qty\n", "l.refunded_qty\n")
    monkeypatch.setattr(completing, "_BOOK_LINES", broken)
    order = sold([(1_000, 2)], 0)
    line = order.lines.get()
    shipments.ship(
        account=order.shop.account,
        number=order.number,
        carrier="x",
        tracking_number="SF01",
        lines={line.pk: 1},
        at=now(),
    )
    attempt(order, "staff", line, 1, None)
    aftersales.complete_refunds(at=now())
    with pytest.raises(AssertionError):
        check(order)
