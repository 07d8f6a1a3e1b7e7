"""Orders as the shops' verbs leave them behind, written directly: commissions are state-based,
so their tests need the state alone."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F

from backend.accounts.models import Account
from backend.core import ids
from commissions import ledger
from seeds.factories import AccountFactory, SkuFactory
from shops.models import Checkout, Order, OrderLine, Refund, RefundLine, Sku

WINDOW = timedelta(days=7)


def sale(
    *,
    at: datetime,
    sku: Sku | None = None,
    buyer: Account | None = None,
    qty: int = 1,
    rate_bps: int = 2_000,
    fee_bps: int = 500,
    price_fen: int | None = None,
    referral_code: str = "",
    click_id: str = "",
    source: tuple[str, int | None] = ("direct", None),
    paid: bool = True,
) -> OrderLine:
    """An order of one line, paid at the moment it is placed; its line."""
    sku = sku or SkuFactory.create()
    buyer = buyer or AccountFactory.create()
    price = price_fen or sku.price_fen
    total = price * qty
    checkout = Checkout.objects.create(
        number=ids.number("C", at),
        buyer=buyer,
        address={},
        total_fen=total,
        status="paid" if paid else "pending",
        click_id=click_id,
        created_at=at,
        expires_at=at + timedelta(minutes=30),
    )
    order = Order.objects.create(
        number=ids.number("O", at),
        checkout=checkout,
        shop=sku.product.shop,
        buyer=buyer,
        status="paid" if paid else "pending_payment",
        goods_fen=total,
        payable_fen=total,
        paid_fen=total if paid else 0,
        placed_at=at,
        paid_at=at if paid else None,
    )
    return OrderLine.objects.create(
        order=order,
        sku=sku,
        product=sku.product,
        title=sku.product.title,
        unit_price_fen=price,
        qty=qty,
        payable_fen=total,
        paid_fen=total if paid else 0,
        return_window_days=7,
        fee_bps=fee_bps,
        commission_bps=rate_bps,
        source_kind=source[0],
        source_id=source[1],
        referral_code=referral_code,
    )


def pay(line: OrderLine, at: datetime) -> None:
    """The order of this line is paid."""
    Order.objects.filter(pk=line.order_id).update(
        status="paid", paid_at=at, paid_fen=F("payable_fen")
    )
    OrderLine.objects.filter(pk=line.pk).update(paid_fen=F("payable_fen"))


def receive(line: OrderLine, at: datetime) -> None:
    """The order of this line is received; the after-sale window is 7 days."""
    Order.objects.filter(pk=line.order_id).update(
        status="received", received_at=at, aftersale_until=at + WINDOW
    )


def refund(line: OrderLine, fen: int) -> None:
    """A refund of the line succeeds."""
    Order.objects.filter(pk=line.order_id).update(refunded_fen=F("refunded_fen") + fen)
    OrderLine.objects.filter(pk=line.pk).update(refunded_fen=F("refunded_fen") + fen)


def open_refund(line: OrderLine, at: datetime) -> RefundLine:
    """The buyer asks for money back; nobody has answered."""
    asked = Refund.objects.create(
        number=ids.number("R", at),
        order_id=line.order_id,
        kind="refund_only",
        reason="other",
        amount_fen=1,
        requested_at=at,
        deadline_at=at + timedelta(hours=48),
    )
    return RefundLine.objects.create(refund=asked, order_line=line, qty=0, amount_fen=1)


def fen_of(account: Account, kind: str) -> int:
    """A person's balance."""
    return ledger.balance(ledger.AccountKey("person", account.pk, kind))


def house(owner: str, kind: str, owner_id: int = 0) -> int:
    """A balance of the platform, of charity or of a shop."""
    return ledger.balance(ledger.AccountKey(owner, owner_id, kind))


def splits(commission: Any) -> dict[str, tuple[int, int]]:
    """Amount and reversed amount by role."""
    return {s.role: (s.amount_fen, s.reversed_fen) for s in commission.splits.all()}
