"""Orders by the ten thousand for a storm: `python -m tests.faults.bulk BUYERS` makes the world and
prints it as JSON; `wave` adds completed orders of one line each, in one transaction, with the
event that tells the relay of each."""

import json
import os
import sys
from datetime import timedelta
from typing import Any

import psycopg

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")

from backend import embedded

PROMOTERS, SHOPS, BUYERS = 400, 40, 4_000
# How the sandbox treats an earner's payouts; "0000" pays at once.
SUFFIXES = ["0000", "9002", "9003", "9004", "9005", "9006", "0000", "9003", "9006", "0000"]

CROWD = [
    """INSERT INTO accounts_account (password, is_superuser, handle, display_name, bio, city_code,
        gender, phone, verification, follower_count, following_count, note_count, is_active,
        is_staff, joined_at)
    SELECT '', false, 'crowd' || n, 'crowd ' || n, '', '', '', '', 'none', 0, 0, 0, true, false,
           %(at)s FROM generate_series(1, %(people)s) n""",
    """INSERT INTO commissions_promoter (account_id, sponsor_id, invite_code, status, joined_at)
    SELECT id, NULL, 'b' || id, 'active', %(at)s FROM accounts_account
    WHERE handle LIKE 'crowd%%' ORDER BY id LIMIT %(half)s""",
    """INSERT INTO commissions_promoter (account_id, sponsor_id, invite_code, status, joined_at)
    SELECT a.id, (SELECT min(id) FROM commissions_promoter WHERE invite_code LIKE 'b%%')
           + a.id %% %(half)s, 'c' || a.id, 'active', %(at)s
    FROM (SELECT id FROM accounts_account WHERE handle LIKE 'crowd%%'
          ORDER BY id OFFSET %(half)s LIMIT %(half)s) a""",
    """INSERT INTO commissions_sponsoredge (promoter_id, sponsor_id, from_at, recorded_at, reason)
    SELECT id, sponsor_id, joined_at, joined_at, '' FROM commissions_promoter
    WHERE sponsor_id IS NOT NULL AND invite_code LIKE 'c%%'""",
    """INSERT INTO shops_category (code, name, position, is_active)
    VALUES ('crowd', 'crowd', 0, true)""",
    """INSERT INTO shops_shop (account_id, name, name_skeleton, intro, owner_type, kind,
        licence_number, fee_bps, status, suspended_reason, opened_at)
    SELECT id, 'shop ' || id, 'shop' || id, '', 'individual', 'third_party', '', 500, 'open', '',
           %(at)s FROM accounts_account WHERE handle LIKE 'crowd%%' ORDER BY id DESC
    LIMIT %(shops)s""",
    """INSERT INTO shops_product (shop_id, category_id, title, description, image_url, attributes,
        return_window_days, shipping_fee_fen, status, ban_reason, sales_count, created_at)
    SELECT s.id, c.id, 'goods', '', '', '{}', 7, 0, 'on_sale', '', 0, %(at)s
    FROM shops_shop s JOIN shops_category c ON c.code = 'crowd' WHERE s.name LIKE 'shop %%'""",
    """INSERT INTO shops_sku (product_id, code, options, price_fen, on_hand, committed, is_active)
    SELECT id, 'only', '{}', 12900, 1000000, 0, true FROM shops_product WHERE title = 'goods'""",
    """INSERT INTO commissions_promotionlink (promoter_id, target_kind, target_id, code, channel,
        created_at)
    SELECT p.id, 'product', g.id, 'K' || p.id, '', %(at)s
    FROM (SELECT id, row_number() OVER (ORDER BY id) n FROM commissions_promoter
          WHERE invite_code LIKE 'c%%') p
    JOIN (SELECT id, row_number() OVER (ORDER BY id) n FROM shops_product
          WHERE title = 'goods') g ON g.n = 1 + p.n %% %(shops)s""",
]
# Order n goes through link n to that link's product, by buyer n; it was received, and its
# after-sale window has just passed.
WAVE = [
    """CREATE TEMP TABLE sale ON COMMIT DROP AS
    SELECT %(tag)s || n AS number, b.id AS buyer_id, k.id AS link_id, k.code, g.id AS product_id,
           g.shop_id, u.id AS sku_id, (150 + (n::bigint * 7919) %% 2000) * 20 + n %% 7 AS fen,
           %(day)s::timestamptz + n * interval '1 second' AS at
    FROM generate_series(1, %(lines)s) n
    JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 r FROM accounts_account
          WHERE handle LIKE 'crowd%%' ORDER BY id OFFSET %(promoters)s LIMIT %(buyers)s) b
      ON b.r = %(promoters)s + n %% %(buyers)s
    JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 r FROM commissions_promotionlink
          WHERE code LIKE 'K%%') k ON k.r = n %% %(links)s
    JOIN shops_product g ON g.id = k.target_id JOIN shops_sku u ON u.product_id = g.id""",
    """INSERT INTO commissions_touch (click_id, kind, link_id, visitor, account_id, at)
    SELECT number, 'referral', link_id, 'v' || buyer_id, buyer_id, at - interval '1 hour'
    FROM sale ORDER BY number""",
    """INSERT INTO shops_checkout (number, buyer_id, address, total_fen, status, click_id,
        created_at, expires_at)
    SELECT number, buyer_id, '{}', fen, 'paid', number, at, at FROM sale ORDER BY number""",
    """INSERT INTO shops_payment (checkout_id, provider, transaction_id, amount_fen, payer, status,
        paid_at, recorded_at)
    SELECT c.id, 'sandbox', s.number, fen, '', 'accepted', at, at
    FROM sale s JOIN shops_checkout c USING (number) ORDER BY c.id""",
    """INSERT INTO shops_order (number, checkout_id, shop_id, buyer_id, status, goods_fen,
        shipping_fen, discount_fen, payable_fen, paid_fen, refunded_fen, refunded_shipping_fen,
        placed_at, paid_at, shipped_at, received_at, completed_at, aftersale_until)
    SELECT number, c.id, shop_id, s.buyer_id, 'completed', fen, 0, 0, fen, fen, 0, 0, at, at, at,
           at, at, at
    FROM sale s JOIN shops_checkout c USING (number) ORDER BY c.id""",
    """INSERT INTO shops_orderline (order_id, sku_id, product_id, title, options, unit_price_fen,
        qty, discount_fen, payable_fen, paid_fen, shipped_qty, refunded_qty, refunded_fen,
        return_window_days, fee_bps, commission_bps, source_kind, referral_code)
    SELECT o.id, sku_id, product_id, 'goods', '{}', fen, 1, 0, fen, fen, 1, 0, 0, 7, 500, 3000,
           'referral', code
    FROM sale s JOIN shops_order o USING (number) ORDER BY o.id""",
    """INSERT INTO shops_orderevent (order_id, kind, actor_id, data, at)
    SELECT o.id, kind, NULL, '{}', at FROM sale s JOIN shops_order o USING (number)
    CROSS JOIN (VALUES (1, 'paid'), (2, 'completed')) k(place, kind) ORDER BY o.id, place""",
    """INSERT INTO core_event (kind, subject_id, payload, state, attempts, error, recorded_at,
        due_at)
    SELECT 'order.paid', o.id, '{}', 'pending', 0, '', at, at
    FROM sale s JOIN shops_order o USING (number) ORDER BY o.id""",
]


