"""The benchmarks' ground: a throw-away database on the embedded server, rows in bulk, clocks.

Absolute figures drift by a factor of two on a shared machine: only ratios inside one run count.
"""

import gc
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, connections

from backend.core.sql import run, value

PROMOTERS, SHOPS, BUYERS = 3_000, 300, 30_000
TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def database(name: str = "bench_tuike") -> Iterator[None]:
    """A fresh migrated database that is dropped at the end, whatever happened."""
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connections.close_all()
        connection.creation.destroy_test_db(name, verbosity=0)


def servers() -> str:
    """The database server's name and version."""
    return f"PostgreSQL {value('SHOW server_version')}"


def say(text: str = "") -> None:
    """A line of the report, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def table(title: str, heads: list[str], lines: list[list[str]]) -> None:
    """A table of the report."""
    widths = [max(len(row[i]) for row in [heads, *lines]) for i in range(len(heads))]
    say(f"\n{title}")
    for row in [heads, ["-" * width for width in widths], *lines]:
        say("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


def backend_cpu() -> float:
    """CPU seconds that this connection's server process has used so far; 0 where the process is
    not to be seen from here."""
    try:
        stat = Path(f"/proc/{value('SELECT pg_backend_pid()')}/stat").read_text()
    except OSError:
        return 0.0
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _child(job: Callable[[], Any], start: Any, answers: Any) -> None:
    gc.freeze()  # as the worker's processes do
    connection.ensure_connection()
    before, mine = backend_cpu(), time.process_time()
    start.wait()
    try:
        done = job()
    except BaseException as error:
        # Whoever waits for the answer is told at once.
        answers.put((error, 0.0))
        raise
    answers.put((done, backend_cpu() - before + time.process_time() - mine))
    connections.close_all()


def side_by_side(jobs: list[Callable[[], Any]]) -> tuple[float, float, list[Any]]:
    """Runs each job in a process of its own; wall seconds, CPU seconds of the processes and of
    their server processes, and the answers."""
    connections.close_all()
    context = multiprocessing.get_context("fork")
    start, answers = context.Barrier(len(jobs) + 1), context.Queue()
    crew = [context.Process(target=_child, args=(job, start, answers)) for job in jobs]
    for worker in crew:
        worker.start()
    start.wait()
    began = time.perf_counter()
    told = [answers.get(timeout=1_200) for _ in crew]
    wall = time.perf_counter() - began
    for worker in crew:
        worker.join()
    for done, _ in told:
        if isinstance(done, BaseException):
            raise done
    return wall, sum(cpu for _, cpu in told), [done for done, _ in told]


def settle_down() -> None:
    """Statistics and a checkpoint, so that no round pays for the one before."""
    connection.ensure_connection()
    run("ANALYZE")
    run("CHECKPOINT")


PEOPLE = """
INSERT INTO accounts_account (password, is_superuser, handle, display_name, bio, city_code,
    gender, phone, verification, follower_count, following_count, note_count, is_active, is_staff,
    joined_at)
