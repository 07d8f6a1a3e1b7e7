"""Stock 库存: taken, given back and corrected; every change leaves its movement.

Two buyers who want the last unit both pass any check made in Python; only one of them passes
`WHERE on_hand - committed >= qty` (C4). Rows are always taken in the order of their SKU ids, so
two orders of the same goods never wait for each other in a circle (measured: 749 dead-locks of
960 orders unsorted, none sorted).

`reserve`, `release`, `ship` and `put_back` run inside the caller's transaction. A caller whose
one transaction touches the stock of several orders passes all their lines in one call.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.expressions import CombinedExpression

from backend.accounts.models import Account
from backend.core.errors import Invalid, NotFound, Refusal
from shops.models import Sku, StockMovement

MAX_ON_HAND = 10_000_000
LOW_STOCK = 5


class InsufficientStock(Refusal):
    """Fewer units are left than were asked for; `sku` and `available` say which and how many."""

    code = "insufficient_stock"
    status = 409
    title = "Not enough in stock"


class BelowCommitted(Refusal):
    """The correction would take units that orders have already been promised."""

    code = "below_committed"
    status = 409
    title = "Orders already hold these units"


class StockTooLarge(Refusal):
    """A SKU holds at most 10,000,000 units."""

    code = "stock_too_large"
    status = 422
    title = "A SKU holds at most 10,000,000 units"


@dataclass(frozen=True, slots=True)
class StockLine:
    """`qty` units (above 0) of one SKU, for an order line where there is one already."""

    sku_id: int
    qty: int
    order_line_id: int | None = None


def level(available: int) -> str:
    """What the public may know of a stock: in_stock, low_stock (5 or fewer) or sold_out."""
    if available <= 0:
        return "sold_out"
    return "low_stock" if available <= LOW_STOCK else "in_stock"


def adjust(*, account: Account, sku_id: int, delta: int, reason: str, at: datetime) -> Sku:
    """Corrects the stock of an own SKU by `delta` units, never to a number: two people who count
    at the same time do not undo each other.

    :raises NotFound: not a SKU of this account's shop.
    :raises Invalid: a delta of 0.
    :raises InsufficientStock: more units would go than are there.
    :raises BelowCommitted: fewer units would stay than orders hold.
    :raises StockTooLarge: more than 10,000,000 units would be there.
    """
    if delta == 0:
        raise Invalid("A correction of 0 changes nothing.", fields={"delta": ["May not be 0."]})
    if delta > MAX_ON_HAND:
        raise StockTooLarge(fields={"delta": ["Too many units."]})
    with transaction.atomic():
        own = Sku.objects.filter(pk=sku_id, product__shop__account=account)
        if not own.exists():
            raise NotFound()
        fits = Sku.objects.filter(
            pk=sku_id, on_hand__gte=F("committed") - delta, on_hand__lte=MAX_ON_HAND - delta
        )
        changed = fits.update(on_hand=F("on_hand") + delta)
        sku = own.get()
        if not changed:
            raise _why_not(sku, delta)
        StockMovement.objects.create(
            sku=sku,
            kind=StockMovement.Kind.ADJUST,
            delta_on_hand=delta,
            by=account,
            reason=reason,
            at=at,
        )
    return sku


def _why_not(sku: Sku, delta: int) -> Refusal:
    available = sku.on_hand - sku.committed
    if delta > 0:
        return StockTooLarge(fields={"delta": ["Too many units."]})
    if sku.on_hand + delta < 0:
        return InsufficientStock(sku=sku.pk, available=available)
    return BelowCommitted(sku=sku.pk, available=available, committed=sku.committed)


def reserve(*, lines: Sequence[StockLine], at: datetime) -> None:
    """Holds units for an order that was placed: committed += qty.

    All lines or none: on a refusal the caller's transaction must roll back.

    :raises InsufficientStock: a SKU has fewer units free, is inactive or does not exist; with
        the extra members `sku` and `available`.
    """
    for sku_id, qty in _wanted(lines):
        free = Sku.objects.alias(free=F("on_hand") - F("committed"))
        taken = free.filter(pk=sku_id, is_active=True, free__gte=qty).update(
            committed=F("committed") + qty
        )
        if not taken:
            raise InsufficientStock(sku=sku_id, available=available_of(sku_id))
    _record(StockMovement.Kind.RESERVE, lines, at, committed=1)


def release(*, lines: Sequence[StockLine], at: datetime) -> None:
    """Gives held units back, of an order that was cancelled or refunded unshipped:
    committed -= qty."""
    for sku_id, qty in _wanted(lines):
        held = Sku.objects.filter(pk=sku_id, committed__gte=qty)
        _must(held, sku_id, qty, committed=F("committed") - qty)
    _record(StockMovement.Kind.RELEASE, lines, at, committed=-1)


def ship(*, lines: Sequence[StockLine], at: datetime) -> None:
    """Held units leave the house: on_hand -= qty, committed -= qty."""
    for sku_id, qty in _wanted(lines):
        held = Sku.objects.filter(pk=sku_id, committed__gte=qty)
        _must(held, sku_id, qty, on_hand=F("on_hand") - qty, committed=F("committed") - qty)
    _record(StockMovement.Kind.SHIP, lines, at, on_hand=-1, committed=-1)


def put_back(*, lines: Sequence[StockLine], at: datetime) -> None:
    """Returned units are on the shelf again: on_hand += qty."""
    for sku_id, qty in _wanted(lines):
        _must(Sku.objects.filter(pk=sku_id), sku_id, qty, on_hand=F("on_hand") + qty)
    _record(StockMovement.Kind.RETURN, lines, at, on_hand=1)


def available_of(sku_id: int) -> int:
    """Units of a SKU that can be ordered now; 0 for an inactive or unknown one."""
    found = Sku.objects.filter(pk=sku_id, is_active=True).values_list("on_hand", "committed")
    return sum(on_hand - committed for on_hand, committed in found)


def _wanted(lines: Sequence[StockLine]) -> list[tuple[int, int]]:
    """Units per SKU in the one order in which everybody locks."""
    assert connection.in_atomic_block, "stock moves in the transaction of its order"
    assert all(line.qty > 0 for line in lines), "a stock line has a quantity"
    wanted: Counter[int] = Counter()
    for line in lines:
        wanted[line.sku_id] += line.qty
    return sorted(wanted.items())


def _must(rows: QuerySet[Sku], sku_id: int, qty: int, **changes: CombinedExpression) -> None:
    """An UPDATE that only a bug can miss: these units were taken before."""
    moved = rows.update(**changes)
    assert moved == 1, f"SKU {sku_id} does not hold {qty} units"


def _record(
    kind: StockMovement.Kind,
    lines: Sequence[StockLine],
    at: datetime,
    *,
    on_hand: int = 0,
    committed: int = 0,
) -> None:
    StockMovement.objects.bulk_create(
        StockMovement(
            sku_id=line.sku_id,
            kind=kind,
            delta_on_hand=on_hand * line.qty,
            delta_committed=committed * line.qty,
            order_line_id=line.order_line_id,
            at=at,
        )
        for line in lines
    )