def wave(database_url: str, *, number: int, lines: int, begun: Any) -> None:
    """Adds `lines` orders of a day of their own, 30 days and `number` before `begun`. A wave
    whose commit was never answered is found by its first order, and is not added again."""
    tag = f"wave{number}x"
    values = {
        "tag": tag,
        "lines": lines,
        "day": begun - timedelta(days=1 + number),
        "promoters": PROMOTERS,
        "buyers": BUYERS,
        "links": PROMOTERS // 2,
    }
    with psycopg.connect(database_url) as connection:
        if connection.execute(
            "SELECT 1 FROM shops_order WHERE number = %s", [f"{tag}1"]
        ).fetchone():
            return
        for statement in WAVE:
            used = {name: values[name] for name in values if f"%({name})s" in statement}
            connection.execute(statement, used or None)


def build(buyers: int) -> dict[str, Any]:
    """The trading world of tests/world.py, a crowd beside it, earners with payee accounts, and
    two of the finance desk."""
    from django.contrib.auth.models import Permission
    from django.db import transaction

    from backend.accounts import tokens
    from backend.accounts.models import Account
    from backend.core.clock import now
    from backend.core.sql import run
    from commissions import payees
    from seeds import factories as f
    from shops.models import Shop
    from tests import world

    begun = now() - timedelta(days=60)
    built = world.build(buyers, starts_at=begun, published_at=begun)
    with transaction.atomic():
        # Without a licence a shop sells 100,000 yuan a year, and these sell more.
        Shop.objects.update(licence_number="91310000MA1FL0000X")
        values = {
            "at": begun,
            "half": PROMOTERS // 2,
            "shops": SHOPS,
            "people": PROMOTERS + BUYERS + SHOPS,
        }
        for statement in CROWD:
            run(statement, {name: values[name] for name in values if f"%({name})s" in statement})
        earners = []
        people = Account.objects.filter(promoter__invite_code__startswith="c").order_by("id")
        for account, suffix in zip(people, SUFFIXES, strict=False):
            payees.add(
                account=account,
                provider="sandbox",
                holder_name="李",
                number=f"62220000{account.pk:04}{suffix}",
                at=now(),
            )
            earners.append(tokens.issue(account=account, at=now())[0])
        for handle, right in (("maker", "prepare_payout"), ("checker", "approve_payout")):
            desk = f.AccountFactory.create(handle=handle, is_staff=True)
            desk.user_permissions.set(Permission.objects.filter(codename=right))
    return built | {"earners": earners}


if __name__ == "__main__":
    embedded.ensure()
    import django

    django.setup()
    sys.stdout.write(json.dumps(build(int(sys.argv[1]))))
