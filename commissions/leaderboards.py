"""Leaderboards 排行榜: who sold most in a day, a week or a month, at a shop or everywhere (K18).

One statement for any board. A period is half-open and begins at the midnight of the business zone;
an order belongs to the day on which it was paid. Equal amounts share a rank, the next rank leaves
a gap, and among equals the older account stands first.
"""

from datetime import date, timedelta
from typing import Any, NamedTuple

from backend.accounts.models import Account
from backend.core.errors import NotFound
from backend.core.sql import read
from shops.models import Shop

PERIODS = ("day", "week", "month")
FIGURES = ("estimated", "settled", "gmv")
TOP = 50


class Period(NamedTuple):
    """Business days [from, to)."""

    from_day: date
    to_day: date


def period_of(name: str, day: date) -> Period:
    """The day, the week from Monday, or the month that holds `day`."""
    if name == "day":
        return Period(day, day + timedelta(days=1))
    if name == "week":
        monday = day - timedelta(days=day.weekday())
        return Period(monday, monday + timedelta(days=7))
    first = day.replace(day=1)
    return Period(first, (first + timedelta(days=32)).replace(day=1))


# `paid_day` is stored in the business zone; an index of it begins the search. What a promoter or
# an author got of a line is their part less what is reversed; GMV is what the line sold for less
# refunds, once a line. What is held or invalid counts nowhere.
_BOARD = """
WITH sold AS (
    SELECT s.payee_id, sum(CASE %(by)s::text
        WHEN 'gmv' THEN l.paid_fen - l.refunded_fen
        WHEN 'settled' THEN CASE WHEN c.status = 'settled' THEN s.amount_fen - s.reversed_fen
            ELSE 0 END
        ELSE s.amount_fen - s.reversed_fen END)::bigint AS fen, count(DISTINCT o.id) AS orders
    FROM shops_order o JOIN shops_orderline l ON l.order_id = o.id
    JOIN commissions_commissionorder c ON c.order_line_id = l.id
    JOIN commissions_commissionsplit s
      ON s.commission_id = c.id AND s.role IN ('promoter', 'creator')
    WHERE o.paid_day >= %(from)s::date AND o.paid_day < %(to)s::date
      AND (%(shop)s::bigint = 0 OR o.shop_id = %(shop)s::bigint)
      AND c.status <> 'invalid' AND c.held_reason = ''
    GROUP BY s.payee_id
),
ranked AS (
    SELECT rank() OVER (ORDER BY fen DESC) AS rank, payee_id, fen, orders,
        row_number() OVER (ORDER BY fen DESC, payee_id) AS place
    FROM sold WHERE fen > 0
)
SELECT r.rank, r.fen, r.orders, left(p.display_name, 1) || '**' AS name,
       r.payee_id = %(account)s AS is_me
FROM ranked r JOIN accounts_account p ON p.id = r.payee_id
WHERE r.place <= %(top)s OR r.payee_id = %(account)s ORDER BY r.place
"""


def board(
    *, account: Account, shop_id: int, period: Period, by: str, top: int = TOP
) -> dict[str, Any]:
    """The `top` of a period by `by` (estimated or settled commission, or GMV, in fen), names
    masked, and the account's own place, wherever it is.

    :raises NotFound: no such open shop.
    """
    if shop_id and not Shop.objects.filter(pk=shop_id, status=Shop.Status.OPEN).exists():
        raise NotFound()
    found = read(
        _BOARD,
        {
            "by": by,
            "from": period.from_day,
            "to": period.to_day,
            "shop": shop_id,
            "account": account.pk,
            "top": top,
        },
    )
    mine = next((row for row in found if row["is_me"]), None)
    return {
        "from": period.from_day,
        "to": period.to_day,
        "by": by,
        "places": [
            {name: row[name] for name in ("rank", "name", "fen", "orders", "is_me")}
            for row in found[:top]
        ],
        "me": {name: mine[name] for name in ("rank", "fen", "orders")} if mine else None,
    }
