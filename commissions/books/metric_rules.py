"""The rule of the market's figures: A8. Counted here apart from shops/metrics.py, by one
statement over all days, so that the two would have to be wrong in the same way."""

from commissions.books.rule import Rule

# Days that a mark or an event on its way will count anew are not closed yet.
_OPEN_DAYS = """
    SELECT day FROM shops_metricmark
    UNION SELECT unnest(ARRAY[o.placed_day, o.paid_day,
        (f.succeeded_at AT TIME ZONE 'Asia/Shanghai')::date])
    FROM core_event v JOIN shops_order o ON o.id = v.subject_id
    LEFT JOIN shops_refund f ON f.order_id = o.id
    WHERE v.state <> 'delivered' AND v.kind LIKE 'order.%%'
"""
_COUNTED = """
    SELECT day, shop_id, sum(orders) AS orders, sum(gmv)::bigint AS gmv, sum(dab) AS dab,
           sum(orders_paid) AS orders_paid, sum(gmv_paid)::bigint AS gmv_paid,
           sum(dab_paid) AS dab_paid, sum(refunded)::bigint AS refunded
    FROM (
        SELECT placed_day AS day, coalesce(shop_id, 0) AS shop_id, count(*) AS orders,
               sum(payable_fen) AS gmv, count(DISTINCT buyer_id) AS dab, 0 AS orders_paid,
               0 AS gmv_paid, 0 AS dab_paid, 0 AS refunded
        FROM shops_order WHERE status <> 'external'
        GROUP BY GROUPING SETS ((placed_day, shop_id), (placed_day))
        UNION ALL
        SELECT paid_day, coalesce(shop_id, 0), 0, 0, 0, count(*), sum(paid_fen),
               count(DISTINCT buyer_id), 0
        FROM shops_order WHERE paid_at IS NOT NULL AND status <> 'external'
        GROUP BY GROUPING SETS ((paid_day, shop_id), (paid_day))
        UNION ALL
        SELECT (f.succeeded_at AT TIME ZONE 'Asia/Shanghai')::date, coalesce(o.shop_id, 0),
               0, 0, 0, 0, 0, 0, sum(f.amount_fen)
        FROM shops_refund f JOIN shops_order o ON o.id = f.order_id
        WHERE f.status = 'succeeded' GROUP BY GROUPING SETS ((1, o.shop_id), (1))) parts
    GROUP BY day, shop_id
"""

RULES = [
    Rule(
        "A8",
        "the stored figures of a closed day are a recount of its orders",
        f"""
        SELECT coalesce(m.day, c.day) AS day, coalesce(m.shop_id, c.shop_id) AS shop,
               m.dab, c.dab AS dab_recounted, m.gmv_fen, c.gmv AS gmv_recounted_fen,
               m.refunded_fen, c.refunded AS refunded_recounted_fen
        FROM shops_dailymetric m FULL JOIN ({_COUNTED}) c
          ON (c.day, c.shop_id) = (m.day, m.shop_id)
        WHERE coalesce(m.day, c.day) < (%(at)s::timestamptz AT TIME ZONE 'Asia/Shanghai')::date
          AND coalesce(m.day, c.day) NOT IN (SELECT day FROM ({_OPEN_DAYS}) o WHERE day IS NOT NULL)
          AND (m.orders, m.gmv_fen, m.dab, m.orders_paid, m.gmv_paid_fen, m.dab_paid,
               m.refunded_fen)
              IS DISTINCT FROM
              (c.orders, c.gmv, c.dab, c.orders_paid, c.gmv_paid, c.dab_paid, c.refunded)
        ORDER BY 1, 2
        """,
    ),
]
