"""The customer lock 锁客: for how long a click or a paid order keeps a shop's customer with the
promoter, by the shop's own settings.

What binds is written down once, with the rules of its day (`LockChange`); who holds a customer at
an instant is `tuike_customer_lock(buyer, shop, instant)`, a function of these rows in the order of
their instants (then promoters). So neither a late touch, nor a replay, nor two promoters who bind
one buyer at the same moment can leave two answers.

    nobody holds, or the lock has run out    → the change binds: from its instant, for its days
    the holder's own click or order          → extends: until the later of both ends
    somebody else's, mode `last`             → takes over at once
    somebody else's, mode `override`         → takes over, once the holder's protect period is over
    somebody else's, mode `first`            → changes nothing
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from backend.accounts.models import Account
from backend.core import audit
from backend.core.errors import NotFound, Refusal
from backend.core.sql import columns, numbers, read, run
from commissions.models import LockSetting
from shops.models import Shop

Mode = LockSetting.Mode
MAX_DAYS = 365
DAYS = (
    "click_product_days", "click_content_days", "click_live_days",
    "order_product_days", "order_content_days", "order_live_days",
)  # fmt: skip
FIELDS = ("mode", *DAYS, "protect_days")
OFF: dict[str, Any] = {"mode": Mode.FIRST.value, **dict.fromkeys(FIELDS[1:], 0)}

# The setting of a shop that was in force at an instant: its own, or else the platform's.
IN_FORCE = """
SELECT {columns} FROM commissions_locksetting s
WHERE (s.shop_id = {shop} OR s.shop_id IS NULL) AND s.since <= {at}
ORDER BY s.shop_id IS NULL, s.since DESC LIMIT 1"""
# From what a link leads to: the source, and the shops whose customer is bound.
_SHOPS = """
SELECT 'product' AS source, p.shop_id FROM shops_product p
WHERE link.target_kind = 'product' AND p.id = link.target_id
UNION ALL SELECT 'product', link.target_id WHERE link.target_kind = 'shop'
UNION SELECT 'content', p.shop_id FROM notes_noteproduct c JOIN shops_product p
    ON p.id = c.product_id WHERE link.target_kind = 'note' AND c.note_id = link.target_id
UNION SELECT 'live', p.shop_id FROM notes_liveproduct c JOIN shops_product p
    ON p.id = c.product_id WHERE link.target_kind = 'live' AND c.session_id = link.target_id
"""
# The changes that freshly stored touches make, as a part of the statement that stores them. A
# promoter's own clicks, and those of the shop's owner, bind nobody.
BOUND_BY_CLICKS = f"""
bound AS (
    INSERT INTO commissions_lockchange
        (buyer_id, shop_id, promoter_id, source, cause, cause_id, days, mode, protect_days, at)
    SELECT t.account_id, w.shop_id, link.promoter_id, w.source, 'click', t.id, d.days, s.mode,
        s.protect_days, t.at
    FROM stored t JOIN commissions_promotionlink link ON link.id = t.link_id
    JOIN commissions_promoter p ON p.id = link.promoter_id AND p.account_id <> t.account_id
    CROSS JOIN LATERAL ({_SHOPS}) w
    CROSS JOIN LATERAL ({IN_FORCE.format(columns="s.*", shop="w.shop_id", at="t.at")}) s
    CROSS JOIN LATERAL (SELECT CASE w.source WHEN 'product' THEN s.click_product_days
        WHEN 'content' THEN s.click_content_days ELSE s.click_live_days END AS days) d
    JOIN shops_shop shop ON shop.id = w.shop_id AND shop.account_id <> t.account_id
    WHERE d.days > 0
    ON CONFLICT (cause, cause_id, shop_id) DO NOTHING
)
"""
_BOUND_BY_ORDERS = """
INSERT INTO commissions_lockchange
    (buyer_id, shop_id, promoter_id, source, cause, cause_id, days, mode, protect_days, at)
