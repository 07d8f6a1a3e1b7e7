"""K3: an order whose buyer was touched 1,000 times, attributed alone: its statements, counted, and
its time beside the same order of a buyer who was touched once."""

import time
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from backend.core import ids
from commissions import accruals
from commissions.models import Attribution, Touch
from seeds.factories import (
    AccountFactory,
    NoteFactory,
    PlanVersionFactory,
    PromotionLinkFactory,
    SkuFactory,
)
from tests.bench.ground import say, settle_down
from tests.bench.report import Row
from tests.commissions import sales

AT = datetime(2026, 11, 1, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MANY, TIMES = 1_000, 21


def _touched(count: int, links: list[object], note: int) -> object:
    """A buyer with so many touches: by links, one after the other, and by a note between them."""
    buyer = AccountFactory.create()
    Touch.objects.bulk_create(
        Touch(
            click_id=ids.code(22),
            visitor="",
            account=buyer,
            at=AT - place * MINUTE,
            **(
                {"kind": "note", "content_id": note}
                if place % 2
                else {"kind": "referral", "link": links[place % len(links)]}
            ),
        )
        for place in range(count)
    )
    return buyer


def _attributed(sku: object, buyer: object) -> tuple[float, int]:
    """Milliseconds of the fastest of so many orders, and the statements of one."""
    took = []
    for _ in range(TIMES):
        line = sales.sale(at=AT, sku=sku, buyer=buyer)  # type: ignore[arg-type]
        began = time.perf_counter()
        accruals.reconcile_orders([line.order_id], at=AT)
        took.append(time.perf_counter() - began)
        assert Attribution.objects.get(order_line=line).rule == "last_touch"
    line = sales.sale(at=AT, sku=sku, buyer=buyer)  # type: ignore[arg-type]
    with CaptureQueriesContext(connection) as seen:
        accruals.reconcile_orders([line.order_id], at=AT)
    return min(took) * 1_000, len(seen)


def main(lines: int, rounds: int) -> list[Row]:
    """The same order after one touch and after a thousand."""
    PlanVersionFactory.create(starts_at=AT - timedelta(days=9), published_at=AT)
    sku, note = SkuFactory.create(), NoteFactory.create().pk
    links = [PromotionLinkFactory.create(target_id=sku.product_id) for _ in range(10)]
    one, many = (_touched(count, links, note) for count in (1, MANY))
    settle_down()
    few_ms, few = _attributed(sku, one)
    most_ms, most = _attributed(sku, many)
    say(f"1 touch: {few} statements, {few_ms:.1f} ms; {MANY}: {most}, {most_ms:.1f} ms")
    return [
        Row(
            id="K3",
            work=f"attribute an order with {MANY:,} touches",
            against="the same with one touch",
            figure=f"{most} statements against {few}",
            reach="the same number",
            met=most == few,
            more=f"{most_ms:.1f} ms against {few_ms:.1f} ms, fastest of {TIMES}",
        )
    ]
