"""The oracle's after-sales: what may be asked back, and what becomes of it (docs/api/orders.md)."""

from datetime import datetime

from tests.histories.oracle import Oracle
from tests.histories.things import (
    ANSWER_WITHIN,
    ATTEMPTS,
    CONFIRM_WITHIN,
    DAY,
    SEND_BACK_WITHIN,
    SHIPPABLE,
    Line,
    Order,
    Refund,
)

Wanted = dict[Line, tuple[int, int | None]]


def everything(order: Order, kind: str) -> Wanted:
    """What "everything that is left" means: of a line of which a part has left its money."""
    found: Wanted = {}
    for line in order.lines:
        units = line.waiting
        if kind == "return_refund" or not units:
            units = line.qty - line.back_qty
        if line.left:
            found[line] = (units, line.left)
    return found


def price(line: Line, qty: int) -> int:
    """What units cost; the last ones take what is left."""
    if qty == line.qty - line.back_qty:
        return line.left
    return min(line.paid * qty // line.qty, line.left)


def restock(line: Line, kind: str, qty: int) -> str:
    """Where the units of a refund go."""
    if kind == "return_refund":
        return "return"
    return "cancel" if qty and line.waiting else "none"


def refusals(
    order: Order, kind: str, wanted: Wanted, at: datetime, *, by_staff: bool = False
) -> set[str]:
    """Every code with which this request may be refused; none: it must be taken."""
    if order.status in ("pending_payment", "cancelled"):
        return {"wrong_state"}
    pieces = wanted or everything(order, kind)
    if not pieces:
        return {"nothing_left"}
    codes: set[str] = set()
    for line, (qty, fen) in pieces.items():
        codes |= _piece_refusals(line, kind, qty, fen)
        if not by_staff:
            codes |= _time_refusals(order, line, at)
    return codes


def _piece_refusals(line: Line, kind: str, qty: int, fen: int | None) -> set[str]:
    codes: set[str] = set()
    if line.busy:
        codes.add("refund_open")
    if not line.left:
        codes.add("nothing_left")
    most = line.outside if kind == "return_refund" else line.waiting or line.outside
    least = 1 if kind == "return_refund" else 0
    if not least <= qty <= most:
        codes.add("qty_exceeds")
    amount = price(line, qty) if fen is None else fen
    if not 1 <= amount <= line.left:
        codes.add("amount_exceeds")
    cancels_all = restock(line, kind, qty) == "cancel" and qty == line.waiting
    if amount == line.left and line.waiting and not cancels_all:
        codes.add("units_missing")
    return codes


def _time_refusals(order: Order, line: Line, at: datetime) -> set[str]:
    codes: set[str] = set()
    over = order.received is not None and at > order.received + line.good.window * DAY
    if over or order.status == "completed":
        codes.add("window_closed")
    if line.asked >= ATTEMPTS:
        codes.add("attempts_exceeded")
    return codes


def ask(
    oracle: Oracle,
    number: str,
    order: Order,
    kind: str,
    wanted: Wanted,
    at: datetime,
    *,
    by_staff: bool = False,
) -> Refund:
    """A request that the product has taken."""
    pieces = {
        line: (qty, price(line, qty) if fen is None else fen, restock(line, kind, qty))
        for line, (qty, fen) in (wanted or everything(order, kind)).items()
    }
    at_once = kind == "refund_only" and all(
        not line.shipped and qty == line.waiting and fen == line.left
        for line, (qty, fen, _) in pieces.items()
    )
    refund = Refund(
        number=number,
        order=order,
        kind=kind,
        pieces=pieces,
        shipping=_shipping(oracle, order, sum(fen for _, fen, _ in pieces.values())),
        status="refunding" if by_staff or at_once else "requested",
        deadline=at + ANSWER_WITHIN,
    )
    for line in pieces:
        line.busy = True
        line.asked += 1
    oracle.refunds.append(refund)
    oracle.seen[f"refund {refund.status}"] += 1
    return refund


def _shipping(oracle: Oracle, order: Order, asked: int) -> int:
    """The shipping fee comes back with the last money of an order of which nothing has left."""
    coming = [r for r in oracle.refunds if r.order is order and r.status == "refunding"]
    given = order.back_shipping + sum(r.shipping for r in coming)
    left = sum(line.left for line in order.lines) - sum(r.fen - r.shipping for r in coming)
    is_last = asked == left and not any(line.shipped for line in order.lines)
    return order.shipping - given if is_last else 0


def decide(refund: Refund, status: str, at: datetime) -> None:
    """Somebody, or time, has answered."""
    refund.status = status
    if status == "awaiting_return":
        refund.deadline = at + SEND_BACK_WITHIN
    if status == "returned":
        refund.deadline = at + CONFIRM_WITHIN
    if status in ("rejected", "withdrawn", "closed", "succeeded"):
        for line in refund.pieces:
            line.busy = False


def overdue(oracle: Oracle, at: datetime) -> dict[Refund, str]:
    """What was not answered in time, and what becomes of it."""
    after = {
        ("requested", "refund_only"): "refunding",
        ("requested", "return_refund"): "awaiting_return",
        ("awaiting_return", "return_refund"): "closed",
        ("returned", "return_refund"): "refunding",
    }
    return {
        refund: after[refund.status, refund.kind]
        for refund in oracle.refunds
        if (refund.status, refund.kind) in after and refund.deadline <= at
    }


def pay_back(oracle: Oracle, at: datetime) -> int:
    """Every refund that waits for the provider succeeds; how many."""
    waiting = [refund for refund in oracle.refunds if refund.status == "refunding"]
    for refund in waiting:
        _succeed(oracle, refund, at)
    return len(waiting)


def _succeed(oracle: Oracle, refund: Refund, at: datetime) -> None:
    order = refund.order
    decide(refund, "succeeded", at)
    for line, (qty, fen, where) in refund.pieces.items():
        line.back_qty += qty
        line.back_fen += fen
        if where == "cancel":
            line.cancelled += qty
            line.good.committed -= qty
        elif where == "return":
            line.good.on_hand += qty
            oracle.seen["units put back"] += qty
    order.back_shipping += refund.shipping
    oracle.say("refunded", order)
    if not any(line.left for line in order.lines):
        order.status = "closed"
        oracle.say("closed", order)
    elif order.status in SHIPPABLE and not any(line.waiting for line in order.lines):
        oracle.all_sent(order, at)
        oracle.say("shipped", order)
    oracle.seen["refund succeeded"] += 1
    oracle.seen["order closed"] += order.status == "closed"