SELECT o.buyer_id, o.shop_id, w.promoter_id, src.source, 'order', l.id, d.days, s.mode,
    s.protect_days, o.paid_at
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS w(line_id, promoter_id, setting_id)
JOIN shops_orderline l ON l.id = w.line_id
JOIN shops_order o ON o.id = l.order_id
JOIN commissions_attribution a ON a.order_line_id = l.id
JOIN commissions_promoter p ON p.id = w.promoter_id AND p.account_id <> o.buyer_id
JOIN commissions_locksetting s ON s.id = w.setting_id
LEFT JOIN commissions_promotionlink link ON a.source_kind = 'referral' AND link.id = a.source_id
LEFT JOIN commissions_lockchange held ON a.source_kind = 'lock' AND held.id = a.source_id
CROSS JOIN LATERAL (SELECT CASE coalesce(held.source, link.target_kind) WHEN 'note' THEN 'content'
    WHEN 'content' THEN 'content' WHEN 'live' THEN 'live' ELSE 'product' END AS source) src
CROSS JOIN LATERAL (SELECT CASE src.source WHEN 'product' THEN s.order_product_days
    WHEN 'content' THEN s.order_content_days ELSE s.order_live_days END AS days) d
WHERE d.days > 0
ORDER BY l.id
ON CONFLICT (cause, cause_id, shop_id) DO NOTHING
"""


class LockDaysTooLong(Refusal):
    """A customer is locked for at most a year at a time."""

    code = "lock_days_too_long"
    status = 422
    title = "At most 365 days"


class SettingJustChanged(Refusal):
    """Somebody else changed the setting at the same instant."""

    code = "lock_setting_just_changed"
    status = 409
    title = "The setting was changed at the same moment; read it again"


class Change(NamedTuple):
    """What binds, as `hold` takes it."""

    promoter_id: int
    at: datetime
    days: int
    mode: str
    protect_days: int


class Hold(NamedTuple):
    """Who holds a customer: from the instant it was bound, until the lock runs out."""

    promoter_id: int
    from_at: datetime
    until_at: datetime


def hold(changes: Iterable[Change], as_of: datetime) -> Hold | None:
    """Who holds a customer at `as_of`; the same rule as `tuike_customer_lock` in the database,
    which a test holds to it."""
    held: Hold | None = None
    past = (change for change in changes if change.at <= as_of)
    for change in sorted(past, key=lambda one: (one.at, one.promoter_id, one.mode, one.days)):
        until = change.at + timedelta(days=change.days)
        if held is None or change.at >= held.until_at:
            held = Hold(change.promoter_id, change.at, until)
        elif change.promoter_id == held.promoter_id:
            held = held._replace(until_at=max(held.until_at, until))
        elif change.mode == Mode.LAST or (
            change.mode == Mode.OVERRIDE
            and change.at >= held.from_at + timedelta(days=change.protect_days)
        ):
            held = Hold(change.promoter_id, change.at, until)
    return held if held and held.until_at > as_of else None


def extend_by_orders(won: Sequence[tuple[int, int, int]]) -> int:
    """Writes what paid lines change: (order line, promoter, setting); inside the transaction that
    attributes them. How many changes are new."""
    lines, promoters, settings = columns(won, 3)
    return run(_BOUND_BY_ORDERS, [numbers(lines), numbers(promoters), numbers(settings)])


# ---------------------------------------------------------------- settings
_SETTING = IN_FORCE.format(columns="s.*", shop="%s::bigint", at="%s::timestamptz")


def setting_of(*, account: Account, shop_id: int, at: datetime) -> dict[str, Any]:
    """The setting in force for a shop: its own, the platform's (`own` false), or locks off.

    :raises NotFound: no such shop, or neither the account's nor is the account staff.
    """
    _shop(shop_id, account, staff=True)
    found = read(_SETTING, [shop_id, at])
    if not found:
        return {**OFF, "own": False, "since": None}
    setting = found[0]
    own = setting["shop_id"] is not None
    return {name: setting[name] for name in FIELDS} | {"own": own, "since": setting["since"]}


def change_setting(
    *, account: Account, shop_id: int, at: datetime, **fields: Any
) -> dict[str, Any]:
    """The shop's own setting from now on, all of it; what has bound until now keeps its days.

    :raises NotFound: not the account's shop.
    :raises LockDaysTooLong: more than 365 days.
    :raises SettingJustChanged: it was changed at the same instant.
    """
    shop = _shop(shop_id, account, staff=False)
    made = _set(shop, account, at, fields)
    return {name: getattr(made, name) for name in FIELDS} | {"own": True, "since": made.since}


def change_default(*, by: Any, at: datetime, **fields: Any) -> LockSetting:
    """The platform's setting from now on, for shops that have none of their own.

    :raises LockDaysTooLong: more than 365 days.
    :raises SettingJustChanged: it was changed at the same instant.
    """
    return _set(None, by, at, fields)


def _set(shop: Shop | None, by: Any, at: datetime, fields: dict[str, Any]) -> LockSetting:
    wrong = [name for name in (*DAYS, "protect_days") if fields.get(name, 0) > MAX_DAYS]
    if wrong:
        raise LockDaysTooLong(fields={name: ["At most 365 days."] for name in wrong})
    try:
        with transaction.atomic():
            setting = LockSetting.objects.create(shop=shop, since=at, **{**OFF, **fields})
            audit.note(actor=by, action="lock.setting", target=setting, at=at, **fields)
    except IntegrityError as error:
        raise SettingJustChanged() from error
    return setting


def _shop(shop_id: int, account: Account, *, staff: bool) -> Shop:
    shop = Shop.objects.filter(pk=shop_id).first()
    if shop is None or not (shop.account_id == account.pk or (staff and account.is_staff)):
        raise NotFound()
    return shop


# ---------------------------------------------------------------- who is locked to whom
# The newest change of each customer and shop that a promoter has bound; what has come of it.
_MINE = """
SELECT c.id, c.shop_id AS shop, s.name AS shop_name, b.handle AS buyer, c.source, c.cause, c.at,
    coalesce(held.promoter_id = c.promoter_id, false) AS holds,
    CASE WHEN held.promoter_id = c.promoter_id THEN held.from_at END AS from_at,
    CASE WHEN held.promoter_id = c.promoter_id THEN held.until_at END AS until_at
