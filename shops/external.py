"""External orders 站外订单: orders made on other platforms, which stand here as order lines so that
everything that is owed for a line can be owed for them.

Nothing happens to such an order here: no payment, stock, parcel or after-sale; it counts in no
GMV. A partner's word moves it: received, refunded (docs/decisions/0017). Each line is an order of
its own, for one order may hold the same goods twice.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from backend.core import ids
from backend.core.sql import columns, numbers, run, texts, tuples


class ExternalLine(NamedTuple):
    """One line of an order made elsewhere; `paid_fen` for `qty` pieces, the instants as ISO text,
    `window_days` after the receipt nothing comes back any more."""

    sku_id: int
    qty: int
    paid_fen: int
    paid_at: str
    fee_bps: int
    commission_bps: int
    offer_id: int | None
    window_days: int
    referral_code: str
    click_id: str


class Change(NamedTuple):
    """What a partner has told since about a line: refunded in all, and when it was received."""

    line_id: int
    refunded_fen: int
    received_at: str


class Made(NamedTuple):
    """A line that stands here now, and its order."""

    line_id: int
    order_id: int


_RECORD = """
WITH wanted AS MATERIALIZED (
    SELECT w.*, -- the price of a piece, rounded up; the discount is what is above
        (w.paid_fen + w.qty - 1) / w.qty AS price_fen, s.product_id, s.options, p.title, p.shop_id,
        nextval('shops_checkout_id_seq') AS checkout_id, nextval('shops_order_id_seq') AS order_id,
        nextval('shops_orderline_id_seq') AS line_id
    FROM unnest(%(numbers)s::text[], %(sku_id)s::bigint[], %(qty)s::int[], %(paid_fen)s::bigint[],
        %(paid_at)s::timestamptz[], %(fee_bps)s::int[], %(commission_bps)s::int[],
        %(offer_id)s::bigint[], %(window_days)s::int[], %(referral_code)s::text[],
        %(click_id)s::text[]) WITH ORDINALITY
        AS w(number, sku_id, qty, paid_fen, paid_at, fee_bps, commission_bps, offer_id,
             window_days, referral_code, click_id, place)
    JOIN shops_sku s ON s.id = w.sku_id JOIN shops_product p ON p.id = s.product_id
),
checkouts AS (
    INSERT INTO shops_checkout (id, number, buyer_id, address, total_fen, status, click_id,
        created_at, expires_at)
    SELECT checkout_id, number, %(buyer)s::bigint, '{}'::jsonb, paid_fen, 'paid', click_id,
        paid_at, paid_at
    FROM wanted
),
orders AS (
    INSERT INTO shops_order (id, number, checkout_id, shop_id, buyer_id, status, goods_fen,
        shipping_fen, discount_fen, payable_fen, paid_fen, refunded_fen, refunded_shipping_fen,
        placed_at, paid_at)
    SELECT order_id, number, checkout_id, shop_id, %(buyer)s::bigint, 'external', price_fen * qty,
        0, price_fen * qty - paid_fen, paid_fen, paid_fen, 0, 0, paid_at, paid_at
    FROM wanted
),
lines AS (
    INSERT INTO shops_orderline (id, order_id, sku_id, product_id, title, options, unit_price_fen,
        qty, discount_fen, payable_fen, paid_fen, shipped_qty, refunded_qty, refunded_fen,
        return_window_days, fee_bps, commission_bps, offer_id, source_kind, referral_code)
    SELECT line_id, order_id, sku_id, product_id, title, options, price_fen, qty,
        price_fen * qty - paid_fen, paid_fen, paid_fen, 0, 0, 0, window_days, fee_bps,
        commission_bps, offer_id, 'external', referral_code
    FROM wanted
),
history AS (
    INSERT INTO shops_orderevent (order_id, kind, data, at)
    SELECT order_id, 'external', '{}'::jsonb, %(at)s::timestamptz FROM wanted
)
SELECT line_id, order_id FROM wanted ORDER BY place
"""
_TEXTS = {"paid_at", "referral_code", "click_id"}


def record(*, lines: Sequence[ExternalLine], buyer_id: int, at: datetime) -> list[Made]:
    """Lets these lines stand here as paid, each in an order of its own, in one statement; their
    ids in the order given. Runs inside the caller's transaction."""
    assert connection.in_atomic_block, "an external order belongs to the transaction of its notice"
    if not lines:
        return []
    found = zip(ExternalLine._fields, columns(lines, len(ExternalLine._fields)), strict=True)
    asked = {name: (texts if name in _TEXTS else numbers)(column) for name, column in found}
    asked |= {"numbers": texts([ids.number("X", at) for _ in lines])}
    return [Made(*row) for row in tuples(_RECORD, {**asked, "buyer": buyer_id, "at": at})]


_CHANGE = """
WITH told AS (
    SELECT w.id, w.refunded_fen, nullif(w.received_at, '')::timestamptz AS received_at
    FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS w(id, refunded_fen, received_at)
),
lines AS (
    UPDATE shops_orderline l SET refunded_fen = told.refunded_fen
    FROM told WHERE l.id = told.id AND l.refunded_fen < told.refunded_fen
)
UPDATE shops_order o SET refunded_fen = greatest(o.refunded_fen, told.refunded_fen),
    received_at = coalesce(o.received_at, told.received_at),
    aftersale_until = CASE WHEN coalesce(o.received_at, told.received_at) IS NOT NULL THEN
        coalesce(o.received_at, told.received_at) + make_interval(days => l.return_window_days) END
FROM told JOIN shops_orderline l ON l.id = told.id
WHERE o.id = l.order_id AND o.status = 'external'
"""


def change(*, changes: Sequence[Change]) -> int:
    """Brings external lines to what was told: refunded never shrinks, the first receipt counts.
    Returns how many orders that were. Runs inside the caller's transaction."""
    assert connection.in_atomic_block, "a change belongs to the transaction of its notice"
    if not changes:
        return 0
    line_ids, refunded, received = columns(changes, 3)
    return run(_CHANGE, [numbers(line_ids), numbers(refunded), texts(received)])
