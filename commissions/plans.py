"""Plans 分佣方案: which share of a line's budget each role gets, and since when.

A published version never changes (the database refuses); a new default ends the one before it.
A line takes the version that was in force when its order was placed, so neither a late worker
nor a later plan can move it.
"""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from backend.core import audit
from backend.core.errors import NotFound, Refusal, WrongState
from backend.core.sql import value
from commissions.models import CommissionPlan, PlanVersion
from commissions.split import Shares

DEFAULT_NAME = "default"
DEFAULT_SINCE = datetime(2000, 1, 1, tzinfo=UTC)
HARD_LEVELS = 3
_LOCK = 7_201  # advisory lock: one default at a time


class PlanRefused(Refusal):
    """A plan breaks a rule of the market or of the law."""

    code = "plan_refused"
    status = 422
    title = "The plan breaks a rule"


class PlanOverHundredPercent(PlanRefused):
    """The shares of a chain, or of the fee, sum to more than the whole."""

    code = "plan_over_hundred_percent"
    title = "The shares sum to more than 100 %"


class PlanTooManyLevels(PlanRefused):
    """More levels are paid than the market pays (《禁止传销条例》 Art. 7 item 3)."""

    code = "plan_too_many_levels"
    title = "The plan pays more levels than the market allows"


class PlanPaysRecruiting(PlanRefused):
    """The inviter would earn more than the one who sells: paying for heads, not for sales."""

    code = "plan_pays_recruiting"
    title = "An inviter may not earn more than the promoter"


class PlanStartsInPast(PlanRefused):
    """A version would change lines that are already placed."""

    code = "plan_starts_in_past"
    title = "A version cannot start before it is published"


class PlanBeforeLater(PlanRefused):
    """A version that starts later is published already: it would silently be cut off."""

    code = "plan_before_later"
    title = "A later version is published already"


def paying_levels() -> int:
    """How many levels are paid: the promoter is the first, the inviter the second. A third, the
    inviter's inviter, needs PAYING_LEVELS and a confirmation of its own; more there is never."""
    levels = min(settings.PAYING_LEVELS, HARD_LEVELS)
    return levels if levels < HARD_LEVELS or settings.THIRD_LEVEL_CONFIRMED else HARD_LEVELS - 1


def shares_of(version: PlanVersion) -> Shares:
    """The numbers of a version, as `split` takes them."""
    return Shares(**{name: getattr(version, name) for name in Shares._fields})


def lint(*, shares: Shares) -> list[PlanRefused]:
    """Everything that forbids publishing these shares; empty where nothing does."""
    found: list[PlanRefused] = []
    chain = shares.promoter_bps + shares.inviter_bps + shares.inviter2_bps
    if max(chain, shares.creator_bps, shares.charity_bps) > 10_000 or min(shares) < 0:
        found.append(PlanOverHundredPercent(f"Promoter and inviters together take {chain} bps."))
    wanted = 3 if shares.inviter2_bps else 2 if shares.inviter_bps else 1
    if wanted > paying_levels():
        found.append(PlanTooManyLevels(f"The plan pays {wanted} levels. {_clause()}"))
    if shares.inviter_bps > shares.promoter_bps or shares.inviter2_bps > shares.inviter_bps:
        found.append(PlanPaysRecruiting())
    return found


def _clause() -> str:
    return (
        f"This market pays {paying_levels()}: whoever pays uplines on what their downlines sell is "
        "measured by 《禁止传销条例》 Art. 7 item 3."
    )


def draft(*, name: str, shares: Shares, starts_at: datetime, at: datetime) -> PlanVersion:
    """A new unpublished version of the plan `name`, which is made where it does not exist.

    :raises PlanRefused: the first thing that `lint` finds.
    """
    for problem in lint(shares=shares):
        raise problem
    with transaction.atomic():
        _lock()
        plan = CommissionPlan.objects.filter(name=name).order_by("id").first()
        plan = plan or CommissionPlan.objects.create(name=name, created_at=at)
        last = PlanVersion.objects.filter(plan=plan).order_by("-number").first()
        return PlanVersion.objects.create(
            plan=plan,
            number=last.number + 1 if last else 1,
            starts_at=starts_at,
            **shares._asdict(),
        )


def publish(*, version_id: int, by: Any, at: datetime) -> PlanVersion:
    """Publishes a drafted version as the default from its `starts_at` on, for ever unchangeable;
    the defaults in force until then end there.

    :raises NotFound: no such version.
    :raises WrongState: it is published already.
    :raises PlanRefused: what `lint` finds, a start in the past, or one before that of a version
        published already.
    """
    with transaction.atomic():
        _lock()
        locked = PlanVersion.objects.select_for_update(no_key=True, of=("self",))
        version = locked.filter(pk=version_id).first()
        if version is None:
            raise NotFound()
        if version.published_at:
            raise WrongState("The version is published already.")
        if version.starts_at < at:
            raise PlanStartsInPast()
        for problem in lint(shares=shares_of(version)):
            raise problem
        current = PlanVersion.objects.filter(
            is_default=True, published_at__isnull=False, ends_at__isnull=True
        )
        if current.filter(starts_at__gte=version.starts_at).exists():
            raise PlanBeforeLater()
        current.update(ends_at=version.starts_at)
        version.is_default, version.published_at = True, at
        version.save(update_fields=["is_default", "published_at"])
        audit.note(
            actor=by, action="plan.publish", target=version, at=at, **shares_of(version)._asdict()
        )
    return version


def ensure_default(*, at: datetime) -> PlanVersion:
    """The oldest default version; where none was ever published, version 1 of plan `default`
    (promoter 80 %, inviter 20 %, creator 100 %, charity as the settings say)."""
    with transaction.atomic():
        _lock()
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
_AT = f"""
SELECT plan.id FROM (SELECT %s::timestamptz AS placed_at) line CROSS JOIN LATERAL ({IN_FORCE}) plan
"""


def default_version(at: datetime) -> PlanVersion:
    """The default version in force at an instant; before every version the oldest."""
    known = value(_AT, [at])
    return PlanVersion.objects.get(pk=known) if known else ensure_default(at=at)


def _published() -> Any:
    return PlanVersion.objects.filter(is_default=True, published_at__isnull=False)


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