FROM commissions_lockchange c
JOIN shops_shop s ON s.id = c.shop_id
JOIN accounts_account b ON b.id = c.buyer_id
LEFT JOIN LATERAL tuike_customer_lock(c.buyer_id, c.shop_id, %(at)s::timestamptz) held ON true
WHERE c.promoter_id = (SELECT p.id FROM commissions_promoter p WHERE p.account_id = %(account)s)
  AND c.id < %(before)s::bigint AND NOT EXISTS (SELECT 1 FROM commissions_lockchange later
    WHERE later.buyer_id = c.buyer_id AND later.shop_id = c.shop_id
      AND later.promoter_id = c.promoter_id AND later.id > c.id)
ORDER BY c.id DESC LIMIT %(size)s
"""


def customers_of(
    account: Account, *, at: datetime, before: int = 2**63 - 1, size: int = 20
) -> list[dict[str, Any]]:
    """The customers that the account has ever bound, the newest change first, masked; whether it
    holds them now. One statement."""
    found = read(_MINE, {"account": account.pk, "at": at, "before": before, "size": size})
    return [row | {"buyer": masked(row["buyer"])} for row in found]


_HELD = """
SELECT held.*, p.account_id, a.handle FROM tuike_customer_lock(%s::bigint, %s::bigint,
    %s::timestamptz) held
JOIN commissions_promoter p ON p.id = held.promoter_id
JOIN accounts_account a ON a.id = p.account_id
"""


def holder(*, buyer_id: int, shop_id: int, at: datetime) -> dict[str, Any] | None:
    """Who holds this customer of this shop at an instant: promoter_id, handle, source, from_at,
    until_at and the change that bound them; None where nobody does."""
    found = read(_HELD, [buyer_id, shop_id, at])
    return found[0] if found else None


def masked(handle: str) -> str:
    """A handle that its owner knows again and nobody else: its first and last letter."""
    return f"{handle[0]}***{handle[-1]}"
