"""Small worlds for the tests of the seeds, each undone when it is over."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection, transaction
from django.test import override_settings

from backend.core.clock import now
from backend.core.sql import rows
from seeds.scenarios import demo
from seeds.scenarios.demo import World
from seeds.scenarios.stage import SEED, Stage

SMALL = 0.06


@contextmanager
def undone(folder: Path) -> Iterator[None]:
    """Everything inside is rolled back; durable blocks may run inside, as in Django's TestCase,
    whose mark on its own transactions this is. Pictures go to `folder`."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with override_settings(MEDIA_ROOT=str(folder)), block:
        yield
        transaction.set_rollback(True)


def this_morning() -> datetime:
    """The present of the small worlds: a whole second, late in a business day, so that a day's
    orders do not depend on when the tests run."""
    noon = now().replace(hour=12, minute=0, second=0, microsecond=0)
    return noon - timedelta(days=1)


def small(*, at: datetime, seed: int = SEED, lines: list[str] | None = None) -> World:
    """The demo at a fraction of its size."""
    tell = lines.append if lines is not None else _nobody
    return demo.play(Stage("demo", at, tell, size=SMALL, seed=seed))


def _nobody(line: str) -> None:
    pass


# What two runs of one seed must have in common; ids and random codes are not in it.
_TOLD = {
    "accounts": """SELECT handle, display_name, bio, city_code, birth_year, follower_count,
        following_count, note_count, joined_at FROM accounts_account ORDER BY handle""",
    "notes": """SELECT a.handle, n.title, md5(n.body), n.kind, n.status, n.city_code, n.hot,
        n.like_count, n.collect_count, n.comment_count, n.published_at
        FROM notes_note n JOIN accounts_account a ON a.id = n.author_id
        ORDER BY n.created_at, n.title""",
    "skus": """SELECT s.name, p.title, k.options::text, k.price_fen, k.on_hand, k.committed
        FROM shops_sku k JOIN shops_product p ON p.id = k.product_id
        JOIN shops_shop s ON s.id = p.shop_id ORDER BY 1, 2, 3, 4""",
    "orders": """SELECT a.handle, s.name, o.status, o.payable_fen, o.paid_fen, o.refunded_fen,
        o.placed_at, o.paid_at, o.shipped_at, o.received_at, o.completed_at
        FROM shops_order o JOIN accounts_account a ON a.id = o.buyer_id
        JOIN shops_shop s ON s.id = o.shop_id ORDER BY o.placed_at, 1""",
    "splits": """SELECT p.role, coalesce(a.handle, ''), p.amount_fen, p.reversed_fen, c.status,
        c.rate_bps, c.accrued_at FROM commissions_commissionsplit p
        JOIN commissions_commissionorder c ON c.id = p.commission_id
        LEFT JOIN accounts_account a ON a.id = p.payee_id
        ORDER BY c.accrued_at, 1, 2, 3, 4, 5, 6""",
    "payouts": """SELECT a.handle, p.amount_fen, p.status, p.requested_at
        FROM commissions_payout p JOIN accounts_account a ON a.id = p.account_id
        ORDER BY p.requested_at, a.handle, p.status""",
    "metrics": """SELECT day, orders, gmv_fen, dab, orders_paid, gmv_paid_fen, refunded_fen
        FROM shops_dailymetric WHERE shop_id = 0 ORDER BY day""",
}


def digest() -> dict[str, str]:
    """One hash per kind of row."""
    found = {}
    for name, statement in _TOLD.items():
        told = "\n".join(str(tuple(row.values())) for row in rows(statement))
        # The account that stands for a partner's buyers is named by a random code.
        told = re.sub(r"elsewhere\.[a-z0-9]{16}", "elsewhere", told)
        found[name] = hashlib.sha256(told.encode()).hexdigest()
    return found


def count(statement: str) -> int:
    """A number that a statement answers."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])
