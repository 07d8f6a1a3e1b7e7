"""Taking rows: what each of them means for what is known, and bringing the lines to it.

All rows of a batch are looked up by one statement and written by a few, whatever their number.
Batches of one source wait for each other on the source's row, so a line told twice at the same
moment is written once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from backend.core.sql import columns, numbers, rows, run, texts
from commissions import accruals
from commissions.conversions.reading import Row
from commissions.conversions.verdicts import Verdict
from commissions.models import ConversionSource
from shops import external

EARLY = timedelta(hours=1)  # a partner's clock may be ahead of ours by so much

# One row. The source's row is the place where batches of it meet.
_LOCK = "SELECT 1 FROM commissions_conversionsource WHERE id = %s FOR NO KEY UPDATE"
# Each row is looked up by its keys (LIMIT 1 leaves the planner no other way): while a file is
# taken, the tables grow by a thousand rows at a time and their statistics are always of before.
_KNOWN = """
SELECT g.sku_id, coalesce(g.rate_bps, offer.rate_bps) AS rate_bps,
    CASE WHEN g.rate_bps IS NULL THEN offer.id END AS offer_id,
    coalesce(named.code, clicked.code, '') AS code, coalesce(t.click_id, '') AS click,
    c.external_sku, c.paid_fen, l.id AS line_id, l.order_id, l.refunded_fen,
    l.received_at IS NOT NULL AS is_received
FROM unnest(%(order)s::text[], %(line)s::text[], %(sku)s::text[], %(paid_at)s::timestamptz[],
    %(code)s::text[], %(click)s::text[]) WITH ORDINALITY
    AS w("order", line, sku, paid_at, code, click, place)
LEFT JOIN commissions_conversiongoods g ON g.source_id = %(source)s AND g.external_sku = w.sku
LEFT JOIN shops_sku s ON s.id = g.sku_id
LEFT JOIN LATERAL (
    SELECT f.id, f.rate_bps FROM commissions_commissionoffer f
    WHERE f.product_id = s.product_id AND f.starts_at <= w.paid_at
      AND (f.ends_at IS NULL OR w.paid_at < f.ends_at)
    ORDER BY f.starts_at DESC, f.id DESC LIMIT 1) offer ON g.rate_bps IS NULL
LEFT JOIN commissions_promotionlink named ON w.code <> '' AND named.code = w.code
LEFT JOIN LATERAL (
    SELECT t.click_id, t.link_id FROM commissions_touch t
    WHERE t.click_id = w.click LIMIT 1) t ON w.click <> ''
LEFT JOIN commissions_promotionlink clicked ON clicked.id = t.link_id
LEFT JOIN LATERAL (
    SELECT c.external_sku, c.paid_fen, c.order_line_id FROM commissions_conversion c
    WHERE c.source_id = %(source)s AND c.external_order = w."order" AND c.external_line = w.line
    LIMIT 1) c ON true
LEFT JOIN LATERAL (
    SELECT l.id, l.order_id, l.refunded_fen, o.received_at
    FROM shops_orderline l JOIN shops_order o ON o.id = l.order_id
    WHERE l.id = c.order_line_id LIMIT 1) l ON true
ORDER BY w.place
"""
_KEEP = """
INSERT INTO commissions_conversion
    (source_id, external_order, external_line, external_sku, order_line_id, paid_fen, created_at)
SELECT %(source)s::bigint, w.o, w.l, w.s, w.line_id, w.paid_fen, %(at)s::timestamptz
FROM unnest(%(orders)s::text[], %(lines)s::text[], %(skus)s::text[], %(line_ids)s::bigint[],
    %(paid)s::bigint[]) AS w(o, l, s, line_id, paid_fen)
