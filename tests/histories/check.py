"""The oracle's word against the database's: every difference, in words."""

from collections import Counter
from typing import Any

from tests.histories.oracle import Oracle
from tests.histories.out import Out
from tests.histories.seen import stamp
from tests.histories.things import Line, Order


def expected_balances(oracle: Oracle, out: Out) -> dict[tuple[str, int, str], int]:
    """Every account that holds something."""
    found = oracle.balances()
    for key, fen in out.balances().items():
        found[key] += fen
    return {key: fen for key, fen in found.items() if fen}


def differences(seen: dict[str, Any], oracle: Oracle, out: Out) -> list[str]:
    """Where they differ; empty where the product is right."""
    return [
        *_books(seen, oracle, out),
        *_each("order", seen["orders"], {str(o.id): _order(o) for o in oracle.orders}),
        *_each("line", seen["lines"], {str(line.id): _line(line) for line in oracle.lines}),
        *_each("commission", seen["commissions"], _commissions(oracle)),
        *_each("refund", seen["refunds"], {r.number: [r.status, r.fen] for r in oracle.refunds}),
        *_each("checkout", seen["checkouts"], {k.number: k.status for k in oracle.checkouts}),
        *_each("payment", seen["payments"], _payments(oracle)),
        *_each("payout", seen["payouts"], {p.number: [p.status, p.fen] for p in out.payouts}),
        *_bank(seen["transfers"], out),
        *_each("events (all, pending)", {"": seen["events"]}, {"": _events(oracle)}),
    ]


def _books(seen: dict[str, Any], oracle: Oracle, out: Out) -> list[str]:
    found = []
    held: dict[tuple[str, int, str], int] = {}
    for owner, number, kind, stored, entered in seen["balances"]:
        if stored != entered:
            found.append(f"{owner} {number} {kind}: stored {stored}, entries {entered}")
        if entered:
            held[owner, number, kind] = entered
    wanted = expected_balances(oracle, out)
    for key in sorted({*held, *wanted}):
        if held.get(key, 0) != wanted.get(key, 0):
            found.append(f"{key} holds {held.get(key, 0)}, must hold {wanted.get(key, 0)}")
    if sum(held.values()):
        found.append(f"all entries sum to {sum(held.values())}")
    if seen["unbalanced"]:
        found.append(f"{seen['unbalanced']} journals do not sum to zero")
    return found


def _each(what: str, seen: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    if seen == wanted:
        return []
    return [
        f"{what} {key}: is {seen.get(key)}, must be {wanted.get(key)}"
        for key in sorted({*seen, *wanted})
        if seen.get(key) != wanted.get(key)
    ]


def _order(order: Order) -> list[Any]:
    is_paid = order.status not in ("pending_payment", "cancelled")
    goods = sum(line.back_fen for line in order.lines)
    return [
        order.status,
        order.total if is_paid else 0,
        goods + order.back_shipping,
        order.back_shipping,
    ]


def _line(line: Line) -> list[int]:
    return [line.paid, line.shipped, line.back_qty, line.back_fen]


def _commissions(oracle: Oracle) -> dict[str, Any]:
    found = {}
    for line in oracle.lines:
        if line.owed is not None:
            parts = {
                role: [line.payees.get(role), fen, line.back[role]]
                for role, fen in line.owed.parts.items()
            }
            found[str(line.id)] = [line.status, line.answered, stamp(line.matures), parts]
    return found


def _payments(oracle: Oracle) -> dict[str, Any]:
    return {
        transaction: [status, checkout.total]
        for checkout in oracle.checkouts
        for transaction, status in checkout.transactions.items()
    }


def _bank(seen: dict[str, list[Any]], out: Out) -> list[str]:
    wanted = out.transfers()
    return [
        f"the bank's {number}: is {seen.get(number)}, must be {wanted.get(number)}"
        for number in sorted({*seen, *wanted})
        if number not in wanted
        or number not in seen
        or seen[number][0] != wanted[number][0]
        or seen[number][1] not in wanted[number][1]
    ]


def _events(oracle: Oracle) -> list[int]:
    return [oracle.told, len(oracle.outbox)]


def stock_differences(seen: dict[str, Any], goods: list[Any]) -> list[str]:
    """Pieces on hand and promised."""
    wanted = {str(good.id): [good.on_hand, good.committed] for good in goods}
    return _each("stock", seen["stock"], wanted)


def wrong_transfers(out: Out) -> int:
    """How many payouts the books must name, because the bank has paid another amount."""
    return Counter(p.mode for p in out.payouts if p.sent and not p.by_bank_file)["wrong_amount"]
