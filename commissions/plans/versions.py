"""Versions in force: which one divides a line, as of the instant the order was placed.

A published version never changes (the database refuses); a new one ends the one before it. A
line takes what was in force when its order was placed, so neither a late worker nor a later plan
can move it.
"""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from backend.core.sql import value
from commissions.models import CommissionPlan, PlanVersion
from commissions.split import Shares

DEFAULT_NAME = "default"
DEFAULT_SINCE = datetime(2000, 1, 1, tzinfo=UTC)
_LOCK = 7_201  # advisory lock: one publication at a time


def shares_of(version: Any) -> Shares:
    """The numbers of a version, as `split` takes them."""
    return Shares(**{name: getattr(version, name) for name in Shares._fields})


def ensure_default(*, at: datetime) -> PlanVersion:
    """The oldest default version; where none was ever published, version 1 of plan `default`
    (promoter 80 %, inviter 20 %, creator 100 %, charity as the settings say)."""
    with transaction.atomic():
        lock()
        first = _published().order_by("starts_at", "id").first()
        return first or PlanVersion.objects.create(
            plan=CommissionPlan.objects.create(name=DEFAULT_NAME, created_at=at),
            number=1,
            promoter_bps=8_000,
            inviter_bps=2_000 if settings.PAYING_LEVELS >= 2 else 0,
            creator_bps=10_000,
            charity_bps=settings.CHARITY_BPS_OF_FEE,
            is_default=True,
            starts_at=DEFAULT_SINCE,
            published_at=at,
        )


# The default version in force when `line` was placed, for a LATERAL join; no row for an instant
# before every version, which gets the oldest (`ensure_default`).
IN_FORCE = """
    SELECT v.id, v.promoter_bps, v.inviter_bps, v.creator_bps, v.charity_bps, v.inviter2_bps
    FROM commissions_planversion v
    WHERE v.is_default AND v.published_at IS NOT NULL AND v.starts_at <= line.placed_at
      AND (v.ends_at IS NULL OR line.placed_at < v.ends_at)
    ORDER BY v.starts_at DESC, v.id DESC LIMIT 1
"""
# Whether another plan, of the order's shop or of the platform, was in force when the order o was
# placed. An index of its own holds these versions alone: where there is none it is empty.
OFFERING = """
    SELECT FROM commissions_planversion offering
    WHERE offering.published_at IS NOT NULL AND NOT offering.is_default
      AND (offering.shop_id = o.shop_id OR offering.shop_id IS NULL)
      AND offering.starts_at <= o.placed_at
      AND (offering.ends_at IS NULL OR o.placed_at < offering.ends_at)
"""
_AT = f"""
SELECT plan.id FROM (SELECT %s::timestamptz AS placed_at) line CROSS JOIN LATERAL ({IN_FORCE}) plan
"""


def default_version(at: datetime) -> PlanVersion:
    """The default version in force at an instant; before every version the oldest."""
    known = value(_AT, [at])
    return PlanVersion.objects.get(pk=known) if known else ensure_default(at=at)


def charity_bps(at: datetime) -> int:
    """What part of the platform's fee the charity has at an instant, in bps; makes no version."""
    known = value(_AT, [at])
    if known is None:
        return int(settings.CHARITY_BPS_OF_FEE)
    return PlanVersion.objects.get(pk=known).charity_bps


def _published() -> Any:
    return PlanVersion.objects.filter(is_default=True, published_at__isnull=False)


def lock() -> None:
    """Held to the transaction's end by whoever numbers, publishes or ends a version."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