"""


def take(*, source: ConversionSource, told: Sequence[Row], at: datetime) -> list[Verdict]:
    """Takes these rows in their order and says of each what became of it. Runs inside the
    caller's transaction; a line told twice in a batch is taken twice, one after the other."""
    assert connection.in_atomic_block, "the verdicts commit with what they say"
    run(_LOCK, [source.pk])
    verdicts: list[Verdict] = [Verdict.UNCHANGED] * len(told)
    waiting = list(range(len(told)))
    while waiting:
        batch: list[int] = []
        later: list[int] = []
        seen: set[tuple[str, ...]] = set()
        for place in waiting:
            key = (told[place].order, told[place].line)
            (later if key in seen else batch).append(place)
            seen.add(key)
        for place, verdict in zip(
            batch, _take_once(source, [told[place] for place in batch], at), strict=True
        ):
            verdicts[place] = verdict
        waiting = later
    return verdicts


def _take_once(source: ConversionSource, told: list[Row], at: datetime) -> list[Verdict]:
    """Rows of different order lines."""
    known = _known(source, told)
    verdicts = [judge(row, facts, at=at) for row, facts in zip(told, known, strict=True)]
    pairs = list(zip(told, known, verdicts, strict=True))
    new = [(row, facts) for row, facts, verdict in pairs if verdict is Verdict.ACCEPTED]
    moved = [
        (row, facts)
        for row, facts, verdict in pairs
        if verdict in (Verdict.RECEIVED, Verdict.REFUNDED)
    ]
    made = _record(source, new, at)
    external.change(
        changes=[
            external.Change(line.line_id, row.refunded_fen, row.received_at)
            for (row, _), line in zip(new, made, strict=True)
            if row.refunded_fen or row.received_at
        ]
        + [
            external.Change(facts["line_id"], row.refunded_fen, row.received_at)
            for row, facts in moved
        ]
    )
    orders = [line.order_id for line in made] + [facts["order_id"] for _, facts in moved]
    accruals.reconcile_orders(orders, at=at)
    return verdicts


def _known(source: ConversionSource, told: list[Row]) -> list[dict[str, Any]]:
    asked = dict(zip(Row._fields, columns(told, len(Row._fields)), strict=True))
    names = ("order", "line", "sku", "paid_at", "code", "click")
    return rows(_KNOWN, {name: texts(asked[name]) for name in names} | {"source": source.pk})


def judge(row: Row, known: dict[str, Any], *, at: datetime) -> Verdict:
    """What a row means, given what is known of its line, goods and promoter."""
    if max(row.paid_at, row.received_at) > (at + EARLY).isoformat():
        return Verdict.FUTURE
    if known["line_id"] is not None:
        return _judge_again(row, known)
    if known["sku_id"] is None or known["rate_bps"] is None:
        return Verdict.UNKNOWN_SKU
    return Verdict.ACCEPTED if known["code"] else Verdict.UNKNOWN_CODE


def _judge_again(row: Row, known: dict[str, Any]) -> Verdict:
    if (row.paid_fen, row.sku) != (known["paid_fen"], known["external_sku"]):
        return Verdict.CHANGED
    if row.refunded_fen < known["refunded_fen"]:
        return Verdict.REFUND_SHRUNK
    if row.refunded_fen > known["refunded_fen"]:
        return Verdict.REFUNDED
    is_news = row.received_at and not known["is_received"]
    return Verdict.RECEIVED if is_news else Verdict.UNCHANGED


def _record(
    source: ConversionSource, new: list[tuple[Row, dict[str, Any]]], at: datetime
) -> list[external.Made]:
    if not new:
        return []
    lines = [
        external.ExternalLine(
            sku_id=known["sku_id"],
            qty=row.qty,
            paid_fen=row.paid_fen,
            paid_at=row.paid_at,
            fee_bps=source.fee_bps,
            commission_bps=known["rate_bps"],
            offer_id=known["offer_id"],
            window_days=source.window_days,
            referral_code=known["code"],
            click_id=known["click"],
        )
        for row, known in new
    ]
    made = external.record(lines=lines, buyer_id=source.buyer_id, at=at)
    run(
        _KEEP,
        {
            "source": source.pk,
            "at": at,
            "orders": texts([row.order for row, _ in new]),
            "lines": texts([row.line for row, _ in new]),
            "skus": texts([row.sku for row, _ in new]),
            "line_ids": numbers([line.line_id for line in made]),
            "paid": numbers([row.paid_fen for row, _ in new]),
        },
    )
    return made
