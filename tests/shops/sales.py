"""What the tests of orders share: a shop with goods, a buyer who buys, a provider who pays."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from backend.accounts.models import Account
from backend.core import ids
from backend.core.clock import now
from seeds.factories import AddressFactory, ProductFactory, ShopFactory, SkuFactory
from shops import aftersales, checkout, orders, payments, shipments
from shops.checkout import LineRequest
from shops.models import Checkout, Order, OrderLine, Payment, Refund, Shop, Sku
from shops.providers import sandbox

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def shop_of(account: Account, **fields: Any) -> Shop:
    """The account's open shop."""
    return ShopFactory.create(account=account, **fields)


def sku_in(shop: Shop, price_fen: int = 12_900, on_hand: int = 100, **product: Any) -> Sku:
    """A SKU of a product of its own, on sale in this shop."""
    return SkuFactory.create(
        product=ProductFactory.create(shop=shop, **product), price_fen=price_fen, on_hand=on_hand
    )


def address_of(account: Account) -> int:
    """The id of an address of the account's."""
    return AddressFactory.create(account=account, is_default=False).pk


def place(buyer: Account, *wanted: tuple[Sku, int], at: datetime | None = None) -> Checkout:
    """A checkout of (SKU, units), at the price we quote."""
    at = at or now()
    lines = [LineRequest(sku.pk, qty) for sku, qty in wanted]
    total = checkout.quote(buyer=buyer, lines=lines, at=at).total_fen
    return checkout.place(
        buyer=buyer,
        lines=lines,
        address_id=address_of(buyer),
        expected_total_fen=total,
        at=at,
    )


def pay(placed: Checkout, at: datetime | None = None) -> None:
    """The provider says that the checkout is paid."""
    at = at or now()
    payments.record_payment(
        provider="sandbox",
        notice_id=ids.code(22),
        transaction_id=ids.code(22),
        checkout_number=placed.number,
        amount_fen=placed.total_fen,
        payer="",
        paid_at=at,
        at=at,
    )


def bought(buyer: Account, *wanted: tuple[Sku, int], at: datetime | None = None) -> Order:
    """A paid order of one shop."""
    placed = place(buyer, *wanted, at=at)
    pay(placed, at)
    return placed.orders.get()


def shipped(order: Order, at: datetime | None = None, **units: int) -> Order:
    """The order with everything that is left sent."""
    shipments.ship(
        account=order.shop.account,
        number=order.number,
        carrier="顺丰",
        tracking_number=f"SF{ids.code(8)}",
        lines={int(line.removeprefix("line_")): qty for line, qty in units.items()},
        at=at or now(),
    )
    order.refresh_from_db()
    return order


def received(order: Order, at: datetime | None = None) -> Order:
    """The order sent and received."""
    orders.receive(buyer=order.buyer, number=shipped(order, at).number, at=at or now())
    order.refresh_from_db()
    return order


def ask_back(
    order: Order,
    kind: str = "refund_only",
    at: datetime | None = None,
    lines: dict[int, tuple[int, int]] | None = None,
) -> Refund:
    """The buyer asks for money back: everything, or (units, fen) by line id."""
    wanted = lines or {line.pk: (line.qty, line.paid_fen) for line in order.lines.all()}
    return aftersales.request(
        buyer=order.buyer,
        number=order.number,
        kind=kind,
        reason="不想要了",
        lines=wanted,
        note="",
        at=at or now(),
    )


def callback(client: APIClient, placed: Checkout, **changes: Any) -> Any:
    """POSTs the sandbox's signed callback of a checkout; `changes` as build_callback takes them,
    `headers` and `body` after signing."""
    headers, body = changes.pop("headers", {}), changes.pop("body", None)
    fields = {
        "checkout_number": placed.number,
        "amount_fen": placed.total_fen,
        "at": now(),
        **changes,
    }
    ready = sandbox.build_callback(**fields)
    sent = {**ready.headers, **headers}
    return client.post(
        sandbox.PATH,
        data=body if body is not None else ready.body,
        content_type="application/json",
        headers={name: value for name, value in sent.items() if name != "Content-Type"},
    )


@dataclass(frozen=True)
class Figures:
    """Everything that money and stock are, to be compared before and after."""

    orders: list[tuple[Any, ...]]
    lines: list[tuple[Any, ...]]
    stock: list[tuple[int, int, int]]
    payments: list[tuple[str, str]]
    refunds: list[tuple[str, int]]


def figures() -> Figures:
    """A snapshot: equal snapshots mean that nothing moved."""
    return Figures(
        list(
            Order.objects.order_by("id").values_list(
                "id", "status", "paid_fen", "refunded_fen", "refunded_shipping_fen"
            )
        ),
        list(
            OrderLine.objects.order_by("id").values_list(
                "id", "paid_fen", "shipped_qty", "refunded_qty", "refunded_fen"
            )
        ),
        list(Sku.objects.order_by("id").values_list("id", "on_hand", "committed")),
        list(Payment.objects.order_by("id").values_list("transaction_id", "status")),
        list(Refund.objects.order_by("id").values_list("status", "amount_fen")),
    )


def refused(answer: Any, status: int, code: str) -> None:
    """Asserts a refusal by its status and code."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.content


def key() -> dict[str, str]:
    """A fresh Idempotency-Key header."""
    return {"Idempotency-Key": ids.code(12)}


@pytest.fixture
def at() -> datetime:
    """The present of a test."""
    return now()