SELECT '', false, 'bench' || n, 'bench ' || n, '', '', '', '', 'none', 0, 0, 0, true, false, now()
FROM generate_series(1, %s) n
"""
MARKET = [
    """INSERT INTO commissions_promoter (account_id, sponsor_id, invite_code, status, joined_at)
    SELECT id, NULL, 'b' || id, 'active', now() FROM accounts_account ORDER BY id LIMIT %(half)s""",
    """INSERT INTO commissions_promoter (account_id, sponsor_id, invite_code, status, joined_at)
    SELECT a.id, (SELECT min(id) FROM commissions_promoter) + a.id %% %(half)s, 'c' || a.id,
           'active', now()
    FROM (SELECT id FROM accounts_account ORDER BY id OFFSET %(half)s LIMIT %(half)s) a""",
    """INSERT INTO shops_category (code, name, position, is_active)
    VALUES ('bench', 'bench', 0, true)""",
    """INSERT INTO shops_shop (account_id, name, name_skeleton, intro, owner_type, kind,
        licence_number, fee_bps, status, suspended_reason, opened_at)
    SELECT id, 'shop ' || id, 'shop' || id, '', 'individual', 'third_party', '', 500, 'open', '',
           now()
    FROM accounts_account ORDER BY id DESC LIMIT %(shops)s""",
    """INSERT INTO shops_product (shop_id, category_id, title, description, image_url, attributes,
        return_window_days, shipping_fee_fen, status, ban_reason, sales_count, created_at)
    SELECT s.id, c.id, 'goods', '', '', '{}', 7, 0, 'on_sale', '', 0, now()
    FROM shops_shop s, shops_category c""",
    """INSERT INTO shops_sku (product_id, code, options, price_fen, on_hand, committed, is_active)
    SELECT id, 'only', '{}', 12900, 1000000, 0, true FROM shops_product""",
    """INSERT INTO commissions_promotionlink (promoter_id, target_kind, target_id, code, channel,
        created_at)
    SELECT p.id, 'product', g.id, 'K' || p.id, '', now()
    FROM (SELECT id, row_number() OVER (ORDER BY id) n FROM commissions_promoter
          WHERE sponsor_id IS NOT NULL) p
    JOIN (SELECT id, row_number() OVER (ORDER BY id) n FROM shops_product) g
      ON g.n = 1 + p.n %% %(shops)s""",
]
# Each order goes through the link n, to that link's product, by buyer n.
SALES = [
    """CREATE TEMP TABLE sale AS
    SELECT n, b.id AS buyer_id, k.id AS link_id, k.code, g.id AS product_id, g.shop_id,
           u.id AS sku_id, (150 + (n::bigint * 7919) %% 2000) * 20 AS fen,
           %(at)s::timestamptz - interval '1 hour' AS at
    FROM generate_series(1, %(lines)s) n
    JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 r FROM accounts_account
          WHERE handle LIKE 'bench%%' ORDER BY id OFFSET %(promoters)s LIMIT %(buyers)s) b
      ON b.r = %(promoters)s + n %% %(buyers)s
    JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 r FROM commissions_promotionlink) k
      ON k.r = n %% %(links)s
    JOIN shops_product g ON g.id = k.target_id JOIN shops_sku u ON u.product_id = g.id""",
    """INSERT INTO commissions_touch (click_id, kind, link_id, visitor, account_id, at)
    SELECT %(tag)s || n, 'referral', link_id, 'v' || buyer_id, buyer_id, at - interval '1 hour'
    FROM sale ORDER BY n""",
    """INSERT INTO shops_checkout (number, buyer_id, address, total_fen, status, click_id,
        created_at, expires_at)
    SELECT %(tag)s || n, buyer_id, '{}', fen, 'paid', %(tag)s || n, at, at FROM sale ORDER BY n""",
    """INSERT INTO shops_order (number, checkout_id, shop_id, buyer_id, status, goods_fen,
        shipping_fen, discount_fen, payable_fen, paid_fen, refunded_fen, refunded_shipping_fen,
        placed_at, paid_at)
    SELECT c.number, c.id, shop_id, s.buyer_id, 'paid', fen, 0, 0, fen, fen, 0, 0, at, at
    FROM sale s JOIN shops_checkout c ON c.number = %(tag)s || n ORDER BY n""",
    """INSERT INTO shops_orderline (order_id, sku_id, product_id, title, options, unit_price_fen,
        qty, discount_fen, payable_fen, paid_fen, shipped_qty, refunded_qty, refunded_fen,
        return_window_days, fee_bps, commission_bps, source_kind, referral_code)
    SELECT o.id, sku_id, product_id, 'goods', '{}', fen, 1, 0, fen, fen, 0, 0, 0, 7, 500, 3000,
           'referral', code
    FROM sale s JOIN shops_order o ON o.number = %(tag)s || n ORDER BY n""",
    "DROP TABLE sale",
]


def people_and_goods() -> None:
    """Promoters (half invited by the other half), shops with one product each, links, buyers."""
    run(PEOPLE, [PROMOTERS + BUYERS + SHOPS])
    for statement in MARKET:
        run(statement, {"half": PROMOTERS // 2, "shops": SHOPS})


def paid_orders(lines: int, tag: str, at: Any) -> None:
    """`lines` paid orders of one line each, every one by a click that is stored."""
    values = {"lines": lines, "tag": tag, "at": at, "promoters": PROMOTERS, "buyers": BUYERS}
    values["links"] = PROMOTERS // 2
    for statement in SALES:
        names = {name: values[name] for name in values if f"%({name})s" in statement}
        run(statement, names)


# A thousand lines an order: whoever settles looks at lines alone. Foreign keys are not checked.
LINES = [
    "SET session_replication_role = replica",
    """INSERT INTO shops_checkout (number, buyer_id, address, total_fen, status, click_id,
        created_at, expires_at)
    SELECT %(tag)s || s.id || '.' || n, s.account_id, '{}', 100, 'paid', '', %(at)s, %(at)s
    FROM shops_shop s, generate_series(1, 1 + %(lines)s::int / 300000) n""",
    """INSERT INTO shops_order (number, checkout_id, shop_id, buyer_id, status, goods_fen,
        shipping_fen, discount_fen, payable_fen, paid_fen, refunded_fen, refunded_shipping_fen,
        placed_at, paid_at)
    SELECT c.number, c.id, s.id, s.account_id, 'received', 100, 0, 0, 100, 100, 0, 0,
           %(at)s, %(at)s
    FROM shops_checkout c JOIN shops_shop s
      ON c.number LIKE %(tag)s || s.id || '.%%' AND c.buyer_id = s.account_id""",
    """INSERT INTO shops_orderline (order_id, sku_id, product_id, title, options, unit_price_fen,
        qty, discount_fen, payable_fen, paid_fen, shipped_qty, refunded_qty, refunded_fen,
        return_window_days, fee_bps, commission_bps, source_kind, referral_code)
    SELECT o.ids[1 + n %% cardinality(o.ids)], n, 1, 'goods', '{}', fen, 1, 0, fen, fen, 1, 0, 0, 7,
           500, 3000, 'referral', k.codes[1 + n %% cardinality(k.codes)]
    FROM (SELECT n, (150 + (n * 7919::bigint) %% 2000) * 20 AS fen
          FROM generate_series(1, %(lines)s::int) n) s,
         (SELECT array_agg(id ORDER BY id) AS ids FROM shops_order
          WHERE number LIKE %(tag)s || '%%') o,
         (SELECT array_agg(code ORDER BY id) AS codes FROM commissions_promotionlink) k""",
    "RESET session_replication_role",
]


def lines_alone(lines: int, tag: str, at: Any) -> int:
    """`lines` paid order lines of a few orders, each through a link; the last line's id before
    them."""
    before: int = value("SELECT coalesce(max(id), 0) FROM shops_orderline")
    values = {"lines": lines, "tag": tag, "at": at}
    for statement in LINES:
        run(statement, {name: values[name] for name in values if f"%({name})s" in statement})
    return before
